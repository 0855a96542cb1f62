"""What serves a member's turns: its rows, its disk, its secrets, and the schemes that its owner installed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ..learning.learner import Array, Memory, Model
from ..ledger.records import Request
from ..protocols.request_plan import RequestPlan
from ..protocols.session import RequestSession
from ..protocols.vocabulary import Bench, Holding, PhasePlan, Protocol
from .payloads.store import Payloads, Source
from .work import Duty, WorkStore


@dataclass(frozen=True, eq=False)
class InstalledScheme:
    """A request's plan, resolved to what is installed here: protocol, bench, and what is kept meanwhile."""

    protocol: Protocol
    bench: Bench
    session: RequestSession = field(default_factory=RequestSession)

    @cached_property
    def phases(self) -> tuple[PhasePlan, ...]:
        """All phases, in the order that the ledger counts them."""
        return self.protocol.opening + self.protocol.phases + self.protocol.closing

    @cached_property
    def blank(self) -> Model:
        """A model as the learner begins, which says what every model of this plan must look like."""
        plan: RequestPlan = self.bench.plan
        model: Model = self.bench.learner.init(plan, seed_key(plan))
        return model

    def begun(self) -> Memory:
        """What a member's learner remembers as it begins."""
        return self.bench.learner.remember(self.blank)


def seed_key(plan: RequestPlan) -> Array:
    """The key by which everybody would draw the same first model."""
    import jax

    return jax.random.key(plan.seed)


@dataclass(eq=False)
class Worker:
    """Whoever serves one member's turns."""

    member: str
    holding: Holding
    payloads: Payloads
    store: WorkStore
    scheme_of: Callable[[Request], InstalledScheme]
    secret: Callable[[Duty], bytes]  # fresh bytes of the operating system; of a seed only in simulations
    held: dict[str, Holding] = field(default_factory=dict)  # its rows as a request's task has them
    given_up: set[Duty] = field(default_factory=set)  # turns whose work failed: it is not tried again
    sources: Sequence[Source] = ()  # where payloads come from that are not here, the nearest first

    def holds(self, request: str) -> Holding:
        """The rows with which it serves a request."""
        return self.held.get(request, self.holding)


def salt_for(worker: Worker, request: str) -> bytes:
    """The salt that a worker commits to when it applies, and reveals before round 1."""
    return worker.secret(Duty(request, 0, "salt"))[:32]
