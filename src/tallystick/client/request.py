"""Asking for a model: find holders, quote, post, follow; a model with its proof comes back, or why not."""

from __future__ import annotations

import re
import secrets
import time as wall
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np

from ..base.ids import ANYONE
from ..data.table import Table
from ..engines.errors import ClientError
from ..history.live import MomentStream
from ..learning import payload
from ..learning.cohort import loop
from ..learning.judge import FEWEST
from ..learning.learner import Learner, Rows
from ..learning.rows import rows_of
from ..learning.trained import TrainedModel
from ..ledger import state as st
from ..ledger import transactions as tx
from ..ledger import views
from ..ledger.budgets.curves import NANO
from ..ledger.handlers.requests import test_commitment
from ..ledger.notices import RequestPosted
from ..ledger.requests.live import LIVE
from ..ledger.rules import uncharged
from ..node.worker import InstalledScheme
from ..protocols.composing import settings_of
from ..protocols.plans import Plan, ResolvedPlan
from ..protocols.request_plan import RequestPlan
from ..protocols.vocabulary import Bench, Unfit
from .ledger import Client
from .nodes import nodes_on, shelf_of, turn
from .receipts import RecordProof, of_record

SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(s|min|h|d)")
IN_MS = {"s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
IDLE = 0.05  # seconds
LIMITS = {"answer": "5s", "wait": "10min", "time": "2h"}  # of a request whose plan says nothing


@dataclass(frozen=True)
class Holder:
    """A unit that somebody offers, with its owner's credit."""

    unit: views.UnitView
    credit: int

    @property
    def member(self) -> str:
        return self.unit.owner


@dataclass(frozen=True)
class Quote:
    """Who could serve a plan, and what of it is known before anybody is asked."""

    rows: tuple[tuple[str, str, int, float, int, str], ...]  # member, unit, rows, ε left, price, why not
    protects: str
    fewest: int = 0  # rows by which a member judges at least; 0 where nobody judges

    def __repr__(self) -> str:
        lines = [f"{'member':<12} {'unit':<14} {'rows':>8} {'ε left':>8} {'price':>6}  could serve"]
        for member, unit, rows, left, price, why in self.rows:
            lines.append(f"{member:<12} {unit:<14} {rows:>8,} {left:>8.2f} {price:>6,}  {why or 'yes'}")
        lines.append(f"ε left: of training rows, for one {self.protects}, by the ledger's own Rényi account")
        if self.fewest:
            coarse = f"; with fewer than {FEWEST} figures are coarse" if self.fewest < FEWEST else ""
            lines.append(f"judging: who has fewer than {self.fewest} rows to judge by abstains{coarse}")
        return "\n".join(lines)


@dataclass(frozen=True)
class Settled:
    """The request ended with a model and a record that stands."""

    model: TrainedModel
    receipt: RecordProof


@dataclass(frozen=True)
class Refunded:
    """The request ended without a model; what was left of the reward came back."""

    reason: str


@dataclass(frozen=True)
class RequestEvent:
    """Something that happened to a request."""

    time: int
    text: str
    notice: object = None

    def __str__(self) -> str:
        return self.text


def span(text: str | float) -> int:
    """Milliseconds of words such as 30s, 10min, 2h; a number is seconds."""
    if isinstance(text, int | float):
        return int(text * 1000)
    match = SPAN.fullmatch(text.strip())
    if match is None:
        raise ClientError(f"{text!r} is no time such as 30s, 10min, 2h or 1d")
    return int(float(match[1]) * IN_MS[match[2]])


def find_holders(client: Client, words: str = "", minimum_credit: int = 0) -> list[Holder]:
    """Units on offer whose name or category has any of these words; all of them without words."""
    asked = _words(words)
    holders = []
    for unit in views.units(client.view):
        account = client.find(st.ACCOUNTS, unit.owner)
        credit = 0 if account is None else account.credit
        fits = not asked or asked & _words(f"{unit.name} {unit.profile.category}")
        if fits and credit >= minimum_credit and unit.owner != client.member:
            holders.append(Holder(unit, credit))
    return holders


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-z0-9]+", text.lower()))


def quote(client: Client, plan: Plan, holders: Sequence[Holder], purpose: str = "research") -> Quote:
    """Who of these could serve a plan: enough rows, ε left, a grant for the purpose."""
    learner = learner_of(client, plan)
    resolved = _resolved(plan, learner)
    rules, asked = resolved.rules(), resolved.asked
    cost = 0 if asked.epsilon is None else round(asked.epsilon * NANO)
    protects = next((rule.event.protects for rule in rules.phases if rule.event), asked.protects)
    rows = []
    for holder in holders:
        unit = holder.unit
        left, why = unit.budget.training.left, ""
        if unit.profile.rows < asked.least_rows:
            why = f"fewer than {asked.least_rows:,} rows"
        elif left < cost or (cost and unit.budget.protects != protects):
            why = "not enough of its privacy budget is left"
        elif not unit.terms.unaccounted and uncharged(rules):
            why = "its terms ask for a formal guarantee in every phase"
        elif not _granted(client, unit.unit, purpose):
            why = f"no grant for {purpose}"
        rows.append((unit.owner, unit.name, unit.profile.rows, left / NANO, unit.terms.price, why))
    fewest = asked.fewest if "fewest" in settings_of(plan.preset) else 0
    return Quote(tuple(rows), protects, fewest)


def _granted(client: Client, unit: str, purpose: str) -> bool:
    grants = views.grants(client.view, client.now(), of=unit, stage="open")
    return any(grant.to in (ANYONE, client.member) and grant.purpose == purpose for grant in grants)


def learner_of(client: Client, plan: Plan) -> Learner:
    """The plan's learner: itself, or by its name among those that nodes in this process allow."""
    if isinstance(plan.learner, Learner):
        return plan.learner
    name, _, version = plan.learner.partition("@")
    known: dict[str, Learner] = {
        f"{allowed.learner.name}@{allowed.learner.version}": allowed.learner
        for node in nodes_on(client.ledger)
        for allowed in node.allowed
    }
    for called, learner in known.items():
        if called.partition("@")[0] == name and version in ("", learner.version):
            return learner
    there = f"; nodes here know {', '.join(known)}" if known else ""
    raise ClientError(f"no learner {plan.learner!r} is at hand: give the learner itself{there}")


@dataclass(eq=False)
class PostedRequest:
    """A request that was posted, to be followed to its end."""

    client: Client
    request: str
    scheme: InstalledScheme
    test: tuple[bytes, bytes] | None = None  # the sealed test set's hash, and its salt
    idle: Callable[[float], None] = wall.sleep

    def watch(self) -> Iterator[RequestEvent]:
        """What happens, until the request has ended; the nodes of this process take their turns meanwhile."""
        with MomentStream(self.client.engine, self.plan.task.measure, self.request) as moments:
            while True:
                live = self.client.get(st.PROGRESS, self.request).stage in LIVE
                done = self._open_test() + turn(self.client) if live else 0
                for moment in moments.waiting():
                    if moment.telling:
                        yield RequestEvent(moment.time, moment.text, moment.notice)
                if not live:
                    return
                if not done:
                    self.idle(IDLE)

    @property
    def plan(self) -> RequestPlan:
        """The frozen plan that the request names."""
        return self.scheme.bench.plan

    def wait(self) -> Settled | Refunded:
        """Follow the request to its end: it always has one."""
        for _ in self.watch():
            pass
        progress = self.client.get(st.PROGRESS, self.request)
        record = self.client.find(st.RECORDS, self.request)
        if progress.stage != "settled" or record is None:
            return Refunded(progress.outcome)
        data = shelf_of(self.client).payloads.get(record.model)
        if data is None:
            raise ClientError(f"the model {record.model.hex()} is not beside this ledger")
        model = payload.decode(data, payload.specs_of(self.scheme.blank))[1]
        proof = of_record(self.client, st.RECORDS.key(self.request))
        return Settled(
            TrainedModel(self.scheme.bench.learner, self.plan.task, model), RecordProof(self.request, proof)
        )

    def _open_test(self) -> int:
        """Open the sealed test set when its time has come."""
        turns = views.turns(self.client.view, self.client.member, self.client.now())
        due = [waiting.of for waiting in turns if waiting.do == "open test"]
        if self.test is None or self.request not in due:
            return 0
        self.client.submit(tx.OpenTest(self.request, *self.test))
        return 1


def post(
    client: Client,
    plan: Plan,
    reward: int,
    deadline: str | float | None = None,
    sealed_test: Table | None = None,
    answer: str | float | None = None,
    phase: str | float | None = None,
    purpose: str = "research",
    category: str = "models",
    idle: Callable[[float], None] = wall.sleep,
) -> PostedRequest:
    """Ask for a model and lock the reward.

    Members may apply for as long as `answer` (5s), a phase may take as long as `phase` (10min), all rounds
    `deadline` (2h); the plan's settings may say so too.
    """
    learner, shelf = learner_of(client, plan), shelf_of(client)
    given = {"answer": answer, "wait": phase, "time": deadline}
    limits = {name: span(value) for name, value in given.items() if value is not None}
    settings = {**{name: span(value) for name, value in LIMITS.items()}, **plan.settings, **limits}
    resolved = _resolved(replace(plan, settings=settings, reward=reward), learner)
    test, opened = None, None
    if sealed_test is not None:
        rows = rows_of(sealed_test, resolved.plan.task)
        opened = (shelf.payloads.put(_test_set(rows, resolved.plan)), secrets.token_bytes(32))
        test = resolved.sealed_test(test_commitment(*opened))
    bench = Bench(resolved.plan, learner, resolved.plan.task.measure, loop)
    scheme = InstalledScheme(resolved.protocol, bench)
    name = shelf.keep_plan(resolved.plan)
    bound = payload.PayloadHeader(client.member, "initial", 0, name.hex())
    initial = shelf.payloads.put(payload.encode(bound, scheme.blank))
    rules = resolved.rules(test)
    posted = client.submit(tx.PostRequest(category, purpose, name, reward, rules, name, initial=initial))
    made = next(notice for notice in posted.receipt.notices if isinstance(notice, RequestPosted))
    return PostedRequest(client, made.request, scheme, opened, idle)


def _resolved(plan: Plan, learner: Learner) -> ResolvedPlan:
    try:
        return plan.resolved(learner)
    except Unfit as error:
        raise ClientError(str(error)) from None


def _test_set(rows: Rows, plan: RequestPlan) -> bytes:
    """The requester's rows as a payload of two arrays."""
    bound = payload.PayloadHeader("requester", "test", 0, plan.digest().hex())
    return payload.encode(bound, {"x": np.asarray(rows.x, np.float32), "y": np.asarray(rows.y, np.float32)})


@final
class Asker(Client):
    """A ledger as somebody sees it who asks for models."""

    def find_holders(self, words: str = "", minimum_credit: int = 0) -> list[Holder]:
        """Units on offer whose name or category has any of these words; all of them without words."""
        return find_holders(self, words, minimum_credit)

    def quote(self, plan: Plan, holders: Sequence[Holder], purpose: str = "research") -> Quote:
        """Who of these could serve a plan, and what is known before anybody is asked."""
        return quote(self, plan, holders, purpose)

    def post(self, plan: Plan, reward: int, **how: Any) -> PostedRequest:
        """Ask for a model and lock the reward: `deadline`, `answer`, `phase`, `sealed_test`, `purpose`."""
        return post(self, plan, reward, **how)
