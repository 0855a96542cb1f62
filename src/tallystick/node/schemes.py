"""Plans of requests, resolved once to what is installed beside a member's rows."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import final

from ..learning.cohort import loop
from ..learning.scan import scan
from ..ledger.records import Request
from ..protocols.plans import ResolvedPlan, resolve
from ..protocols.vocabulary import Bench, Holding
from .fitting import NotServed, Offers
from .shelf import Shelf
from .trouble import NotAtHand
from .worker import InstalledScheme


@final
@dataclass(eq=False)
class Schemes:
    """What a member's node serves requests with: only learners that its owner allowed, on rows at hand."""

    shelf: Shelf
    offers: Offers
    held: Mapping[str, Holding]  # the rows of the requests that are served
    plans: dict[bytes, ResolvedPlan] = field(default_factory=dict)  # by their digest
    installed: dict[str, InstalledScheme] = field(default_factory=dict)  # by request

    def of(self, posted: Request) -> InstalledScheme:
        """The scheme of a request, with what is kept while it is served."""
        if posted.request not in self.installed:
            resolved = self.resolved(posted)
            allowed = self.offers.learners.get(resolved.plan.source)
            if allowed is None:
                raise NotAtHand(f"request {posted.request} names a learner that is not allowed here")
            if posted.request not in self.held:
                raise NotAtHand(f"the rows with which request {posted.request} is served are not here")
            runner = scan() if allowed.learner.traced else loop
            bench = Bench(resolved.plan, allowed.learner, resolved.plan.task.measure, runner)
            self.installed[posted.request] = InstalledScheme(resolved.protocol, bench)
        return self.installed[posted.request]

    def resolved(self, posted: Request) -> ResolvedPlan:
        """The protocol of a request's plan, made once."""
        if posted.plan not in self.plans:
            plan = self.shelf.plan(posted.plan)
            if plan is None:
                raise NotServed("its plan is not to be had")
            self.offers.ensure_allowed(plan, posted.reward)
            try:
                self.plans[posted.plan] = resolve(plan)
            except ValueError as error:
                raise NotServed(f"its plan cannot be served here: {error}") from None
        return self.plans[posted.plan]

    def forget(self, live: Container[str]) -> None:
        """Let go of what belonged to requests that have ended."""
        for request in [request for request in self.installed if request not in live]:
            del self.installed[request]
