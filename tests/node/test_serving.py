"""A member's node: what it offers and allows, what it applies for, how it goes on after a restart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import msgspec
import numpy as np
import pytest

from tallystick.base.task import task
from tallystick.data.table import Table
from tallystick.engines.errors import ClientError, TransactionRefused
from tallystick.learning import payload
from tallystick.learning.cohort import loop
from tallystick.learning.learner import Learner
from tallystick.learning.models import linear, mlp
from tallystick.ledger import transactions as tx
from tallystick.ledger import views
from tallystick.ledger.requests.live import LIVE
from tallystick.ledger.state import REQUESTS
from tallystick.node.fitting import Budget
from tallystick.node.serving import Joined, turn
from tallystick.node.shelf import Shelf
from tallystick.node.work import Duty
from tallystick.node.worker import InstalledScheme
from tallystick.protocols.plans import Plan
from tallystick.protocols.vocabulary import Bench
from tests.node.site import MEMBERS, Site

TASK = task(["vib", "temp"], "fault", [0, 1])
LEARNER = mlp(4, rate=0.2, optimiser="adam")
MINUTE = 60_000


def table(seed: int, rows: int = 200) -> Table:
    chance = np.random.default_rng(seed)
    vib, temp = chance.normal(size=rows), chance.normal(size=rows)
    return Table({"vib": vib, "temp": temp, "fault": (vib + temp > 0.2).astype(np.int64)})


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "shelf")


@pytest.fixture
def nodes(site: Site, shelf: Shelf) -> Iterator[dict[str, Joined]]:
    """Everybody's node, with rows offered and a learner allowed."""
    made = {name: offering(Joined(site.sessions[name], shelf)) for name in MEMBERS}
    yield made
    for node in made.values():
        node.close()


def offering(node: Joined, learner: Learner = LEARNER) -> Joined:
    node.register("pumps", table(MEMBERS.index(node.member)), TASK, budget=Budget(10))
    node.allow(learner, presets=["averaging"])
    for offered in node.offers.units:
        node.grant(offered)
    return node


def ask(site: Site, shelf: Shelf, learner: Learner = LEARNER, **more: Any) -> str:
    """A request of ada's; everybody has a minute to apply."""
    settings = {"answer": MINUTE, "wait": 10 * MINUTE, "time": 600 * MINUTE}
    given = Plan(TASK, **{"preset": "averaging", "rounds": 2, "members": 3, **more}, settings=settings)
    resolved = given.resolved(learner)
    name = shelf.keep_plan(resolved.plan)
    scheme = InstalledScheme(resolved.protocol, Bench(resolved.plan, learner, TASK.measure, loop))
    bound = payload.PayloadHeader("ada", "initial", 0, name.hex())
    initial = shelf.payloads.put(payload.encode(bound, scheme.blank))
    body = tx.PostRequest("models", "research", name, 300, resolved.rules(), name, initial=initial)
    return site.made("request", "ada", body)


def take_turns(site: Site, nodes: dict[str, Joined], *requests: str, turns: int = 80) -> None:
    """Turns of all nodes until the requests have ended."""
    for _ in range(turns):
        if all(site.progress(name).stage not in LIVE for name in requests):
            return
        if not turn(list(nodes.values()), site.engine, site.time):
            site.time += MINUTE
    raise AssertionError([site.progress(name) for name in requests])


def test_a_request_that_fits_is_applied_for_and_served(site: Site, shelf: Shelf, nodes: dict[str, Joined]):
    request = ask(site, shelf)
    take_turns(site, nodes, request)
    assert site.progress(request).stage == "settled"
    assert all(node.troubles == () and node.declined == {} for node in nodes.values())


def test_the_same_rows_are_the_same_unit_and_other_rows_a_new_version(site: Site, nodes: dict[str, Joined]):
    bob = nodes["bob"]
    (unit,) = bob.offers.units
    assert bob.register("pumps", table(0), TASK) == unit
    changed = bob.register("pumps", table(7), TASK)
    known = views.unit_named(site.engine, "bob", "pumps")
    assert changed != unit and known is not None and known.unit == changed
    with pytest.raises(TransactionRefused):
        bob.grant("unit-" + "0" * 32)


def test_why_a_request_is_not_served_is_known(site: Site, shelf: Shelf, nodes: dict[str, Joined]):
    other = ask(site, shelf, learner=linear())
    large = ask(site, shelf, least_rows=5_000)
    unknown = ask(site, shelf, seed=5)
    for file in (shelf.folder / "plans").iterdir():
        if file.name == views.request(site.engine, unknown).plan.hex():
            file.unlink()
    assert nodes["bob"].apply() == 0
    why = nodes["bob"].declined
    assert why[other] == "learner linear@1 is not allowed here"
    assert why[large].startswith("no unit with 5000 rows of fault, temp, vib")
    assert why[unknown] == "its plan is not to be had"


def test_rules_that_are_not_the_plans_are_not_served(site: Site, shelf: Shelf, nodes: dict[str, Joined]):
    good = views.request(site.engine, ask(site, shelf))
    assert good is not None
    posted = views.find(site.engine, REQUESTS, good.request)
    assert posted is not None
    stopping = msgspec.structs.replace(posted.rules.stopping, rounds=99)
    rules = msgspec.structs.replace(posted.rules, stopping=stopping)
    body = tx.PostRequest("models", "research", posted.plan, 300, rules, posted.plan, initial=posted.initial)
    forged = site.made("request", "ada", body)
    assert nodes["bob"].apply() == 1
    assert nodes["bob"].declined == {forged: "its rules are not those of its plan"}


def test_a_node_that_is_back_goes_on_with_its_learners_memory(
    site: Site, shelf: Shelf, nodes: dict[str, Joined]
):
    request = ask(site, shelf)
    while site.progress(request).round < 2:
        if not turn(list(nodes.values()), site.engine, site.time):
            site.time += MINUTE
    bob = nodes["bob"]
    scheme = bob.worker.scheme_of(bob._posted(request))
    before = bob.worker.store.memory(request, scheme.begun)
    assert before is not None
    bob.close()
    back = Joined(site.sessions["bob"], shelf)
    nodes["bob"] = back
    turn(list(nodes.values()), site.engine, site.time)
    assert {trouble.kind for trouble in back.troubles} == {"unavailable"}  # its owner has allowed nothing yet
    back.allow(LEARNER)
    turn(list(nodes.values()), site.engine, site.time)
    assert [trouble.reason.partition(" with")[0] for trouble in back.troubles] == ["the rows"]
    assert Duty(request, 1, "train") in back.worker.store.ready
    offering(back)
    back.hold()
    after = back.worker.store.memory(request, back.worker.scheme_of(back._posted(request)).begun)
    kept: Any = jax.tree.structure(before)
    assert kept == jax.tree.structure(after)
    assert all(
        np.asarray(old).tobytes() == np.asarray(new).tobytes()
        for old, new in zip(jax.tree.leaves(before), jax.tree.leaves(after), strict=True)
    )
    assert any(np.asarray(leaf).any() for leaf in jax.tree.leaves(after))
    take_turns(site, nodes, request)
    assert site.progress(request).stage == "settled" and back.troubles == ()


def test_a_learner_that_raises_touches_no_other_request(site: Site, shelf: Shelf, nodes: dict[str, Joined]):
    def train(*_: Any) -> Any:
        raise RuntimeError("out of layers")

    bad = replace(linear(), name="breaking", train=train, traced=False)
    for node in nodes.values():
        node.allow(bad, presets=["averaging"])
    good, broken = ask(site, shelf), ask(site, shelf, learner=bad)
    take_turns(site, nodes, good, broken)
    assert site.progress(good).stage == "settled" and site.progress(broken).stage == "refunded"
    for node in nodes.values():
        assert {(each.duty.request, each.kind, each.reason) for each in node.troubles} == {
            (broken, "failed", "RuntimeError: out of layers")
        }


def test_what_has_ended_is_let_go(site: Site, shelf: Shelf, nodes: dict[str, Joined]):
    request = ask(site, shelf)
    take_turns(site, nodes, request)
    turn(list(nodes.values()), site.engine, site.time)
    worker = nodes["bob"].worker
    assert (dict(worker.held), dict(worker.store.ready), dict(worker.store.flying)) == ({}, {}, {})


def test_a_try_before_anybody_depends_on_it(site: Site, shelf: Shelf, nodes: dict[str, Joined]):
    (line,) = nodes["bob"].check()
    assert "mlp trains" in line and line.endswith("40 rows to judge by")
    with Joined(site.sessions["ada"], shelf) as empty:
        with pytest.raises(ClientError, match="register a unit first"):
            empty.check()
        empty.register("pumps", table(3), TASK)
        with pytest.raises(ClientError, match="allow a learner first"):
            empty.check()


def test_serving_takes_the_turns_of_all_beside_it(site: Site, shelf: Shelf, nodes: dict[str, Joined]):
    request = ask(site, shelf)
    everybody = list(nodes.values())
    nodes["bob"]._beside = lambda: everybody
    nodes["bob"].serve(seconds=0.05)
    seen = views.request(site.engine, request)
    assert seen is not None and set(seen.applicants) == set(MEMBERS)
