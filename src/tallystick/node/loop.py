"""The one loop around a protocol, one turn of it: look, decide, do, submit; for one node or for many."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..engines.engine import Answer, Engine
from ..engines.session import Session
from ..ledger import transactions as tx
from .next_action import Wait, next_action
from .perform import Worker, perform
from .work import Holdings


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
    """What one turn of the loop did: answers to what was sent, and when something is next due to be done."""

    answers: tuple[tuple[str, tx.Transaction, Answer], ...]
    rest_until: int | None


Alter = Callable[
    [Node, tx.Transaction], tx.Transaction | None
]  # what a fault or an attack makes of what a node would send


def step(engine: Engine, nodes: Sequence[Node], time: int, alter: Alter | None = None) -> Stepped:
    """Every node looks and decides; what they do is done together, submitted, and waited for."""
    tasks, rests = [], []
    for node in nodes:
        holdings = Holdings(node.worker.store.load())
        action = next_action(engine, node.member, holdings, time)
        if isinstance(action, Wait):
            rests.append(action.until)
        else:
            tasks.append((node.worker, action))
    by_name = {node.member: node for node in nodes}
    sent = []
    for worker, body in perform(engine, tasks):
        node = by_name[worker.member]
        changed = alter(node, body) if alter else body
        if changed is not None:
            sent.append((node, changed, node.session.submit(changed)))
    answers = tuple((node.member, body, node.session.wait(pending)) for node, body, pending in sent)
    return Stepped(answers, min((rest for rest in rests if rest is not None), default=None))
