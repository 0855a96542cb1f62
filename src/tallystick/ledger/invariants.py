"""What holds in every state, looked up over the whole of it; each rule names what breaks it, with values."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar, cast

from ..base.codec import Record
from .budgets.costs import NOTHING, ROWS
from .records import LiveRequest, Progress, Request
from .state import (
    ACCOUNTS,
    ALLOCATIONS,
    APPLICATIONS,
    CHAIN,
    DUE,
    GRANTS,
    KEYS,
    LINEAGES,
    LISTINGS,
    LIVE_REQUESTS,
    MEMBERS,
    MESSAGES,
    OTHER_CHAINS,
    PHASES,
    PLACES,
    POSTS,
    PROGRESS,
    PROPOSALS,
    RECORD_DRAFTS,
    RECORDS,
    REQUESTS,
    RESERVATIONS,
    ROUNDS,
    STATEMENTS,
    TABLES,
    TEAMS,
    UNITS,
    VALIDATORS,
    Reader,
    StateTable,
)
from .transactions import NUMBER_WINDOW

R = TypeVar("R", bound=Record)

ENDED = ("settled", "refunded")
DUE_OF_STAGE = {
    "forming": "forming",
    "recording": "record",
    "approving": "approve",
    "sealed": "test",
    "certifying": "certify",
}
ONLY_WHILE_LIVE: tuple[StateTable[Any], ...] = (
    APPLICATIONS,
    LISTINGS,
    TEAMS,
    PLACES,
    RESERVATIONS,
    ALLOCATIONS,
    PHASES,
    POSTS,
    ROUNDS,
    RECORD_DRAFTS,
    STATEMENTS,
)


class State:
    """A whole state, decoded: every record of a table by the parts of its key."""

    def __init__(self, reader: Reader) -> None:
        self.tables: dict[str, dict[tuple[str, ...], Record]] = {}
        for name in sorted(TABLES):
            table, prefix = TABLES[name], f"{name}/".encode()
            stored = reader.scan(prefix, 1 << 62)
            self.tables[name] = {
                tuple(key.decode().split("/")[1:]): table.decode(data) for key, data in stored
            }
        chain = reader.get(CHAIN.key().encode())
        if chain is None:
            raise LookupError("a state without its chain record")
        self.chain = CHAIN.decode(chain)
        validators = reader.get(VALIDATORS.key().encode())
        self.validators_due = 0 if validators is None else VALIDATORS.decode(validators).due

    def all(self, table: StateTable[R]) -> dict[tuple[str, ...], R]:
        return cast("dict[tuple[str, ...], R]", self.tables[table.name])


Rule = Callable[[State], Iterator[str]]


def broken(reader: Reader) -> list[str]:
    """Everything that should hold in this state and does not, or an empty list."""
    state = State(reader)
    return [f"{rule.__name__}: {breach}" for rule in RULES for breach in rule(state)]


def tokens_are_conserved(state: State) -> Iterator[str]:
    """Accounts, escrows, deposits and pool hold what was issued, and no more than the cap was issued."""
    parts = {
        "accounts": sum(account.balance for account in state.all(ACCOUNTS).values()),
        "escrows": sum(progress.escrow for progress in state.all(PROGRESS).values()),
        "deposits": sum(place.deposit for place in state.all(PLACES).values()),
        "applications": sum(application.locked for application in state.all(APPLICATIONS).values()),
        "pool": state.chain.pool,
    }
    if sum(parts.values()) != state.chain.issued:
        named = ", ".join(f"{name} {amount}" for name, amount in parts.items())
        yield f"{named} add up to {sum(parts.values())}, issued were {state.chain.issued}"
    if state.chain.issued > state.chain.cap:
        yield f"{state.chain.issued} tokens are issued, the cap is {state.chain.cap}"


def nothing_is_negative(state: State) -> Iterator[str]:
    """No balance, credit, escrow, stake or pool falls below nothing."""
    amounts = [("chain", "pool", state.chain.pool)]
    for name, account in state.all(ACCOUNTS).items():
        amounts += [(name[0], "balance", account.balance), (name[0], "credit", account.credit)]
    for name, progress in state.all(PROGRESS).items():
        amounts += [(name[0], "escrow", progress.escrow), (name[0], "purchased", progress.purchased)]
    for key, place in state.all(PLACES).items():
        amounts.append(("/".join(key), "deposit", place.deposit))
    for key, application in state.all(APPLICATIONS).items():
        amounts.append(("/".join(key), "locked", application.locked))
    for owner, kind, amount in amounts:
        if amount < 0:
            yield f"{kind} of {owner} is {amount}"


def budgets_hold(state: State) -> Iterator[str]:
    """What a lineage has spent and reserved stays within its budget, for training and for judging rows."""
    for (name,), lineage in state.all(LINEAGES).items():
        total = lineage.spent + lineage.reserved
        for rows in ROWS:
            epsilon = total.epsilon(rows, lineage.budget.delta_e12)
            if epsilon > lineage.budget.epsilon_nano:
                yield f"{name}: its {rows} rows may spend {epsilon} of {lineage.budget.epsilon_nano}"
            spent, reserved = lineage.spent.of(rows), lineage.reserved.of(rows)
            if min(spent) < 0 or min(reserved) < 0:
                yield f"{name}: spent {spent} or reserved {reserved} of its {rows} rows is negative"


def reservations_add_up(state: State) -> Iterator[str]:
    """A lineage's reservation is the sum of what the places of live requests hold of it."""
    held = dict.fromkeys((name for (name,) in state.all(LINEAGES)), NOTHING)
    for key, reservation in state.all(RESERVATIONS).items():
        if key[:2] not in state.all(PLACES):
            yield f"{'/'.join(key)} is held without a place"
        held[reservation.lineage] += reservation.left
    for (name,), lineage in state.all(LINEAGES).items():
        for rows in ROWS:
            reserved, places = lineage.reserved.of(rows), held[name].of(rows)
            if reserved != places:
                yield f"{name}: {rows} rows hold {reserved} in reserve, places hold {places}"


def grants_are_not_overused(state: State) -> Iterator[str]:
    """No grant is used more often than it allows."""
    for (name,), grant in state.all(GRANTS).items():
        if not 0 <= grant.used <= grant.uses:
            yield f"{name} is used {grant.used} times of {grant.uses}"


def units_belong_to_their_lineage(state: State) -> Iterator[str]:
    """A lineage lists exactly its units on offer, and they are its owner's."""
    offered: dict[str, list[str]] = {name: [] for (name,) in state.all(LINEAGES)}
    for (name,), unit in state.all(UNITS).items():
        if unit.active:
            offered[unit.lineage].append(name)
            owner = state.all(LINEAGES)[unit.lineage,].owner
            if unit.owner != owner:
                yield f"{name} is of {unit.owner}, its lineage {unit.lineage} of {owner}"
    for (name,), lineage in state.all(LINEAGES).items():
        if sorted(lineage.parts) != sorted(offered[name]):
            yield f"{name} lists {sorted(lineage.parts)}, on offer are {sorted(offered[name])}"


def members_hold_their_keys(state: State) -> Iterator[str]:
    """Every member has an account and keys that are its own alone; the chain counts its members."""
    for (name,), member in state.all(MEMBERS).items():
        if (name,) not in state.all(ACCOUNTS):
            yield f"{name} has no account"
        for key in (member.key, *(device.key for device in member.devices)):
            claimed = state.all(KEYS).get((key.hex(),))
            if claimed is None or claimed.member != name:
                yield f"key {key.hex()} of {name} is written down for {claimed and claimed.member}"
    if len(state.all(MEMBERS)) != state.chain.members:
        yield f"there are {len(state.all(MEMBERS))} members, the chain counts {state.chain.members}"


def numbers_lie_in_their_window(state: State) -> Iterator[str]:
    """Used numbers above the lowest unused one are in order, once each, and inside the window."""
    for (name,), account in state.all(ACCOUNTS).items():
        above = range(account.low + 1, account.low + NUMBER_WINDOW)
        sound = list(account.ahead) == sorted(set(account.ahead)) and all(n in above for n in account.ahead)
        if not sound:
            yield f"{name} has used {account.ahead} above {account.low}"


def deadlines_are_as_needed(state: State) -> Iterator[str]:
    """Every open proposal and live request waits for exactly the deadlines that its stage needs."""
    needed = {
        (f"{proposal.deadline:016d}", "proposal", name)
        for (name,), proposal in state.all(PROPOSALS).items()
        if proposal.stage in ("open", "passed")
    }
    for (name,), progress in state.all(PROGRESS).items():
        needed.update(
            (f"{deadline:016d}", step, name) for step, deadline in _deadlines(state, name, progress)
        )
    if state.validators_due:
        needed.add((f"{state.validators_due:016d}", "validators", state.chain.chain))
    there = set(state.all(DUE))
    for deadline, step, of in sorted(needed - there):
        yield f"{of} ({_stage(state, of)}) waits for {step} at {int(deadline)}, which will not come"
    for deadline, step, of in sorted(there - needed):
        yield f"{step} of {of} ({_stage(state, of)}) comes at {int(deadline)} for nothing"


def _deadlines(state: State, name: str, progress: Progress) -> Iterator[tuple[str, int]]:
    if progress.stage in DUE_OF_STAGE:
        yield DUE_OF_STAGE[progress.stage], progress.deadline
    if progress.stage == "away":
        yield "overdue", progress.deadline
    elif progress.final and progress.stage not in ENDED:
        yield "overdue", progress.final
    if progress.stage in ("opening", "rounds"):
        yield "time", progress.until
    if progress.stage in ("opening", "rounds", "closing"):
        phase = state.all(PHASES).get((name, f"{progress.phase:016d}"))
        yield "phase", phase.deadline if phase else -1


def chains_hold_what_is_with_them(state: State) -> Iterator[str]:
    """Of another chain is counted exactly what the requests that are there have in escrow and deposits."""
    stakes = {name: 0 for (name,) in state.all(OTHER_CHAINS)}
    for (name,), progress in state.all(PROGRESS).items():
        request = state.all(REQUESTS).get((name,))
        if progress.stage == "away" and request is not None:
            deposits = (place.deposit for key, place in state.all(PLACES).items() if key[0] == name)
            stakes[request.chain] = stakes.get(request.chain, 0) + progress.escrow + sum(deposits)
            if (request.chain, name) not in state.all(MESSAGES):
                yield f"{name} is with {request.chain}, which was never told"
    for (name,), other in state.all(OTHER_CHAINS).items():
        if other.escrow != stakes[name]:
            yield f"with {name} are {other.escrow} by its record, {stakes[name]} by the requests there"


def money_stays_on_the_main_chain(state: State) -> Iterator[str]:
    """Where a request only runs, it holds neither an escrow nor deposits nor a part of a unit's budget."""
    for (name,), request in state.all(REQUESTS).items():
        if request.chain != state.chain.chain:
            continue
        held = state.all(PROGRESS)[name,].escrow
        held += sum(place.deposit for key, place in state.all(PLACES).items() if key[0] == name)
        if held or any(key[0] == name for key in state.all(RESERVATIONS)):
            yield f"{name} holds {held} tokens or reservations where it only runs"


def _stage(state: State, name: str) -> str:
    progress, proposal = state.all(PROGRESS).get((name,)), state.all(PROPOSALS).get((name,))
    return progress.stage if progress else proposal.stage if proposal else "unknown"


def requests_leave_nothing_behind(state: State) -> Iterator[str]:
    """Every request has its progress, and what only a live request needs is gone when it has ended."""
    progress = state.all(PROGRESS)
    if list(progress) != list(state.all(REQUESTS)):
        yield f"requests {list(state.all(REQUESTS))} have progress {list(progress)}"
    for (name,), now in progress.items():
        if now.stage in ENDED and now.escrow:
            yield f"{name} is {now.stage} and holds {now.escrow}"
        if now.stage == "settled" and (name,) not in state.all(RECORDS):
            yield f"{name} is settled without a record"
    for table in ONLY_WHILE_LIVE:
        for key in state.all(table):
            request = progress.get(key[:1])
            if request is None or request.stage in ENDED:
                stage = request.stage if request else "unknown"
                yield f"{table.key(*key)} is left of a request that is {stage}"


def live_requests_are_listed(state: State) -> Iterator[str]:
    """The index of live requests lists exactly those that have not ended, with who acts for each."""
    listed = dict(state.all(LIVE_REQUESTS))
    for (name,), progress in state.all(PROGRESS).items():
        entry, request = listed.pop((name,), None), state.all(REQUESTS).get((name,))
        due = None if progress.stage in ENDED or request is None else _live_entry(request)
        if entry != due:
            yield f"{name} is {progress.stage} and listed as {entry}, not {due}"
    for key, entry in listed.items():
        yield f"{'/'.join(key)} is no request and listed as {entry}"


def _live_entry(request: Request) -> LiveRequest:
    form = request.rules.forming
    return LiveRequest(request.member, form.named if form.ability == "graded" else "")


def teams_have_places(state: State) -> Iterator[str]:
    """A team's members, those who left included, have the request's places; its bench has applications."""
    places: dict[str, list[str]] = {name: [] for (name,) in state.all(TEAMS)}
    for request, member in state.all(PLACES):
        places.setdefault(request, []).append(member)
    for request, members in places.items():
        team = state.all(TEAMS).get((request,))
        seated = sorted((*team.active, *team.gone)) if team else []
        if seated != sorted(members):
            yield f"{request}: its team is {seated}, places have {sorted(members)}"
        waiting = (
            [member for member in team.bench if (request, member) not in state.all(APPLICATIONS)]
            if team
            else []
        )
        if waiting:
            yield f"{request}: {waiting} wait on the bench without an application"


RULES: tuple[Rule, ...] = (
    tokens_are_conserved,
    nothing_is_negative,
    budgets_hold,
    reservations_add_up,
    grants_are_not_overused,
    units_belong_to_their_lineage,
    members_hold_their_keys,
    numbers_lie_in_their_window,
    deadlines_are_as_needed,
    requests_leave_nothing_behind,
    live_requests_are_listed,
    teams_have_places,
    chains_hold_what_is_with_them,
    money_stays_on_the_main_chain,
)
