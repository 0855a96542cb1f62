"""A request's history as tables of figures: rounds, what became of members, pay, who scored whom, privacy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import nan
from typing import Protocol, TypeAlias, TypeVar

from ..base.events import Event, Protects, Unaccounted, scaled
from ..ledger import notices
from ..ledger.records import Place
from ..ledger.rules import PhaseRule, all_phases, dearest, uncharged
from .moments import START, Judged, Moment, judges_result
from .replay import RequestHistory
from .sentences import Wording, gone, missed
from .statements import Charged, Evidence, NoGuarantee, NothingPublished, PrivacyStatement, RowsKind

PICO = 10**12
N = TypeVar("N", bound=notices.Notice)


@dataclass(frozen=True)
class Round:
    """A round as the ledger tells it."""

    number: int
    complete: bool
    figure: float | None  # what the team measured, in the measure's own dimension
    missed: tuple[tuple[str, str], ...]  # member, reason
    gone: tuple[tuple[str, str], ...]
    epsilon: float  # the most that any member's training rows have spent


@dataclass(frozen=True)
class Pay:
    """What a request came to for a member."""

    member: str
    contribution: float  # its share in the result
    reward: int
    fees: int  # of a leader, a recorder, an analyst
    compensation: int  # of those who deserted
    fined: int
    net: int
    why: str  # it was fined, or went


@dataclass(frozen=True)
class ScoreGrid:
    """Who scored whom in a round: a row for each judge, a column for each model; None where nobody did."""

    round: int
    judges: tuple[str, ...]
    authors: tuple[str, ...]  # "start" is the model that the round started from
    values: tuple[tuple[float | None, ...], ...]


class AccountedTotal(Protocol):
    """What an accountant says of events together."""

    @property
    def epsilon(self) -> float: ...

    @property
    def accountant(self) -> str: ...


Accountant: TypeAlias = Callable[[Sequence[Event], float, Protects], AccountedTotal]  # events, delta, whom


def telling(history: RequestHistory) -> Iterator[Moment]:
    """The moments that a person wants to read."""
    return (moment for moment in history.moments if moment.telling)


def course(history: RequestHistory) -> list[str]:
    """Everything that changed the course of the request, in its order; virtual time since it was posted."""
    return [
        f"{(moment.time - history.request.posted) / 60_000:10.1f} min  {moment.text}"
        for moment in telling(history)
        if not isinstance(moment.notice, notices.PhaseOpened)
    ]


def evidence(history: RequestHistory) -> dict[str, Evidence]:
    """For each member that was evicted or expelled, the scores by which it was."""
    return {moment.member: moment.evidence for moment in history.moments if moment.evidence is not None}


def rounds(history: RequestHistory) -> list[Round]:
    """Every round that ended, with what the team measured on the model that it ended with."""
    ended = _as_ended(history)
    if judges_result(history.request.rules) or all(each.figure is None for each in ended):
        return ended
    last = Wording(history.measure).value(history.record.figure) if history.record else None
    figures = [*(each.figure for each in ended[1:]), last]
    return [replace(each, figure=figure) for each, figure in zip(ended, figures, strict=True)]


def _as_ended(history: RequestHistory) -> list[Round]:
    """The rounds with the figures that the ledger names when they end."""
    ended: list[Round] = []
    absent: list[tuple[str, str]] = []
    left: dict[int, list[tuple[str, str]]] = {}
    now = 0
    for moment in history.moments:
        match moment.notice:
            case notices.PhaseOpened(_, number, _, _):
                now = number
            case notices.TurnMissed(_, _, _, member, reason):
                absent.append((member, reason))
            case notices.MemberLeft(_, member, reason):
                left.setdefault(now, []).append((member, reason))
            case notices.RoundEnded(_, number, complete, _):
                whom = tuple(dict.fromkeys(absent))
                ended.append(Round(number, complete, moment.value, whom, (), moment.epsilon or 0.0))
                absent = []
    return [replace(each, gone=tuple(left.get(each.number, ()))) for each in ended]


def pay(history: RequestHistory, balance: int) -> list[Pay]:
    """What each member earned and lost; all started with the same balance."""
    shares = dict(history.record.contributions) if history.record else {}
    paid: dict[tuple[str, str], int] = {}
    fined: dict[str, int] = {}
    for payment in _notices(history, notices.Paid):
        kind = payment.why if payment.why in ("reward", "compensation") else "fees"
        paid[payment.member, kind] = paid.get((payment.member, kind), 0) + payment.amount
    for fine in _notices(history, notices.Fined):
        fined[fine.member] = fined.get(fine.member, 0) + fine.amount
    return [
        Pay(
            member,
            shares.get(member, 0) / 10**6,
            paid.get((member, "reward"), 0),
            paid.get((member, "fees"), 0),
            paid.get((member, "compensation"), 0),
            fined.get(member, 0),
            history.balances[member] - balance,
            _why(history, place),
        )
        for member, place in sorted(history.places.items())
    ]


def _notices(history: RequestHistory, kind: type[N]) -> Iterator[N]:
    return (moment.notice for moment in history.moments if isinstance(moment.notice, kind))


def _why(history: RequestHistory, place: Place) -> str:
    """Why a member was fined or is gone, as far as the ledger says."""
    reasons = [] if place.status == "active" else [gone(place.status).short]
    counted: dict[str, int] = {}
    for turn in _notices(history, notices.TurnMissed):
        if turn.member == place.member:
            counted[turn.reason] = counted.get(turn.reason, 0) + 1
    reasons += [f"{missed(reason)} ({count}×)" for reason, count in counted.items()]
    if place.idle and place.status != "expelled":
        reasons.append(f"posted nothing new ({place.idle}×)")
    return ", ".join(reasons)


def score_grid(history: RequestHistory, number: int) -> ScoreGrid:
    """What each judge measured on each model of a round, in the first of its phases that judges."""
    first = _first_judging(history)
    return grid_of([score for score in history.scores if score.round == number and score.phase == first])


def grid_of(scores: Sequence[Judged], start: bool = True) -> ScoreGrid:
    """Scores of a round as a grid, with or without what was measured on the round's start."""
    values = {(score.judge, score.author): score.value for score in scores}
    judges = sorted({judge for judge, _ in values})
    authors = sorted({author for _, author in values if author != START})
    columns = [START, *authors] if start else authors
    return ScoreGrid(
        scores[0].round if scores else 0,
        tuple(judges),
        tuple("start" if author == START else author for author in columns),
        tuple(tuple(values.get((judge, author)) for author in columns) for judge in judges),
    )


def _first_judging(history: RequestHistory) -> str:
    phases = history.request.rules.phases
    return next((rule.name for rule in phases if rule.content == "scores"), "")


def judged_rounds(history: RequestHistory) -> list[int]:
    """The rounds in which somebody opened scores."""
    first = _first_judging(history)
    return sorted({score.round for score in history.scores if score.phase == first})


def privacy(history: RequestHistory, account: Accountant) -> tuple[PrivacyStatement, ...]:
    """For training and for judging rows: the ε that was charged, or that there is no guarantee.

    `account` is the tighter accountant, which the ledger does not have; the ledger's own stands beside it.
    """
    kinds: tuple[RowsKind, ...] = ("training", "judging")
    return tuple(_statement(history, kind, account) for kind in kinds)


def _statement(history: RequestHistory, kind: RowsKind, account: Accountant) -> PrivacyStatement:
    touching = [rule for rule in all_phases(history.request.rules) if rule.rows == kind]
    free = uncharged(history.request.rules)
    bare = tuple(rule.name for rule in touching if rule.name in free)
    if bare:
        return NoGuarantee(kind, bare)
    often: dict[tuple[str, str], int] = {}
    spent = 0
    names = tuple(rule.name for rule in touching)
    for charge in _notices(history, notices.PrivacyCharged):
        if charge.phase in names:
            often[charge.lineage, charge.phase] = often.get((charge.lineage, charge.phase), 0) + 1
            spent = max(spent, charge.epsilon_nano)
    events, protects = _events(touching, often)
    if not events:
        return NothingPublished(kind, names)
    budget = next(iter(history.privacy.values())).budget
    delta = budget.delta_e12 / PICO
    total = account(events, delta, protects)
    return Charged(kind, total.epsilon, delta, protects, total.accountant, spent, budget.epsilon_nano)


def _events(
    touching: Sequence[PhaseRule], often: Mapping[tuple[str, str], int]
) -> tuple[list[Event], Protects]:
    """What the member that was charged most often did."""
    events: list[Event] = []
    protects: Protects = "record"
    for rule in touching:
        count = max((times for (_, phase), times in often.items() if phase == rule.name), default=0)
        if rule.event is not None and count and not isinstance(rule.event.most, Unaccounted):
            events.append(scaled(dearest(rule.event), count))
            protects = rule.event.protects
    return events, protects


def mean_of(values: Mapping[str, float]) -> float:
    """Their mean, and nothing where there is none."""
    return sum(values.values()) / len(values) if values else nan
