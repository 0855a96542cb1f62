"""What happened in words: one sentence for each notice that a person wants to read."""

from __future__ import annotations

from dataclasses import dataclass

from ..base.measure import MILLION, Measure
from ..ledger import notices as said
from .replay import Judged

WHY_MISSED = {
    "silent": "kept silent",
    "declined": "declined",
    "unavailable": "did not serve the bytes of its model",
    "unrevealed": "did not open its scores",
    "copied": "posted what another had posted",
}
WHY_GONE = {
    "left": "left",
    "evicted": "was evicted: the others scored its model far below the rest",
    "expelled": "was expelled: its model or its scores harmed the round",
    "released": "may no longer serve: a vote took its role",
    "withdrawn": "took its data back, which counts as leaving",
    "forfeited": "forfeited its place: it kept its salt back",
    "replaced": "was replaced as analyst",
}


@dataclass(frozen=True)
class Moment:
    """Something that happened in a run, as it is told while it runs."""

    time: int  # virtual, in milliseconds since 1970
    text: str
    round: int = 0
    phase: str = ""
    value: float | None = None  # the team's figure where a round ended, of its model or of its start
    member: str = ""
    notice: object = None
    epsilon: float | None = None  # the most that any member's training rows have spent so far
    scores: tuple[Judged, ...] = ()  # who scored whom in a round that ended


def value_of(measure: Measure, figure: int | None) -> float | None:
    """A figure of the ledger in the measure's own dimension."""
    return None if figure is None else figure * measure.scale / MILLION


def tell(notice: object, measure: Measure, time: int = 0, of_result: bool = True) -> Moment | None:
    """The moment of a notice, or None where there is nothing that a person would want to read.

    `of_result` says that a round judges the model it ends with, not the one that it started from.
    """
    match notice:
        case said.TeamFormed(_, leader, members):
            return Moment(time, f"{len(members)} members form the team; {leader} leads", notice=notice)
        case said.PhaseOpened(_, number, phase, _):
            return Moment(time, f"round {number}: {phase}", number, phase, notice=notice)
        case said.TurnMissed(_, number, phase, member, reason):
            text = f"round {number}: {member} {WHY_MISSED.get(reason, reason)} in {phase}"
            return Moment(time, text, number, phase, member=member, notice=notice)
        case said.MemberLeft(_, member, reason):
            return Moment(time, f"{member} {WHY_GONE.get(reason, reason)}", member=member, notice=notice)
        case said.MemberJoined(_, member, number):
            return Moment(time, f"{member} joins from the bench", number, member=member, notice=notice)
        case said.RoundEnded(_, number, complete, figure):
            value = value_of(measure, figure)
            ended = "does not count" if not complete else "is done"
            what = "its model has" if of_result else "it started from"
            shown = "" if value is None else f"; {what} {measure.name} {value:.3f}"
            return Moment(time, f"round {number} {ended}{shown}", number, value=value, notice=notice)
    return _end(notice, measure, time)


def _end(notice: object, measure: Measure, time: int) -> Moment | None:
    match notice:
        case said.RoundsStopped(_, reason):
            return Moment(time, f"no more rounds: {reason}", notice=notice)
        case said.RecorderElected(_, member, _):
            return Moment(time, f"{member} is elected to record", member=member, notice=notice)
        case said.RecordDecided(_, stands, approving, electorate):
            text = (
                f"the record {'stands' if stands else 'does not stand'}: {approving} of {electorate} approve"
            )
            return Moment(time, text, notice=notice)
        case said.Fined(_, member, amount):
            return Moment(time, f"{member} is fined {amount:,} tokens", member=member, notice=notice)
        case said.RequestEnded(_, outcome, reason):
            return Moment(time, f"the request is {outcome}: {reason}", notice=notice)
    return None
