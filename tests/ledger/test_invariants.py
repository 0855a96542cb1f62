"""Each rule about a whole state catches what breaks it, and names it with its values."""

import pytest
from msgspec.structs import replace

from tallystick.ledger import invariants
from tallystick.ledger import transactions as tx
from tallystick.ledger.budgets.costs import Costs
from tallystick.ledger.invariants import RULES, broken
from tallystick.ledger.records import Due, LiveRequest
from tallystick.ledger.state import (
    ACCOUNTS,
    APPLICATIONS,
    CHAIN,
    DUE,
    GRANTS,
    KEYS,
    LINEAGES,
    LIVE_REQUESTS,
    MEMBERS,
    MESSAGES,
    OTHER_CHAINS,
    PHASES,
    PLACES,
    PROGRESS,
    PROPOSALS,
    RECORDS,
    RESERVATIONS,
    TEAMS,
    UNITS,
    StateTable,
)
from tallystick.ledger.transactions import PrivacyBudget
from tests.ledger import neighbours, story
from tests.ledger.world import HOUR, START, Memory, World

LARGE = (10**12,) * 15


def lively() -> World:
    """A state with something of everything: a team at work, an applicant, a settled request, an open vote."""
    world = World()
    story.settled(world)
    name = story.posted(world, story.charged(bench=2), requester="dan")
    for member in ("ada", "bob"):
        grant = next(one for one in world.scan(GRANTS) if one.owner == member)
        world.did(member, tx.Apply(name, units=(tx.UnitUse(grant.unit, grant.grant),)))
    world.did("cleo", tx.Apply(name, units=(story.offered(world, "cleo"),)))
    world.wait(HOUR)
    world.did("ada", tx.Propose(tx.FillPool(1)))
    return world


WORLD = lively()
STATE = dict(WORLD.reader.records)


def changed(table: StateTable, pick=lambda record: True, state=STATE, **fields) -> dict[bytes, bytes | None]:
    """Writes that alter the first record of a table that is picked."""
    for key, data in sorted(state.items()):
        if key.split(b"/")[0] == table.name.encode():
            record = table.decode(data)
            if pick(record):
                return {key: table.encode(replace(record, **fields))}
    raise AssertionError(f"no {table.name} to alter")


def removed(table: StateTable, state=STATE) -> dict[bytes, bytes | None]:
    """Writes that remove the first record of a table."""
    return {min(key for key in state if key.split(b"/")[0] == table.name.encode()): None}


def moved(table: StateTable, to: str) -> dict[bytes, bytes | None]:
    """Writes that put a copy of a table's first record elsewhere."""
    key = min(key for key in STATE if key.split(b"/")[0] == table.name.encode())
    return {to.encode(): STATE[key]}


def added(table: StateTable, record, *parts) -> dict[bytes, bytes | None]:
    return {table.key(*parts).encode(): table.encode(record)}


LIVE = next(
    key[0] for key, one in invariants.State(WORLD.reader).all(PROGRESS).items() if one.stage == "rounds"
)
DONE = next(
    key[0] for key, one in invariants.State(WORLD.reader).all(PROGRESS).items() if one.stage == "settled"
)

PLANTED = {
    "a token made": ("tokens_are_conserved", changed(ACCOUNTS, balance=1_000_001)),
    "a deposit lost": ("tokens_are_conserved", changed(PLACES, deposit=0)),
    "an escrow doubled": ("tokens_are_conserved", changed(PROGRESS, lambda one: one.escrow, escrow=600)),
    "a stake forgotten": ("tokens_are_conserved", changed(APPLICATIONS, locked=0)),
    "a pool out of nothing": ("tokens_are_conserved", changed(CHAIN, pool=5)),
    "more than the cap": ("tokens_are_conserved", changed(CHAIN, cap=3)),
    "a debt": ("nothing_is_negative", changed(ACCOUNTS, balance=-1)),
    "credit below nothing": ("nothing_is_negative", changed(ACCOUNTS, credit=-1)),
    "an escrow below nothing": ("nothing_is_negative", changed(PROGRESS, escrow=-1)),
    "a deposit below nothing": ("nothing_is_negative", changed(PLACES, deposit=-1)),
    "a stake below nothing": ("nothing_is_negative", changed(APPLICATIONS, locked=-1)),
    "purchases below nothing": ("nothing_is_negative", changed(PROGRESS, purchased=-1)),
    "more spent than budgeted": ("budgets_hold", changed(LINEAGES, spent=Costs(LARGE))),
    "more reserved than budgeted": ("budgets_hold", changed(LINEAGES, reserved=Costs(judging=LARGE))),
    "a budget cut": (
        "budgets_hold",
        changed(LINEAGES, lambda one: any(one.spent.training), budget=PrivacyBudget(1, 1, "record")),
    ),
    "a privacy debt": ("budgets_hold", changed(LINEAGES, spent=Costs(judging=(-1,) * 15))),
    "a reservation lost": ("reservations_add_up", removed(RESERVATIONS)),
    "a reservation too large": ("reservations_add_up", changed(RESERVATIONS, left=Costs((1,) * 15))),
    "a reservation without a place": ("reservations_add_up", removed(PLACES)),
    "a grant used too often": ("grants_are_not_overused", changed(GRANTS, used=101)),
    "a grant used less than never": ("grants_are_not_overused", changed(GRANTS, used=-1)),
    "a unit of two owners": ("units_belong_to_their_lineage", changed(UNITS, owner="zoe")),
    "a unit that is not listed": ("units_belong_to_their_lineage", changed(LINEAGES, parts=())),
    "a withdrawn unit on the list": ("units_belong_to_their_lineage", changed(UNITS, active=False)),
    "a key of nobody's": ("members_hold_their_keys", changed(MEMBERS, key=b"\x01" * 32)),
    "a key of another's": ("members_hold_their_keys", changed(KEYS, member="zoe")),
    "a member without an account": ("members_hold_their_keys", removed(ACCOUNTS)),
    "a member uncounted": ("members_hold_their_keys", changed(CHAIN, members=3)),
    "a number used twice": ("numbers_lie_in_their_window", changed(ACCOUNTS, low=1, ahead=(5, 5))),
    "numbers out of order": ("numbers_lie_in_their_window", changed(ACCOUNTS, low=1, ahead=(6, 5))),
    "a number below the window": ("numbers_lie_in_their_window", changed(ACCOUNTS, low=5, ahead=(5,))),
    "a number beyond the window": ("numbers_lie_in_their_window", changed(ACCOUNTS, low=0, ahead=(256,))),
    "a live request that is not listed": ("live_requests_are_listed", removed(LIVE_REQUESTS)),
    "a live request of another's": ("live_requests_are_listed", changed(LIVE_REQUESTS, member="zoe")),
    "an ended request that is listed": (
        "live_requests_are_listed",
        added(LIVE_REQUESTS, LiveRequest("dan"), DONE),
    ),
    "a listed request that there is not": (
        "live_requests_are_listed",
        added(LIVE_REQUESTS, LiveRequest("dan"), "request-none"),
    ),
    "a deadline lost": ("deadlines_are_as_needed", removed(DUE)),
    "a deadline for nothing": (
        "deadlines_are_as_needed",
        added(DUE, Due("record", LIVE), START, "record", LIVE),
    ),
    "a deadline of an ended request": (
        "deadlines_are_as_needed",
        added(DUE, Due("time", DONE), START, "time", DONE),
    ),
    "a deadline moved": ("deadlines_are_as_needed", changed(PHASES, deadline=START)),
    "a phase lost": ("deadlines_are_as_needed", removed(PHASES)),
    "a vote reopened": ("deadlines_are_as_needed", changed(PROPOSALS, deadline=START)),
    "an ended request with money": (
        "requests_leave_nothing_behind",
        changed(PROGRESS, lambda one: one.stage == "settled", escrow=1),
    ),
    "a settled request without a record": ("requests_leave_nothing_behind", removed(RECORDS)),
    "a place in an ended request": (
        "requests_leave_nothing_behind",
        moved(PLACES, PLACES.key(DONE, "ada")),
    ),
    "a place in no request": (
        "requests_leave_nothing_behind",
        moved(PLACES, PLACES.key("request-0", "ada")),
    ),
    "a request without progress": ("requests_leave_nothing_behind", removed(PROGRESS)),
    "a member without a place": ("teams_have_places", changed(TEAMS, active=("ada", "bob", "zoe"))),
    "a place without a member": ("teams_have_places", changed(TEAMS, active=("ada",))),
    "a bench without an application": ("teams_have_places", changed(TEAMS, bench=("zoe",))),
}


def test_a_lively_state_is_sound():
    assert broken(WORLD.reader) == []
    kinds = {key.split(b"/")[0].decode() for key in STATE}
    assert {"place", "application", "reservation", "phase", "record", "proposal", "due", "grant"} <= kinds


@pytest.mark.parametrize("rule, writes", PLANTED.values(), ids=PLANTED)
def test_what_is_broken_is_caught(rule, writes):
    reader = Memory(STATE)
    reader.write(writes)
    told = broken(reader)
    assert any(one.startswith(f"{rule}: ") for one in told), told


BOTH = neighbours.pair()
neighbours.opened(BOTH)
MAIN, NORTH = dict(BOTH.main.reader.records), dict(BOTH.north.reader.records)
ELSEWHERE = {
    "more with a chain than is there": (
        "chains_hold_what_is_with_them",
        MAIN,
        changed(OTHER_CHAINS, state=MAIN, escrow=1),
    ),
    "a chain that was not told": ("chains_hold_what_is_with_them", MAIN, removed(MESSAGES, MAIN)),
    "an escrow away from the money": (
        "money_stays_on_the_main_chain",
        NORTH,
        changed(PROGRESS, state=NORTH, escrow=1),
    ),
    "a deposit away from the money": (
        "money_stays_on_the_main_chain",
        NORTH,
        changed(PLACES, state=NORTH, deposit=1),
    ),
    "an end that will not come": ("deadlines_are_as_needed", NORTH, removed(DUE, NORTH)),
    "an allocation left behind": (
        "requests_leave_nothing_behind",
        NORTH,
        changed(PROGRESS, state=NORTH, stage="refunded"),
    ),
}


@pytest.mark.parametrize("rule, state, writes", ELSEWHERE.values(), ids=ELSEWHERE)
def test_what_is_broken_between_chains_is_caught(rule, state, writes):
    reader = Memory(state)
    assert broken(reader) == []
    reader.write(writes)
    told = broken(reader)
    assert any(one.startswith(f"{rule}: ") for one in told), told


def test_every_rule_is_shown_to_catch_something():
    shown = {rule for rule, _ in PLANTED.values()} | {rule for rule, _, _ in ELSEWHERE.values()}
    assert shown == {rule.__name__ for rule in RULES}


def test_what_is_told_names_the_values():
    reader = Memory(STATE)
    reader.write(changed(CHAIN, cap=3))
    (told,) = broken(reader)
    assert told == "tokens_are_conserved: 4000 tokens are issued, the cap is 3"


def test_a_state_without_its_chain_is_no_state():
    with pytest.raises(LookupError):
        broken(Memory({}))
