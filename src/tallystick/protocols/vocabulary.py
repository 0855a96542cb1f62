"""The vocabulary of schemes: a protocol is phases, and a phase is one function over a batch of members.

A phase is served by the same function for one member (a node) and for many at once (a simulation): it takes
the jobs of a batch and returns one product for each, in their order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from ..base.events import Event
from ..base.measure import MEASURES, Measure
from ..learning.cohort import Runner
from ..learning.learner import Gradient, Learner, Memory, Model, Rows
from ..learning.spec import Spec
from ..ledger.rules import (
    Electing,
    EventRule,
    Evicting,
    Forming,
    Paying,
    PhaseRule,
    Rules,
    SealedTest,
    Stopping,
)
from .request_plan import RequestPlan
from .session import RequestSession

Verdict: TypeAlias = Literal["fine", "abstain", "unavailable", "malformed", "copy", "unchanged"]
LOSS_GAIN = "loss_gain"
HOUR = 3_600_000  # milliseconds
OWN_ROWS = 100_000  # how far figures on members' own few hundred rows may lie apart: a tenth
Lost: TypeAlias = Literal["unavailable", "malformed"]  # a post whose bytes cannot be used
Scored: TypeAlias = tuple[float, Verdict]  # in the measure's own dimension; the node makes it a figure


@dataclass(frozen=True, eq=False)
class Holding:
    """What a member brings: its rows, what it remembers, and where its noise comes from."""

    training: Rows
    judging: Rows
    memory: Memory | None = None
    gradient: Gradient | None = None  # what it does with each step's gradient, where no protection says
    event: Event | None = None  # its own choice within the range that the request allows


@dataclass(frozen=True, eq=False)
class Job:
    """What one member has to do in one phase of one round; a batch's jobs differ in member and holding."""

    member: str
    request: str
    round: int
    holding: Holding
    start: Model  # the model that the round started from
    # What was posted in the phases that this one reads: phase, author, model or bytes, as they came.
    inbox: Mapping[str, Mapping[str, Model | bytes | Lost]] = field(default_factory=dict)
    weights: Mapping[str, int] = field(default_factory=dict)  # author: rows it trained on
    subjects: tuple[str, ...] = ()  # whom to judge, in the order of the vector
    secret: bytes = b""  # fresh randomness of this member for this phase
    secret_of: Callable[[str], bytes] = lambda phase: b""  # the same for another phase of this round
    first: Model | None = None  # the model that round 1 started from
    team: tuple[str, ...] = ()  # all who bring data or have, by name: a member's seat is its place here
    session: RequestSession = field(default_factory=RequestSession)


@dataclass(frozen=True, eq=False)
class Product:
    """What a member has to post: one of these, by the phase's content; and what it will remember."""

    model: Model | None = None
    scores: tuple[Scored, ...] | None = None  # the start first, then each subject
    inline: bytes | None = None
    rows: int = 0
    parents: tuple[str, ...] = ()  # the authors whose models it was made from
    figure: float | None = None
    memory: Memory | None = None


@dataclass(frozen=True, eq=False)
class Bench:
    """The tools that all jobs of a request share: the frozen plan, its learner, and a runner for batches."""

    plan: RequestPlan
    learner: Learner
    measure: Measure
    run: Runner
    simulated: bool = False  # noise follows secrets, so that a run repeats; else the operating system's

    def __post_init__(self) -> None:
        # Here plan and learner meet.
        object.__setattr__(self, "learner", self.learner.on(self.plan.task))

    @property
    def judged(self) -> Measure:
        """What judges measure: the plan's measure, or loss gain where its settings say `loss_gain`.

        The quality at which a request stops, and the figures of its rounds, are then counted in loss gain.
        """
        return judged_by(self.measure, dict(self.plan.settings).get(LOSS_GAIN) == "true")


def judged_by(measure: Measure, loss_gain: bool) -> Measure:
    """What judges measure."""
    if not loss_gain:
        return measure
    if measure.direction != "higher":
        raise Unfit(f"loss gain is better higher, {measure.name} lower: judge by the plan's measure")
    return MEASURES["loss_gain"]


Serve: TypeAlias = Callable[[Bench, Sequence[Job]], list[Product]]


@dataclass(frozen=True)
class Do:
    """What a member does in a phase, and what the ledger must know of it."""

    content: Literal["model", "scores", "inline", "salt"]
    serve: Serve
    of: str = ""  # for scores: the phase that is judged
    reads: tuple[str, ...] = ()  # phases of this round whose posts it needs
    reads_last: bool = False  # of them, only the last post that can be used
    rows: Literal["none", "training", "judging"] = "none"  # private rows that the post depends on
    event: EventRule | None = None
    counted: Measure | None = None  # what its scores are counted in, where it is not what judges measure
    specs: Callable[[Model], dict[str, Spec]] | None = None  # of its payloads, where they are no models


@dataclass(frozen=True)
class PhasePlan:
    """In this phase the members whose turn it is do something and post it."""

    name: str
    turn: str
    do: Do
    wait: int = HOUR
    sealed: bool = False
    quorum: int = 0


@dataclass(frozen=True)
class Protocol:
    """A scheme: what it needs of a learner, how a team forms, its phases, who records, how it is paid."""

    name: str
    version: str
    needs: tuple[str, ...]  # names of `Capabilities`
    phases: tuple[PhasePlan, ...]
    finish: str  # the phase whose last accepted post is the round's model
    form: Forming
    elect: Electing = field(default_factory=Electing)
    pay: Paying = field(default_factory=Paying)
    evict: Evicting = field(default_factory=Evicting)
    opening: tuple[PhasePlan, ...] = ()
    closing: tuple[PhasePlan, ...] = ()
    scores: Literal["median", "trimmed", "sum"] = "median"


class Unfit(ValueError):
    """This learner cannot serve this protocol, or these settings contradict it."""


def ensure_fit(protocol: Protocol, learner: Learner) -> None:
    """Refuse a learner that lacks what the protocol needs."""
    lacking = [name for name in protocol.needs if not getattr(learner.capabilities, name)]
    if lacking:
        raise Unfit(f"{protocol.name} needs {', '.join(lacking)}, which learner {learner.name} does not have")


def rules_of(
    protocol: Protocol,
    measure: Measure,
    stopping: Stopping,
    test: SealedTest | None = None,
    purchase_limit: int = 0,
) -> Rules:
    """What the ledger enforces of a protocol: everything but what is done."""
    return Rules(
        forming=protocol.form,
        phases=tuple(_rule(phase) for phase in protocol.phases),
        stopping=stopping,
        result=protocol.finish,
        opening=tuple(_rule(phase) for phase in protocol.opening),
        closing=tuple(_rule(phase) for phase in protocol.closing),
        combine_scores=protocol.scores,
        higher_is_better=measure.direction == "higher",
        evicting=protocol.evict,
        electing=protocol.elect,
        paying=protocol.pay,
        test=test,
        purchase_limit=purchase_limit,
    )


def _rule(phase: PhasePlan) -> PhaseRule:
    do = phase.do
    return PhaseRule(
        phase.name, phase.turn, do.content, phase.wait, do.of, phase.sealed, phase.quorum, do.rows, do.event
    )
