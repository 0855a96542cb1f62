"""What a node should do now: a pure function of the ledger, the member and what it has on disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from ..ledger import views
from ..ledger.state import Reader
from .work import Duty, Holdings, Ready


@dataclass(frozen=True)
class MakePost:
    """Do a turn's work: train, judge, combine; keep it, then post it."""

    duty: Duty


@dataclass(frozen=True)
class SendPost:
    """Post what is ready: it was made before, and is not made again."""

    ready: Ready


@dataclass(frozen=True)
class OpenScores:
    """Open the scores that were committed to."""

    ready: Ready


@dataclass(frozen=True)
class WriteRecord:
    """Record the request, as its elected recorder."""

    duty: Duty


@dataclass(frozen=True)
class ApproveRecord:
    """Measure the recorded model and state the figure."""

    duty: Duty


@dataclass(frozen=True)
class CertifyRecord:
    """Measure the recorded model on the opened test set and state the figure."""

    duty: Duty


@dataclass(frozen=True)
class Wait:
    """Nothing to do until something changes, or this time comes; None when nothing is due."""

    until: int | None


Action: TypeAlias = MakePost | SendPost | OpenScores | WriteRecord | ApproveRecord | CertifyRecord
ALL = ("post", "reveal", "record", "approve", "certify")


def next_action(view: Reader, me: str, holdings: Holdings, time: int) -> Action | Wait:
    """The most urgent thing that waits for this member, or how long it may rest."""
    turns = [turn for turn in views.turns(view, me, time) if turn.do in ALL]
    for turn in turns:
        duty = Duty(turn.of, turn.round, turn.phase or turn.do)
        if duty in holdings.flying or duty in holdings.given_up or time >= turn.deadline:
            continue
        ready = holdings.ready.get(duty)
        match turn.do:
            case "post":
                return MakePost(duty) if ready is None else SendPost(ready)
            case "reveal" if ready is not None:
                return OpenScores(ready)
            case "record":
                return WriteRecord(duty)
            case "approve":
                return ApproveRecord(duty)
            case "certify":
                return CertifyRecord(duty)
    return Wait(min((turn.deadline for turn in turns), default=None))


def duty_of(action: Action) -> Duty:
    """The turn that an action serves."""
    return action.ready.duty if isinstance(action, SendPost | OpenScores) else action.duty
