"""A member's node in this process: offers data, allows learners, applies for what fits, and serves it."""

from __future__ import annotations

import secrets
import time as wall
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self, final

import numpy as np

from ..base.ids import ANYONE, digest
from ..base.keys import Signer
from ..base.task import Task
from ..data.readers import read
from ..data.table import Table
from ..data.unit import DividedRows, divide
from ..engines.engine import Engine
from ..learning.cohort import loop
from ..learning.learner import Learner, Rows
from ..learning.rows import rows_of
from ..learning.scan import scan
from ..ledger import state as st
from ..ledger import transactions as tx
from ..ledger import views
from ..ledger.records import Request
from ..ledger.rules import draws
from ..node import work as holdings
from ..node.loop import Node, step
from ..node.payloads import store as payloads
from ..node.payloads.store import write_durably
from ..node.work import Duty
from ..node.worker import InstalledScheme, Worker, salt_for
from ..protocols.plans import ResolvedPlan, resolve, source_of
from ..protocols.request_plan import RequestPlan, decode_plan
from ..protocols.vocabulary import Bench, Holding
from .ledger import Client, ClientError, Password, TransactionRefused, connect
from .opened import OpenLedger

ANY = "any-member"
DAY = 86_400_000
NO_ROWS = Rows(np.zeros((0, 1), np.float32), np.zeros(0, np.float32))


@dataclass(frozen=True)
class Budget:
    """How much privacy a unit's lineage may ever spend, and whose it is."""

    epsilon: float
    delta: float = 1e-5
    protects: str = "record"

    def on_ledger(self) -> tx.PrivacyBudget:
        nano, pico = round(self.epsilon * 10**9), round(self.delta * 10**12)
        return tx.PrivacyBudget(nano, pico, self.protects)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Allowed:
    """A learner that the owner installed, and for which requests it may run."""

    learner: Learner
    presets: tuple[str, ...]
    min_reward: int


@dataclass(eq=False)
class Shelf:
    """What lies beside a ledger on this machine: payloads by their hash, plans, each node's own work."""

    folder: Path
    payloads: payloads.PayloadFolder = field(init=False)

    def __post_init__(self) -> None:
        self.payloads = payloads.PayloadFolder(self.folder / "payloads")

    def keep_plan(self, plan: RequestPlan) -> bytes:
        from ..base.codec import encode

        name = plan.digest()
        write_durably(self.folder / "plans" / name.hex(), encode(plan))
        return name

    def plan(self, name: bytes) -> RequestPlan | None:
        file = self.folder / "plans" / name.hex()
        plan = decode_plan(file.read_bytes()) if file.is_file() else None
        return plan if plan is not None and plan.digest() == name else None


def shelf_of(client: Client) -> Shelf:
    """The shelf beside the ledger that a client has open."""
    if client.key is None or client.ledger.home is None:
        raise ClientError(
            "data is served and asked for beside a ledger's own folder; connect to one with a key"
        )
    return Shelf(client.ledger.home)


@final
class Joined:
    """A member's node: what it offers, what it allows, and the turns that it takes."""

    def __init__(self, client: Client) -> None:
        if client.key is None or not isinstance(client.view, Engine):
            raise ClientError("a node signs: join with the key of a member")
        self.client, self.member = client, client.member
        self._shelf = shelf_of(client)
        self._units: dict[str, DividedRows[Table]] = {}
        self._tasks: dict[str, Task] = {}
        self._allowed: dict[bytes, Allowed] = {}
        self._plans: dict[bytes, ResolvedPlan] = {}  # by their digest
        self._schemes: dict[str, InstalledScheme] = {}  # by request
        self._why: dict[str, str] = {}  # why a request is not served, by its id
        home = self._shelf.folder / "nodes" / self.member
        own = _secret_in(home / "secret")

        def secret(duty: Duty) -> bytes:
            return digest(own, duty.request.encode(), str(duty.round).encode(), duty.phase.encode())

        nothing = Holding(NO_ROWS, NO_ROWS)
        keep = holdings.WorkFolder(home / "work")
        worker = Worker(self.member, nothing, self._shelf.payloads, keep, self._scheme, secret)
        self.node = Node(client.session, worker)
        client.ledger.nodes[self.member] = self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """The node stops here; what it has on disk stays."""
        self.client.ledger.nodes.pop(self.member, None)
        self.client.close()

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
        unit = divide(table.select(table.columns_of(task, subject)), judging, seed, subject)
        known = views.unit_named(self.client.view, self.member, name)
        if known is None or known.training_root != unit.training_root:
            profile = tx.Profile(category, "rows", unit.rows, unit.schema_digest)
            terms = tx.Terms(price=price, unaccounted=unaccounted)
            self.client.submit(
                tx.RegisterUnit(
                    name, profile, unit.training_root, unit.judging_root, f"node://{self.member}",
                    tx.Sketch(1, b""), terms, None if known else (budget or Budget(10)).on_ledger(),
                    version_of=known.unit if known else "",
                )
            )  # fmt: skip
            known = views.unit_named(self.client.view, self.member, name)
        if known is None:
            raise ClientError(f"the unit {name!r} is not on the ledger")
        self._units[known.unit], self._tasks[known.unit] = unit, task
        return known.unit

    def allow(
        self, learner: Learner, presets: Sequence[str] = ("mutual", "averaging"), min_reward: int = 0
    ) -> None:
        """Let requests run this learner on one's units: no other code ever runs here."""
        self._allowed[source_of(learner)] = Allowed(learner, tuple(presets), min_reward)

    def grant(
        self, unit: str, to: str = ANY, purpose: str = "research", uses: int = 100, days: int = 365
    ) -> str:
        """Permit a member, or any, to use a unit for a purpose, so many times, so many days."""
        before = {one.grant for one in self._grants(unit)}
        until = self.client.now() + days * DAY
        self.client.submit(tx.GiveGrant(unit, ANYONE if to == ANY else to, purpose, uses, until))
        (made,) = {one.grant for one in self._grants(unit)} - before
        return made

    def _grants(self, unit: str, stage: str = "") -> tuple[views.GrantView, ...]:
        return views.grants(self.client.view, self.client.now(), owner=self.member, of=unit, stage=stage)

    def check(self) -> list[str]:
        """Try two steps of each learner on each unit before anybody depends on it; raise what is wrong."""
        from .preflight import preflight

        if not self._units or not self._allowed:
            what = "register a unit" if not self._units else "allow a learner"
            raise ClientError(f"{self.member} offers nothing yet: {what} first")
        lines = []
        for name, unit in self._units.items():
            for one in self._allowed.values():
                task = self._tasks[name]
                rows = rows_of(unit.training, task, unit.subject)
                tried = preflight(one.learner, task, rows)
                lines.append(f"{name[:13]}: {tried}; {len(unit.judging):,} rows to judge by")
        return lines

    # Serving

    def serve(self, seconds: float | None = None) -> None:
        """Take this process's turns until it is interrupted, or for so many seconds."""
        until = None if seconds is None else wall.monotonic() + seconds
        while until is None or wall.monotonic() < until:
            if not turn(self.client):
                wall.sleep(0.05)

    def apply(self) -> int:
        """Apply for every request that is open and fits; how many that were."""
        sent = 0
        for request in views.requests(self.client.view, stage="forming"):
            if self.member in (*request.applicants, request.member):
                continue
            posted = self.client.get(st.REQUESTS, request.request)
            body = self._application(posted)
            if body is None:
                continue
            try:
                self.client.submit(body)
                sent += 1
            except TransactionRefused as refused:  # the team formed meanwhile, or the ledger knows better
                self._why[request.request] = refused.receipt.detail
        return sent

    @property
    def allowed(self) -> tuple[Allowed, ...]:
        """The learners that may run here."""
        return tuple(self._allowed.values())

    @property
    def declined(self) -> dict[str, str]:
        """Why requests are not served, by their ids."""
        return dict(self._why)

    def _application(self, posted: Request) -> tx.Apply | None:
        found = self._fitting(posted)
        if isinstance(found, str):
            self._why[posted.request] = found
            return None
        unit, grant = found
        salt = salt_for(self.node.worker, posted.request)
        sealed = tx.salt_commitment(posted.request, self.member, salt) if draws(posted.rules) else None
        amount, use = len(self._units[unit].training), tx.UnitUse(unit, grant)
        return tx.Apply(posted.request, amount=amount, units=(use,), commitment=sealed)

    def _fitting(self, posted: Request) -> tuple[str, str] | str:
        """The unit and the grant with which to serve a request, or why not."""
        plan = self._shelf.plan(posted.plan)
        if plan is None:
            return "its plan is not to be had"
        allowed = self._allowed.get(plan.source)
        if allowed is None:
            return f"learner {plan.learner}@{plan.learner_version} is not allowed here"
        if plan.preset not in allowed.presets or posted.reward < allowed.min_reward:
            return f"preset {plan.preset} for {posted.reward:,} tokens is not allowed here"
        try:
            resolved = self._resolved(posted.plan, plan)
        except ValueError as error:
            return f"its plan cannot be served here: {error}"
        if not resolved.agrees(posted.rules):
            return "its rules are not those of its plan"
        least = resolved.asked.least_rows
        wanted = {column.name for column in (*plan.task.columns, plan.task.target)}
        for name, unit in self._units.items():
            if not wanted <= set(unit.training.names) or len(unit.training) < least:
                continue
            for one in self._grants(name, "open"):
                if one.to in (ANYONE, posted.member) and one.purpose == posted.purpose:
                    return name, one.grant
        return f"no unit with {least} rows of {', '.join(sorted(wanted))} and a grant for {posted.purpose}"

    def hold(self) -> None:
        """Have the rows ready of every request that one serves, as its task wants them."""
        worker = self.node.worker
        for request in views.requests(self.client.view, live=True):
            name = request.request
            place = self.client.find(st.PLACES, name, self.member)
            if place is None or name in worker.held or not place.units:
                continue
            unit = self._units.get(place.units[0].unit)
            plan = self._shelf.plan(request.plan)
            if unit is not None and plan is not None:
                training, judging = (
                    rows_of(part, plan.task, unit.subject) for part in (unit.training, unit.judging)
                )
                worker.held[name] = Holding(training, judging)

    def _scheme(self, posted: Request) -> InstalledScheme:
        plan = self._shelf.plan(posted.plan)
        allowed = None if plan is None else self._allowed.get(plan.source)
        if plan is None or allowed is None:
            raise ClientError(f"request {posted.request} names a plan or a learner that is not here")
        if posted.request not in self._schemes:
            runner = scan() if allowed.learner.traced else loop
            bench = Bench(plan, allowed.learner, plan.task.measure, runner)
            protocol = self._resolved(posted.plan, plan).protocol
            self._schemes[posted.request] = InstalledScheme(protocol, bench)
        return self._schemes[posted.request]

    def _resolved(self, name: bytes, plan: RequestPlan) -> ResolvedPlan:
        if name not in self._plans:
            self._plans[name] = resolve(plan)
        return self._plans[name]


def join(
    ledger: OpenLedger | str | Path,
    key: str | Path | Signer,
    password: Password = None,
    clock: Callable[[], int] | None = None,
) -> Joined:
    """A member's node on a ledger; several run in one process on one that `ts.open` opened."""
    return Joined(connect(ledger, key, password, clock))


def turn(client: Client) -> int:
    """One turn of all nodes that this process runs on a ledger: apply, then look, decide, do, submit."""
    joined = [node for node in client.ledger.nodes.values() if isinstance(node, Joined)]
    done = sum(one.apply() for one in joined)
    for one in joined:
        one.hold()
    stepped = step(client.engine, [one.node for one in joined], client.now())
    client.engine.tick()
    return done + len(stepped.answers)


def _secret_in(file: Path) -> bytes:
    """A node's own secret, out of which every turn draws its own: made once."""
    if not file.exists():
        write_durably(file, secrets.token_bytes(32))
        file.chmod(0o600)
    return file.read_bytes()
