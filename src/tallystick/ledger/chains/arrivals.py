"""What another chain has said takes effect: a request opens here, or comes home and is settled."""

from msgspec.structs import asdict, replace

from .. import rejections as no
from ..budgets import reservations
from ..budgets.costs import NOTHING, ROWS, Costs
from ..budgets.curves import ZERO, Curve
from ..deadlines import schedule
from ..notices import PrivacyCharged, RequestOpened
from ..records import Place, Progress, Request, Team
from ..rejections import ensure, refusing
from ..requests import live, rounds, settlement
from ..state import (
    ALLOCATIONS,
    LINEAGES,
    MEMBERS,
    MESSAGES,
    OTHER_CHAINS,
    PLACES,
    PROGRESS,
    REQUESTS,
    RESERVATIONS,
    TEAMS,
    Draft,
)
from ..transactions import UnitUse
from . import departures
from .messages import Left, Outcome
from .messages import Opening as Opened


def open_here(draft: Draft, opening: Opened) -> None:
    """A team of the main chain begins its rounds here; its stakes and its reward stay there."""
    request = opening.request
    name = request.request
    members = tuple(place.member for place in opening.places)
    draft.put(REQUESTS, request, name)
    live.enter(draft, request)
    draft.put(TEAMS, Team(members), name)
    for place in opening.places:
        draft.put(PLACES, place, name, place.member)
    for member, allocated in opening.allocations:
        draft.put(ALLOCATIONS, allocated, name, member, allocated.unit)
    led = Progress("rounds", 0, 0, leader=opening.leader, analyst=opening.analyst)
    draft.put(PROGRESS, replace(led, final=opening.final, model=request.initial), name)
    schedule(draft, opening.final, "overdue", name)
    draft.emit(RequestOpened(name, members))
    rounds.begin(draft, request)


def ensure_openable(draft: Draft, opening: Opened) -> None:
    """Refuse what has begun already, can no longer end in time, or whose members are not known yet."""
    name = opening.request.request
    again = draft.find(REQUESTS, name) is not None
    ensure(not again, refusing(no.AlreadyDone, member=draft.sender, deed=f"opened {name!r}, or another has"))
    late = refusing(no.WrongStage, table="request", id=name, stage=f"past its end, {opening.final}")
    ensure(draft.time < opening.final, late)
    for member in (opening.request.member, *(place.member for place in opening.places)):
        ensure(draft.find(MEMBERS, member), refusing(no.UnknownMember, member=member))


def away(draft: Draft, name: str, chain: str) -> tuple[Request, Progress]:
    """A request that is with this chain."""
    request, progress = draft.find(REQUESTS, name), draft.find(PROGRESS, name)
    if request is None or progress is None or request.chain != chain:
        raise no.UnknownRecord(table="request", id=name)
    ended = refusing(no.WrongStage, table="request", id=name, stage=progress.stage)
    ensure(progress.stage == "away", ended)
    return request, progress


def why_unfit(draft: Draft, name: str, outcome: Outcome) -> str | None:
    """Why an outcome cannot be one of this request, or None: nobody outside its team is paid by it."""
    team = dict.fromkeys(draft.get(TEAMS, name).active)
    if sorted(served.member for served in outcome.places) != sorted(team):
        return "it is about another team"
    named = (outcome.recorder, outcome.leader, outcome.analyst, outcome.author, *outcome.recorders)
    if any(member and member not in team for member in named):
        return "it names members outside the team"
    return None


def come_home(draft: Draft, request: Request, progress: Progress, outcome: Outcome) -> None:
    """Settle by the outcome alone."""
    name = request.request
    _leave_chain(draft, request, progress)
    for served in outcome.places:
        draft.change(PLACES, name, served.member, **asdict(served))
    _spend(draft, name, outcome.completed, {(rest.member, rest.unit): rest for rest in outcome.left})
    draft.change(
        PROGRESS,
        name,
        leader=outcome.leader,
        analyst=outcome.analyst,
        completed=outcome.completed,
        model=outcome.model,
        author=outcome.author,
        history=outcome.history,
        figure=outcome.figure,
        recorders=outcome.recorders,
        attempt=outcome.attempt,
        reached=outcome.reached,
    )
    if outcome.outcome == "settled":
        settlement.settle(draft, name, outcome.recorder, outcome.approving, outcome.why)
    else:
        settlement.refund(draft, name, outcome.why)


def give_up(draft: Draft, name: str, reason: str, begun: bool = True) -> None:
    """Refund a request of which no outcome came; unless it never began, all that it could spend is spent."""
    request, progress = draft.get(REQUESTS, name), draft.get(PROGRESS, name)
    _leave_chain(draft, request, progress)
    if begun:
        for place in _places(draft, name):
            draft.change(PLACES, name, place.member, opened=True)
        _spend(draft, name, 0, {})
    settlement.refund(draft, name, reason)


def overdue(draft: Draft, name: str) -> None:
    """The time is up: where the rounds ran nothing more is made of it, on the main chain it is refunded."""
    request = draft.get(REQUESTS, name)
    if request.chain == draft.chain:
        settlement.refund(draft, name, settlement.LATE)
    else:
        give_up(draft, name, f"chain {request.chain!r} sent no outcome")


def _places(draft: Draft, name: str) -> list[Place]:
    return [draft.get(PLACES, name, member) for member in draft.get(TEAMS, name).active]


def _leave_chain(draft: Draft, request: Request, progress: Progress) -> None:
    """The other chain holds nothing of this request any more, and what was said to it is void."""
    stake = departures.at_stake(progress, _places(draft, request.request))
    draft.add(OTHER_CHAINS, request.chain, escrow=-stake)
    draft.delete(MESSAGES, request.chain, request.request)


def _spend(draft: Draft, name: str, round_: int, left: dict[tuple[str, str], Left]) -> None:
    """Make final what the other chain has spent: all that is not left of what was reserved."""
    rules = draft.get(REQUESTS, name).rules
    for key, held in draft.scan(RESERVATIONS, name):
        member = key.split("/")[2]
        shown = left.get((member, held.unit))
        most = reservations.most_unaccounted(rules, UnitUse(held.unit, held.grant, held.events))
        rest = _plausible(held.left, shown.costs) if shown else NOTHING
        spent = held.left - rest
        lineage = reservations.spend(draft, held.lineage, spent)
        published = shown.unaccounted if shown else most
        draft.change(LINEAGES, held.lineage, unaccounted=lineage.unaccounted + published)
        draft.change(RESERVATIONS, name, member, held.unit, left=rest)
        for rows in ROWS:
            if any(spent.of(rows)):
                epsilon = lineage.spent.epsilon(rows, lineage.budget.delta_e12)
                draft.emit(PrivacyCharged(held.lineage, name, round_, rows, epsilon))


def _plausible(held: Costs, left: Costs) -> Costs:
    """What a chain says is left, where that can be; else nothing is, so that it never gives back too much."""
    return Costs(*(_possible(held.of(rows), left.of(rows)) for rows in ROWS))


def _possible(held: Curve, left: Curve) -> Curve:
    sound = len(left) == len(held) and all(0 <= rest <= most for rest, most in zip(left, held, strict=False))
    return left if sound else ZERO
