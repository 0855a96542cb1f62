"""Units, grants and requests as the tests describe them; the requests are served by `play`."""

from __future__ import annotations

from typing import Any

from tallystick.base.events import Gaussian
from tallystick.base.ids import digest
from tallystick.ledger import transactions as tx
from tallystick.ledger.records import Progress
from tallystick.ledger.rules import EventRule, Rules
from tallystick.ledger.state import PROGRESS
from tests.ledger.play import Play, W, judge, mutual, train
from tests.ledger.world import HOUR, AnyWorld

BUDGET = tx.PrivacyBudget(30 * 10**9, 10**6, "record")
NOISE = EventRule("record", Gaussian(3_000, 1), Gaussian(6_000, 1))
LATE = 2_000_000_000_000
PURPOSE = "maintenance"


def rows(name: str) -> bytes:
    """The Merkle root of the rows that a test calls by this name."""
    return digest(b"test rows", name.encode())


def described(
    name: str = "factory",
    training: str = "",
    judging: str = "",
    budget: tx.PrivacyBudget | None = BUDGET,
    **more: Any,
) -> tx.RegisterUnit:
    """A unit of this name; its rows are called after it unless they are named."""
    terms = more.pop("terms", tx.Terms())
    return tx.RegisterUnit(
        name,
        tx.Profile("vibration", "table", 1_000, b"\x05" * 32),
        rows(training or f"{name} training"),
        rows(judging or f"{name} judging"),
        f"https://data.example/{name}",
        tx.Sketch(1, b"sketch"),
        terms,
        budget,
        **more,
    )


def given(unit: str, to: str = "*", **more: Any) -> tx.GiveGrant:
    """A grant for a hundred uses, unless another number is named."""
    terms = {"purpose": PURPOSE, "uses": 100, "until": LATE, **more}
    return tx.GiveGrant(unit, to, **terms)


def offered(world: AnyWorld, owner: str, **more: Any) -> tx.UnitUse:
    """A unit of the owner's and a grant by which anyone's request may use it."""
    unit = world.made("unit", owner, described(f"unit-of-{owner}", **more))
    return tx.UnitUse(unit, world.made("grant", owner, given(unit)))


def charged(size: int = 2, rounds: int = 2, **more: Any) -> Rules:
    """Two train on units of their own, whose training rows are charged, and judge each other in the open."""
    phases = (train(rows="training", event=NOISE), judge(sealed=False))
    return mutual(size, rounds, **{"phases": phases, "result": "train", "units": True, **more})


def posted(world: AnyWorld, rules: Rules | None = None, requester: str = "dan", **more: Any) -> str:
    reward = more.pop("reward", 300)
    agreed = rules or charged()
    body = tx.PostRequest("vibration", PURPOSE, b"\x01" * 32, reward, agreed, b"\x02" * 32, **more)
    return world.made("request", requester, body)


def formed(world: W, rules: Rules | None = None, members: tuple[str, ...] = ("ada", "bob")) -> Play[W]:
    """A request of dan's whose team has formed of members with units of their own."""
    agreed = rules or charged()
    uses = {member: (offered(world, member),) if agreed.forming.units else () for member in members}
    play = Play(world, posted(world, agreed))
    for member in members:
        world.did(member, tx.Apply(play.request, units=uses[member]))
    world.wait(HOUR)
    assert play.progress().stage == "rounds", play.progress()
    return play


def settled(world: AnyWorld, rules: Rules | None = None, members: tuple[str, ...] = ("ada", "bob")) -> str:
    """A request of dan's that ended with a record."""
    play = formed(world, rules, members)
    play.run()
    return play.request


def progress(world: AnyWorld, name: str) -> Progress:
    return world.get(PROGRESS, name)
