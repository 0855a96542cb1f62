"""A member's node in this process: offers data, allows learners, applies for what fits, and serves it."""

from __future__ import annotations

import time as wall
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Self, TypeVar, final

import numpy as np

from ..base.ids import ANYONE
from ..base.task import Task
from ..data.readers import read
from ..data.table import Table
from ..data.unit import divide
from ..engines.engine import Answer, Engine, NotCommitted, NotTaken
from ..engines.errors import ClientError, TransactionRefused
from ..engines.session import Session
from ..engines.values import UnsoundValue
from ..learning.learner import Learner, Rows
from ..learning.rows import rows_of
from ..ledger import transactions as tx
from ..ledger import views
from ..ledger.notices import GrantGiven, UnitRegistered
from ..ledger.records import Request
from ..ledger.rules import draws
from ..ledger.state import LIVE_REQUESTS, PLACES, REQUESTS
from ..ledger.views.reading import find, keyed
from ..protocols.vocabulary import Holding
from .fitting import Allowed, Budget, Fit, NotServed, OfferedUnit, Offers
from .loop import Node, step
from .preflight import preflight
from .schemes import Schemes
from .shelf import Shelf
from .trouble import Attempt, Trouble, reason_of
from .work import Duty
from .worker import Worker, salt_for

ANY: Final = "any-member"
DAY: Final = 86_400_000
IDLE: Final = 0.05  # seconds
N = TypeVar("N")
NO_ROWS: Final = Rows(np.zeros((0, 1), np.float32), np.zeros(0, np.float32))


@final
class Joined:
    """A member's node: what it offers, what it allows, and the turns that it takes.

    `beside` gives all nodes that take their turns with this one; `release` lets the ledger go.
    """

    def __init__(
        self,
        session: Session,
        shelf: Shelf,
        release: Callable[[], None] = lambda: None,
        beside: Callable[[], Sequence[Joined]] | None = None,
    ) -> None:
        self.session, self.member, self.shelf = session, session.member, shelf
        self.offers = Offers()
        held: dict[str, Holding] = {}
        self._schemes = Schemes(shelf, self.offers, held)
        self.worker = Worker(
            self.member, Holding(NO_ROWS, NO_ROWS), shelf.payloads, shelf.work_of(self.member),
            self._schemes.of, shelf.secret_of(self.member), held,
        )  # fmt: skip
        self.node = Node(session, self.worker)
        self._release, self._beside = release, beside or (lambda: [self])
        self._declined: dict[str, str] = {}  # why a request is not served, by its id
        self._passing: tuple[Trouble, ...] = ()
        self._lasting: dict[Duty, Trouble] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """The node stops here; what it has on disk stays."""
        self.worker.store.close()
        self._release()

    @property
    def engine(self) -> Engine:
        """The ledger on which it serves."""
        return self.session.engine

    # Offering

    def register(
        self,
        name: str,
        data: str | Path | Table,
        task: Task,
        *,
        subject: str = "",
        judging: float = 0.2,
        seed: int = 0,
        category: str = "tables",
        budget: Budget | None = None,
        price: int = 0,
        unaccounted: bool = True,
    ) -> str:
        """Offer rows that stay here; the same rows again are the same unit.

        `unaccounted` allows what has no formal guarantee, such as scores of others' models on judging rows.
        """
        table = data if isinstance(data, Table) else read(data)
        rows_of(table, task, subject)  # what does not fit is said before anything is registered
        rows = divide(table.select(table.columns_of(task, subject)), judging, seed, subject)
        known = views.unit_named(self.engine, self.member, name)
        if known is not None and known.training_root == rows.training_root:
            unit = known.unit
        else:
            body = tx.RegisterUnit(
                name, tx.Profile(category, "rows", rows.rows, rows.schema_digest), rows.training_root,
                rows.judging_root, f"node://{self.member}", tx.Sketch(1, b""),
                tx.Terms(price=price, unaccounted=unaccounted),
                None if known else (budget or Budget(10)).on_ledger(),
                version_of=known.unit if known else "",
            )  # fmt: skip
            unit = _noticed(self._send(body), UnitRegistered).unit
        self.offers.offer(OfferedUnit(unit, rows, task))
        return unit

    def allow(
        self, learner: Learner, presets: Sequence[str] = ("mutual", "averaging"), min_reward: int = 0
    ) -> None:
        """Let requests run this learner on one's units: no other code ever runs here."""
        self.offers.allow(learner, presets, min_reward)

    def grant(
        self, unit: str, to: str = ANY, purpose: str = "research", uses: int = 100, days: int = 365
    ) -> str:
        """Permit a member, or any, to use a unit for a purpose, so many times, so many days."""
        until = self.session.now() + days * DAY
        body = tx.GiveGrant(unit, ANYONE if to == ANY else to, purpose, uses, until)
        return _noticed(self._send(body), GrantGiven).grant

    def check(self) -> list[str]:
        """Try two steps of each learner on each unit before anybody depends on it; raise what is wrong."""
        units, learners = self.offers.units.values(), self.offers.learners.values()
        if not units or not learners:
            first = "allow a learner" if units else "register a unit"
            raise ClientError(f"{self.member} offers nothing yet: {first} first")
        lines = []
        for offered in units:
            training = rows_of(offered.rows.training, offered.task, offered.rows.subject)
            for allowed in learners:
                tried = preflight(allowed.learner, offered.task, training)
                lines.append(f"{offered.unit[:13]}: {tried}; {len(offered.rows.judging):,} rows to judge by")
        return lines

    # Serving

    def serve(self, seconds: float | None = None) -> None:
        """Take this process's turns until it is interrupted, or for so many seconds."""
        until = None if seconds is None else wall.monotonic() + seconds
        while until is None or wall.monotonic() < until:
            if not turn(self._beside(), self.engine, self.session.now()):
                wall.sleep(IDLE)

    def apply(self) -> int:
        """Apply for every request that is open and fits; how many that were."""
        applied = 0
        for request in views.requests(self.engine, stage="forming"):
            if self.member in (*request.applicants, request.member):
                continue
            with Attempt() as attempt:
                body = self._application(request.request)
            if attempt.error is not None:
                self._declined[request.request] = reason_of(attempt.error)
                continue
            try:
                self._send(body)
                applied += 1
            except TransactionRefused as refused:  # the team formed meanwhile, or the ledger knows better
                self._declined[request.request] = refused.receipt.detail
            except (NotCommitted, NotTaken) as unsettled:
                self._declined[request.request] = str(unsettled)
        return applied

    def hold(self) -> None:
        """Have the rows ready of every request that one serves, as its task wants them, and no others."""
        live = {name for name, _ in keyed(self.engine, LIVE_REQUESTS)}
        for ended in self.worker.held.keys() - live:
            del self.worker.held[ended]
        self._schemes.forget(live)
        for request in sorted(live - self.worker.held.keys()):
            with Attempt() as attempt:
                holding = self._holding(request)
                if holding is not None:
                    self.worker.held[request] = holding
            if attempt.error is not None:
                self._declined[request] = reason_of(attempt.error)

    def note(self, troubles: Sequence[Trouble]) -> None:
        """Remember what went wrong in a turn: what failed for good, what passes until the next."""
        mine = [trouble for trouble in troubles if trouble.member == self.member]
        self._passing = tuple(each for each in mine if each.kind in ("unavailable", "unsettled"))
        self._lasting.update((each.duty, each) for each in mine if each.kind in ("failed", "refused"))

    @property
    def allowed(self) -> tuple[Allowed, ...]:
        """The learners that may run here."""
        return tuple(self.offers.learners.values())

    @property
    def declined(self) -> dict[str, str]:
        """Why requests are not served, by their ids."""
        return dict(self._declined)

    @property
    def troubles(self) -> tuple[Trouble, ...]:
        """What went wrong in single turns, and what stood in the way of the last."""
        return (*self._lasting.values(), *self._passing)

    def _application(self, request: str) -> tx.Apply:
        posted = self._posted(request)
        resolved = self._schemes.resolved(posted)
        self.offers.ensure_allowed(resolved.plan, posted.reward)
        grants = views.grants(self.engine, self.session.now(), owner=self.member, stage="open")
        fit: Fit = self.offers.fit(posted, resolved, grants)
        salt = salt_for(self.worker, request)
        sealed = tx.salt_commitment(request, self.member, salt) if draws(posted.rules) else None
        use = tx.UnitUse(fit.unit, fit.grant)
        return tx.Apply(request, amount=fit.amount, units=(use,), commitment=sealed)

    def _posted(self, request: str) -> Request:
        posted = find(self.engine, REQUESTS, request)
        if posted is None:
            raise NotServed(f"there is no request {request}")
        return posted

    def _holding(self, request: str) -> Holding | None:
        """The rows with which a request is served; None where they were not registered here."""
        place = find(self.engine, PLACES, request, self.member)
        plan = self.shelf.plan(self._posted(request).plan) if place else None
        if place is None or plan is None:
            return None
        if not place.units:
            return self.worker.holding
        offered = self.offers.units.get(place.units[0].unit)
        if offered is None:
            return None
        rows = offered.rows
        training = rows_of(rows.training, plan.task, rows.subject)
        return Holding(training, rows_of(rows.judging, plan.task, rows.subject))

    def _send(self, body: tx.Transaction) -> Answer:
        try:
            answer = self.session.send(body)
        except UnsoundValue as unsound:
            raise ClientError(str(unsound)) from None
        if answer.receipt.code:
            raise TransactionRefused(answer.receipt)
        return answer


def turn(nodes: Sequence[Joined], engine: Engine, time: int) -> int:
    """One turn of nodes on one ledger: apply, then look, gather, perform and send; how much was done."""
    applied = sum(node.apply() for node in nodes)
    for node in nodes:
        node.hold()
    stepped = step(engine, [node.node for node in nodes], time)
    for node in nodes:
        node.note(stepped.troubles)
    engine.tick()
    return applied + len(stepped.answers)


def _noticed(answer: Answer, kind: type[N]) -> N:
    """The notice of this kind in a transaction's receipt, which names what it made."""
    return next(notice for notice in answer.receipt.notices if isinstance(notice, kind))
