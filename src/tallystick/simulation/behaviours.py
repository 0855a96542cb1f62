"""What one adds to a run: some members do otherwise than their nodes would, and the nodes know nothing."""

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
from ..node.loop import Node
from ..node.payloads.store import PayloadsInMemory
from ..protocols.vocabulary import PhasePlan, Protocol, Serve

NEVER = 2**53
Doing = tuple[Node, tx.Transaction]


@dataclass(eq=False)
class Clock:
    """Time that only moves when somebody moves it."""

    now: int

    def __call__(self) -> int:
        return self.now


@dataclass(eq=False)
class World:
    """A running simulation, as a part sees it; `marks` is what the parts of this run keep in mind."""

    engine: EmbeddedEngine
    nodes: Mapping[str, Node]
    payloads: PayloadsInMemory
    clock: Clock
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
class Part:
    """One way in which `members` do otherwise; what is None is done as everybody does it."""

    told: str  # in a word or two: the same words are the same part
    members: tuple[str, ...]
    rows: Callable[[Rows, Task], Rows] | None = None  # what they train on
    serve: Callable[[PhasePlan, Serve], Serve] | None = None  # what a phase makes
    alter: Callable[[World, Node, tx.Transaction], tx.Transaction | None] | None = None  # what is sent
    act: Callable[[World], Sequence[Doing]] | None = None  # what they send of their own accord
    rest: Callable[[World, Node], int | None] | None = None  # until when a node does not run, from now on
    forgetful: bool = False  # it has something in mind that is gone when the process dies


def with_parts(protocol: Protocol, parts: Sequence[Part]) -> Protocol:
    """The protocol whose phases are served as the parts have it; the ledger's rules are the same."""

    def changed(phase: PhasePlan) -> PhasePlan:
        serve = phase.do.serve
        for part in parts:
            if part.serve is not None:
                serve = part.serve(phase, serve)
        return phase if serve is phase.do.serve else replace(phase, do=replace(phase.do, serve=serve))

    return replace(
        protocol,
        opening=tuple(map(changed, protocol.opening)),
        phases=tuple(map(changed, protocol.phases)),
        closing=tuple(map(changed, protocol.closing)),
    )


def training_rows(member: str, rows: Rows, task: Task, parts: Sequence[Part]) -> Rows:
    """What a member trains on."""
    for part in parts:
        if part.rows is not None and member in part.members:
            rows = part.rows(rows, task)
    return rows


def altered(world: World, parts: Sequence[Part], node: Node, body: tx.Transaction) -> tx.Transaction | None:
    """What is sent in place of what the node would send; None is nothing."""
    for part in parts:
        if part.alter is not None and node.member in part.members:
            changed = part.alter(world, node, body)
            if changed is None:
                return None
            body = changed
    return body


def acts(world: World, parts: Sequence[Part]) -> list[Doing]:
    """What is sent without a node's doing."""
    return [one for part in parts if part.act is not None for one in part.act(world)]


def rests(world: World, parts: Sequence[Part], node: Node) -> int | None:
    """Until when this node does not run, or None where it runs."""
    found = [
        until
        for part in parts
        if part.rest is not None and node.member in part.members
        for until in [part.rest(world, node)]
        if until is not None and until > world.clock.now
    ]
    return max(found, default=None)


def ensure_known(parts: Sequence[Part], members: Sequence[str]) -> None:
    """Refuse a part about somebody who does not take part."""
    for part in parts:
        strange = [name for name in part.members if name not in members]
        if strange:
            known = ", ".join(members[:12])
            raise ValueError(f"{part.told}: there is no member {strange[0]!r}; the members are {known}")
