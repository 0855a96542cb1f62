"""A chronicle as tables of figures: rounds, what became of members, pay, who scored whom, privacy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import nan

from ..base.events import Event, Protects, Unaccounted, scaled
from ..base.measure import Measure
from ..ledger import notices as said
from ..ledger.records import Place
from ..ledger.rules import PhaseRule, Rules, all_phases, dearest, uncharged
from ..privacy.accounting import total
from .replay import START, Chronicle
from .sentences import WHY_GONE, WHY_MISSED, value_of

NANO = 10**9
PICO = 10**12


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
    """What a request came to for one member."""

    member: str
    contribution: float  # its share in the result
    reward: int
    fees: int  # of a leader, a recorder, an analyst
    compensation: int  # of those who deserted
    fined: int
    net: int
    why: str  # it was fined, or went


def judges_result(rules: Rules) -> bool:
    """Whether a round's own model is judged in it; else the next round judges it, as what it starts from."""
    return any(rule.of == rules.result for rule in rules.phases)


def rounds(chronicle: Chronicle, measure: Measure) -> list[Round]:
    """Every round that ended, with what the team measured on the model that it ended with."""
    found = _as_told(chronicle, measure)
    if judges_result(chronicle.request.rules) or all(one.figure is None for one in found):
        return found
    last = value_of(measure, chronicle.record.figure) if chronicle.record else None
    figures = [*(one.figure for one in found[1:]), last]
    return [replace(one, figure=figure) for one, figure in zip(found, figures, strict=True)]


def _as_told(chronicle: Chronicle, measure: Measure) -> list[Round]:
    found: list[Round] = []
    missed: list[tuple[str, str]] = []
    gone: dict[int, list[tuple[str, str]]] = {}
    spent = now = 0
    for _, notice in chronicle.notices:
        match notice:
            case said.PhaseOpened(_, number, _, _):
                now = number
            case said.TurnMissed(_, _, _, member, reason):
                missed.append((member, reason))
            case said.MemberLeft(_, member, reason):
                gone.setdefault(now, []).append((member, reason))
            case said.PrivacyCharged():
                spent = max(spent, notice.epsilon_nano)
            case said.RoundEnded(_, number, complete, figure):
                told = tuple(dict.fromkeys(missed))
                found.append(Round(number, complete, value_of(measure, figure), told, (), spent / NANO))
                missed = []
    return [replace(one, gone=tuple(gone.get(one.number, ()))) for one in found]


def pay(chronicle: Chronicle, balance: int) -> list[Pay]:
    """What each member earned and lost; all started with the same balance."""
    places = chronicle.places
    shares = dict(chronicle.record.contributions) if chronicle.record else {}
    paid: dict[tuple[str, str], int] = {}
    fined: dict[str, int] = {}
    for _, notice in chronicle.notices:
        if isinstance(notice, said.Paid):
            kind = notice.why if notice.why in ("reward", "compensation") else "fees"
            paid[notice.member, kind] = paid.get((notice.member, kind), 0) + notice.amount
        elif isinstance(notice, said.Fined):
            fined[notice.member] = fined.get(notice.member, 0) + notice.amount
    return [
        Pay(
            member,
            shares.get(member, 0) / 10**6,
            paid.get((member, "reward"), 0),
            paid.get((member, "fees"), 0),
            paid.get((member, "compensation"), 0),
            fined.get(member, 0),
            chronicle.balances[member] - balance,
            _why(chronicle, place),
        )
        for member, place in sorted(places.items())
    ]


def _why(chronicle: Chronicle, place: Place) -> str:
    """Why a member was fined or is gone, as far as the ledger says."""
    reasons = [] if place.status == "active" else [WHY_GONE.get(place.status, place.status).split(":")[0]]
    missed: dict[str, int] = {}
    for _, notice in chronicle.notices:
        if isinstance(notice, said.TurnMissed) and notice.member == place.member:
            missed[notice.reason] = missed.get(notice.reason, 0) + 1
    reasons += [f"{WHY_MISSED.get(reason, reason)} ({count}×)" for reason, count in missed.items()]
    if place.idle and place.status != "expelled":
        reasons.append(f"posted nothing new ({place.idle}×)")
    return ", ".join(reasons)


def scored(
    chronicle: Chronicle, measure: Measure, number: int
) -> tuple[list[str], list[str], list[list[float | None]]]:
    """Judges, authors, and what each judge measured on each model of a round; None where nobody did."""
    first = _first_judging(chronicle)
    some = [one for one in chronicle.scores if one.round == number and one.phase == first]
    judges = sorted({one.judge for one in some})
    authors = [START, *sorted({one.author for one in some if one.author != START})]
    by = {(one.judge, one.author): one for one in some}
    grid: list[list[float | None]] = []
    for judge in judges:
        row = [by.get((judge, author)) for author in authors]
        grid.append([_value(measure, one.figure, one.verdict) if one else None for one in row])
    return judges, ["start" if author == START else author for author in authors], grid


def _value(measure: Measure, figure: int, verdict: str) -> float | None:
    return None if verdict in ("abstain", "unavailable", "malformed") else value_of(measure, figure)


def _first_judging(chronicle: Chronicle) -> str:
    phases = chronicle.request.rules.phases
    return next((rule.name for rule in phases if rule.content == "scores"), "")


def judged_rounds(chronicle: Chronicle) -> list[int]:
    """The rounds in which somebody opened scores."""
    first = _first_judging(chronicle)
    return sorted({one.round for one in chronicle.scores if one.phase == first})


def privacy(chronicle: Chronicle) -> list[str]:
    """For each kind of rows: ε with what it protects and who accounted, or that there is no guarantee."""
    rules = all_phases(chronicle.request.rules)
    open_phases = uncharged(chronicle.request.rules)
    lines = []
    for kind in ("training", "judging"):
        touching = [rule for rule in rules if rule.rows == kind]
        bare = [rule.name for rule in touching if rule.name in open_phases]
        if bare:
            lines.append(
                f"{kind} rows: no formal guarantee (what {', '.join(bare)} publishes depends on them)"
            )
        elif touching:
            lines.append(f"{kind} rows: {_charged(chronicle, touching)}")
        else:
            lines.append(f"{kind} rows: nothing that depends on them is published")
    return lines


def _charged(chronicle: Chronicle, touching: Sequence[PhaseRule]) -> str:
    often: dict[tuple[str, str], int] = {}
    spent = 0
    names = [rule.name for rule in touching]
    for _, notice in chronicle.notices:
        if isinstance(notice, said.PrivacyCharged) and notice.phase in names:
            often[notice.lineage, notice.phase] = often.get((notice.lineage, notice.phase), 0) + 1
            spent = max(spent, notice.epsilon_nano)
    budget = next(iter(chronicle.privacy.values())).budget
    events, protects = _events(touching, often)
    if not events:
        return "nothing was published"
    tight = total(events, budget.delta_e12 / PICO, protects)
    own = f"{_up(spent)} of {_up(budget.epsilon_nano)}"
    return f"{tight}; the ledger's own account has {own} for whoever spent most"


def _events(
    touching: Sequence[PhaseRule], often: Mapping[tuple[str, str], int]
) -> tuple[list[Event], Protects]:
    """What the member that was charged most often did."""
    events: list[Event] = []
    protects: Protects = "record"
    for rule in touching:
        count = max((n for (_, phase), n in often.items() if phase == rule.name), default=0)
        if rule.event is not None and count and not isinstance(rule.event.most, Unaccounted):
            events.append(scaled(dearest(rule.event), count))
            protects = rule.event.protects
    return events, protects


def _up(nano: int) -> str:
    """Three places, rounded up as an ε must be."""
    return f"{-(-nano // 10**6) / 1000:g}"


def mean_of(values: Mapping[str, float]) -> float:
    """Their mean, and nothing where there is none."""
    return sum(values.values()) / len(values) if values else nan
