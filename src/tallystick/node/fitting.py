"""Which requests a node serves: what its owner offers and allows, and why a request does not fit that."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ..base.events import Protects
from ..base.ids import ANYONE
from ..base.task import Task
from ..data.table import Table
from ..data.unit import DividedRows
from ..learning.learner import Learner
from ..ledger import transactions as tx
from ..ledger import views
from ..ledger.records import Request
from ..protocols.plans import ResolvedPlan, source_of
from ..protocols.request_plan import RequestPlan
from .trouble import NotAtHand


@dataclass(frozen=True)
class Budget:
    """How much privacy a unit's lineage may ever spend, and whose it is."""

    epsilon: float
    delta: float = 1e-5
    protects: Protects = "record"

    def on_ledger(self) -> tx.PrivacyBudget:
        """The same in whole numbers."""
        nano, pico = round(self.epsilon * 10**9), round(self.delta * 10**12)
        return tx.PrivacyBudget(nano, pico, self.protects)


@dataclass(frozen=True)
class Allowed:
    """A learner that the owner installed, and for which requests it may run."""

    learner: Learner
    presets: tuple[str, ...]
    min_reward: int


@dataclass(frozen=True, eq=False)
class OfferedUnit:
    """Rows that are registered on the ledger and lie here, with the task that they were registered for."""

    unit: str
    rows: DividedRows[Table]
    task: Task


@dataclass(frozen=True)
class Fit:
    """With what a request is served: the unit, the grant that permits it, and how many rows that are."""

    unit: str
    grant: str
    amount: int


class NotServed(NotAtHand):
    """Why a node does not serve a request."""


@dataclass(eq=False)
class Offers:
    """What a node's owner offers, and which learners may run on it."""

    units: dict[str, OfferedUnit] = field(default_factory=dict)  # by their ids
    learners: dict[bytes, Allowed] = field(default_factory=dict)  # by the digest that plans name them by

    def offer(self, unit: OfferedUnit) -> None:
        """Serve requests with these rows from now on."""
        self.units[unit.unit] = unit

    def allow(self, learner: Learner, presets: Sequence[str], min_reward: int) -> None:
        """Let this learner run, for these presets and at least this reward."""
        self.learners[source_of(learner)] = Allowed(learner, tuple(presets), min_reward)

    def ensure_allowed(self, plan: RequestPlan, reward: int) -> Allowed:
        """The learner that a plan names, where it may run for this reward."""
        allowed = self.learners.get(plan.source)
        if allowed is None:
            raise NotServed(f"learner {plan.learner}@{plan.learner_version} is not allowed here")
        if plan.preset not in allowed.presets or reward < allowed.min_reward:
            raise NotServed(f"preset {plan.preset} for {reward:,} tokens is not allowed here")
        return allowed

    def fit(self, posted: Request, resolved: ResolvedPlan, grants: Iterable[views.GrantView]) -> Fit:
        """The unit and the grant with which to serve a request, or why not."""
        plan, least = resolved.plan, resolved.asked.least_rows
        if not resolved.agrees(posted.rules):
            raise NotServed("its rules are not those of its plan")
        columns = {column.name for column in (*plan.task.columns, plan.task.target)}
        permits = [
            grant
            for grant in grants
            if grant.to in (ANYONE, posted.member) and grant.purpose == posted.purpose
        ]
        for offered in self.units.values():
            training = offered.rows.training
            permit = next((grant.grant for grant in permits if grant.unit == offered.unit), None)
            if permit is not None and columns <= set(training.names) and len(training) >= least:
                return Fit(offered.unit, permit, len(training))
        names = ", ".join(sorted(columns))
        raise NotServed(f"no unit with {least} rows of {names} and a grant for {posted.purpose}")
