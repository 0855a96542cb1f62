"""The loop around a protocol, one turn of it, for one node or many: look, gather, perform and keep, send."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ..engines.engine import Answer, Engine, LedgerUnreachable, NotCommitted, NotTaken
from ..engines.session import Pending, Session
from ..engines.values import UnsoundValue
from ..ledger import transactions as tx
from ..ledger.rejections import NumberTooFar
from ..ledger.requests.live import LIVE
from ..ledger.state import PROGRESS
from ..ledger.views import find
from .gather import Task, gather
from .next_action import Wait, next_action
from .perform import perform
from .trouble import Trouble
from .work import Duty, Holdings, InFlight
from .worker import Worker


@dataclass(eq=False)
class Node:
    """A member on the ledger: its session, and the worker that does what its turns ask."""

    session: Session
    worker: Worker

    @property
    def member(self) -> str:
        return self.worker.member


@dataclass(frozen=True)
class Stepped:
    """What one turn of the loop did: answers to what was sent, when the next is due, what went wrong."""

    answers: tuple[tuple[str, tx.Transaction, Answer], ...]
    rest_until: int | None
    troubles: tuple[Trouble, ...] = ()


# What a fault or an attack makes of what a node would send.
Alter: TypeAlias = Callable[[Node, tx.Transaction], tx.Transaction | None]


def step(
    engine: Engine,
    nodes: Sequence[Node],
    time: int,
    alter: Alter | None = None,
    before_sending: Callable[[], None] | None = None,
    fail_fast: bool = False,
) -> Stepped:
    """Every node looks and decides; what they do is done together, handed in, and waited for.

    `before_sending` runs between what was made and what is sent: a place to make it all durable. What goes
    wrong in one turn is noted and touches no other; with `fail_fast` it is raised.
    """
    tasks: list[Task] = []
    rests: list[int] = []
    for node in nodes:
        _settle(engine, node)
        store = node.worker.store
        holdings = Holdings(store.ready, store.flying.keys(), node.worker.given_up)
        action = next_action(engine, node.member, holdings, time)
        if not isinstance(action, Wait):
            tasks.append((node.worker, action))
            continue
        _forget(engine, node)
        if action.until is not None:
            rests.append(action.until)
    gathered = gather(engine, tasks)
    performed = perform(gathered, fail_fast)
    by_name = {node.member: node for node in nodes}
    made = [(by_name[each.worker.member], each.duty, each.body) for each in performed.prepared]
    altered = [(node, duty, alter(node, body) if alter else body) for node, duty, body in made]
    if made and before_sending:
        before_sending()
    answers, unsettled = _send([(node, duty, body) for node, duty, body in altered if body is not None])
    troubles = (*gathered.troubles, *performed.troubles, *unsettled)
    return Stepped(answers, min(rests, default=None), troubles)


def _settle(engine: Engine, node: Node) -> None:
    """See which transactions have landed in a block, hand the others in again, and let go what has ended.

    The same bytes are executed once, however often they are handed in.
    """
    store = node.worker.store
    for flight in list(store.flying.values()):
        landed = engine.find(flight.digest) is not None or engine.status().time >= flight.valid_until
        if not landed:
            try:
                answer = engine.submit(flight.transaction).answer
            except (LedgerUnreachable, NotTaken):
                continue
            landed = answer is not None and answer.receipt.code != NumberTooFar.code
        if landed:
            store.landed([flight.duty])


def _forget(engine: Engine, node: Node) -> None:
    """Let go of work for requests that have ended."""
    for request in {duty.request for duty in node.worker.store.ready}:
        progress = find(engine, PROGRESS, request)
        if progress is not None and progress.stage not in LIVE:
            node.worker.store.forget(request)


def _send(
    made: Iterable[tuple[Node, Duty, tx.Transaction]],
) -> tuple[tuple[tuple[str, tx.Transaction, Answer], ...], list[Trouble]]:
    """Hand everything in, note what is under way, and only then wait for what became of it."""
    sent: list[tuple[Node, Duty, tx.Transaction, Pending]] = []
    troubles: list[Trouble] = []
    for node, duty, body in made:
        try:
            pending = node.session.submit(body)
        except (NotTaken, UnsoundValue, NotCommitted) as error:
            troubles.append(Trouble(node.member, duty, "unsettled", str(error)))
            continue
        node.worker.store.sent([_in_flight(duty, pending)])
        sent.append((node, duty, body, pending))
    answers = []
    for node, duty, body, pending in sent:
        try:
            answer = node.session.wait(pending)
        except NotCommitted as error:
            node.worker.store.sent([_in_flight(duty, pending)])  # it may have been sealed anew meanwhile
            troubles.append(Trouble(node.member, duty, "unsettled", str(error)))
            continue
        node.worker.store.landed([duty])
        answers.append((node.member, body, answer))
        if answer.receipt.code:
            reason = f"{answer.receipt.refusal}: {answer.receipt.detail}"
            troubles.append(Trouble(node.member, duty, "refused", reason))
    return tuple(answers), troubles


def _in_flight(duty: Duty, pending: Pending) -> InFlight:
    sealed = pending.sealed
    return InFlight(duty, sealed.digest, sealed.valid_until, sealed.transaction)
