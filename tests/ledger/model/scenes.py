"""Worlds that are ready to be played: members with units, grants and devices, and requests at every stage."""

from __future__ import annotations

from functools import lru_cache
from itertools import count, islice
from random import Random

from tallystick.ledger import state as st
from tallystick.ledger import transactions as tx
from tallystick.ledger.genesis import Genesis, Limits
from tallystick.ledger.handlers import WEIGHTS
from tests.ledger.model import moves
from tests.ledger.model.actors import Players
from tests.ledger.model.agreements import STANDING_TEAM
from tests.ledger.model.bookkeeper import Bookkeeper
from tests.ledger.model.books import Books
from tests.ledger.model.history import History
from tests.ledger.model.people import BARRED, FULL, founders
from tests.ledger.observed import Verify
from tests.ledger.world import CHAIN, TAGS, Sign, World, key_of, possession

START = 1_700_000_000_000
SCENES = 360
SCHEMES = (
    "mutual",
    "relay",
    "boosting",
    "averaging",
    "secure",
    "analyst",
    "analyst",
    "last",
    "tested",
    "tested",
    "tested",
    "",
    "",
    "",
)
DAY = 86_400_000
HEAVIEST = max(WEIGHTS.values())


def begin(rng: Random, schemes: tuple[Sign, Verify] = TAGS) -> History:
    """A world just founded, with limits that are tight here and there."""
    member = HEAVIEST + rng.choice((0, 20, 60))
    limits = Limits(
        vote_wait=rng.choice((20_000, DAY)),
        vote_delay=rng.choice((0, 500)),
        dormant_after=rng.choice((30 * DAY, 30 * DAY, 40_000)),
        block_weight=member + rng.choice((0, 20, 200)),
        member_weight=member,
        due_limit=rng.choice((256, 256, 256, 1, 2)),
    )
    members = founders(rng.choice((2_000, 5_000)))
    supply = sum(one.balance for one in members)
    genesis = Genesis(CHAIN, START, supply + 5_000, members, 0, limits)
    world, books = World(genesis=genesis, schemes=schemes), Books.of(genesis)
    world.observers.append(Bookkeeper(books))
    return History(world, books, Players(world, rng), rng)


def prepare(rng: Random, schemes: tuple[Sign, Verify] = TAGS) -> History:
    """Found a world and let it run: units, grants, a barred member, a team, and requests under way."""
    history = begin(rng, schemes)
    _settle_in(history)
    scheme = rng.choice(SCHEMES)
    history.does(*moves.request(history.players, rng.choice(("mutual", "last", "boosting"))))
    for _ in range(rng.choice((20, 45, 70))):
        history.serve()
    for wanted in (scheme, *rng.sample(SCHEMES, rng.choice((0, 1, 2)))):
        history.does(*moves.request(history.players, wanted))
        for _ in range(rng.randrange(14)):
            history.serve()
    for _ in range(rng.randrange(22)):
        history.serve()
    return history


def _settle_in(history: History) -> None:
    players, rng, does = history.players, history.rng, history.does
    for member in FULL[: rng.randint(3, 6)]:
        for _ in range(rng.choice((1, 1, 2))):
            does(member, moves.described(players, f"unit-{rng.randrange(10**6)}"))
    for _, unit in sorted(players.rows(st.UNITS).items()):
        if rng.random() < 0.9:
            does(*(moves.grant(players, unit) or ("ada", tx.Nudge())))
    for member in FULL[: rng.randint(1, 2)]:
        device = f"{member} phone"
        until = players.world.time + rng.choice((10**10, 10**10, 20_000))
        does(member, tx.AddDevice(key_of(device).public, possession(member, device), until))
    does("ada", tx.Propose(tx.Suspend(BARRED)))
    for (proposal,) in list(players.rows(st.PROPOSALS)):
        for member in FULL:
            if history.books.proposals[proposal].stage == "open":
                does(member, tx.Vote(proposal, True))
    history.advance(501)
    does("ada", tx.RegisterTeam(STANDING_TEAM, ("bob", "cleo", "dan")))
    for member in ("bob", "cleo", "dan")[: rng.randint(1, 3)]:
        does(member, tx.JoinTeam(STANDING_TEAM))
    for _ in range(rng.randrange(3)):
        asked = moves.ask(players)
        if asked:
            does(*asked)
    if rng.random() < 0.5:
        withdrawn = rng.choice(sorted(players.rows(st.UNITS).items()))[1]
        does(withdrawn.owner, tx.WithdrawUnit(withdrawn.unit))


@lru_cache(maxsize=SCENES)
def scene(place: int) -> History:
    """The prepared world of this place; always the same one."""
    history = prepare(Random(f"scene {place}"))
    history.world.history.clear()  # nothing needs it, and there are many scenes
    history.world.said.clear()
    return history


def history_of(seed: int) -> History:
    """The beginning of a history: a prepared world and the chance that belongs to the seed."""
    rng = Random(f"history {seed}")
    return scene(rng.randrange(SCENES)).twin(rng)


def seeds_within(scenes: range, many: int) -> list[int]:
    """The first seeds whose histories begin in these worlds: a few worlds are prepared for many histories."""
    seeds = (seed for seed in count() if Random(f"history {seed}").randrange(SCENES) in scenes)
    return list(islice(seeds, many))
