"""Behaviours added to a run: some members do otherwise than their nodes would, and the nodes know nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..base.task import Task
from ..engines.embedded.engine import EmbeddedEngine
from ..learning.learner import Rows
from ..ledger import transactions as tx
from ..ledger import views
from ..ledger.records import Progress
from ..ledger.rules import PhaseRule, all_phases
from ..ledger.state import PROGRESS, REQUESTS
from ..node.loop import Alter, Node
from ..node.payloads.store import PayloadsInMemory
from ..protocols.vocabulary import PhasePlan, Protocol, Serve

NEVER = 2**53
Doing = tuple[Node, tx.Transaction]


@dataclass(eq=False)
class VirtualClock:
    """Time that only moves when somebody moves it."""

    now: int

    def __call__(self) -> int:
        return self.now


@dataclass(eq=False)
class LiveRun:
    """A simulated request while it runs; `marks` is what the behaviours of this run keep in mind."""

    engine: EmbeddedEngine
    nodes: Mapping[str, Node]
    payloads: PayloadsInMemory
    clock: VirtualClock
    request: str = ""
    marks: dict[tuple[str, ...], int] = field(default_factory=dict)

    @property
    def progress(self) -> Progress | None:
        """How far the request has come."""
        return views.find(self.engine, PROGRESS, self.request) if self.request else None

    @property
    def open_phase(self) -> views.OpenPhase | None:
        """The phase that is open."""
        return views.open_phase(self.engine, self.request) if self.request else None

    def rule(self, name: str) -> PhaseRule | None:
        """What the request agreed for a phase."""
        request = views.find(self.engine, REQUESTS, self.request)
        rules = all_phases(request.rules) if request else ()
        return next((rule for rule in rules if rule.name == name), None)


@dataclass(frozen=True)
class Behaviour:
    """One way in which `members` do otherwise; what is None is done as everybody does it."""

    id: str  # what it does, with its settings: the same id is the same behaviour, and a run's digest holds it
    members: tuple[str, ...]
    words: str = ""  # the same for people, after the members' names
    rows: Callable[[Rows, Task], Rows] | None = None  # what they train on
    serve: Callable[[PhasePlan, Serve], Serve] | None = None  # what a phase makes
    alter: Callable[[LiveRun, Node, tx.Transaction], tx.Transaction | None] | None = None  # what is sent
    act: Callable[[LiveRun], Sequence[Doing]] | None = None  # what they send of their own accord
    rest: Callable[[LiveRun, Node], int | None] | None = None  # until when a node does not run, from now on
    forgetful: bool = False  # it has something in mind that is gone when the process dies

    def __str__(self) -> str:
        return f"{', '.join(self.members)} {self.words or self.id}"


def with_behaviours(protocol: Protocol, behaviours: Sequence[Behaviour]) -> Protocol:
    """The protocol whose phases are served as the behaviours have it; the ledger's rules are the same."""

    def changed(phase: PhasePlan) -> PhasePlan:
        serve = phase.do.serve
        for behaviour in behaviours:
            if behaviour.serve is not None:
                serve = behaviour.serve(phase, serve)
        return phase if serve is phase.do.serve else replace(phase, do=replace(phase.do, serve=serve))

    return replace(
        protocol,
        opening=tuple(map(changed, protocol.opening)),
        phases=tuple(map(changed, protocol.phases)),
        closing=tuple(map(changed, protocol.closing)),
    )


def training_rows(member: str, rows: Rows, task: Task, behaviours: Sequence[Behaviour]) -> Rows:
    """What a member trains on."""
    for behaviour in behaviours:
        if behaviour.rows is not None and member in behaviour.members:
            rows = behaviour.rows(rows, task)
    return rows


@dataclass(frozen=True, eq=False)
class Conduct:
    """How everybody in a run behaves: what is sent in place of what nodes would send, and who rests."""

    run: LiveRun
    behaviours: Sequence[Behaviour]
    last: Alter | None = None  # what anybody's turns become after all behaviours

    def alter(self, node: Node, body: tx.Transaction) -> tx.Transaction | None:
        """What is sent in place of what a node would send in its turn; None is nothing."""
        changed = self.behave(node, body)
        return changed if changed is None or self.last is None else self.last(node, changed)

    def behave(self, node: Node, body: tx.Transaction) -> tx.Transaction | None:
        """What the behaviours make of a transaction, whoever sends it."""
        for behaviour in self.behaviours:
            if behaviour.alter is not None and node.member in behaviour.members:
                changed = behaviour.alter(self.run, node, body)
                if changed is None:
                    return None
                body = changed
        return body

    def acts(self) -> list[Doing]:
        """What is sent without a node's doing."""
        return [doing for behaviour in self.behaviours if behaviour.act for doing in behaviour.act(self.run)]

    def rests(self, node: Node) -> int | None:
        """Until when this node does not run, or None where it runs."""
        until = [
            behaviour.rest(self.run, node)
            for behaviour in self.behaviours
            if behaviour.rest is not None and node.member in behaviour.members
        ]
        return max((time for time in until if time is not None and time > self.run.clock.now), default=None)


def ensure_known(behaviours: Sequence[Behaviour], members: Sequence[str]) -> None:
    """Refuse a behaviour of somebody who does not take part."""
    for behaviour in behaviours:
        strange = [name for name in behaviour.members if name not in members]
        if strange:
            known = ", ".join(members[:12])
            words = behaviour.words or behaviour.id
            raise ValueError(f"{words}: there is no member {strange[0]!r}; the members are {known}")
