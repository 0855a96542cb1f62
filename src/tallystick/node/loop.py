"""The one loop around a protocol, one turn of it: look, decide, do, submit; for one node or for many."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..base.keys import SigningKey
from ..engines.engine import Answer, Engine
from ..ledger import transactions as tx
from ..ledger.state import ACCOUNTS, Reader
from ..ledger.views import find
from .next_action import Wait, next_action
from .perform import Worker, perform
from .work import Holdings

VALID_FOR = 600_000  # milliseconds in which a transaction must find its block


@dataclass(eq=False)
class Node:
    """A member on the ledger: its key, and the worker that does what its turns ask."""

    key: SigningKey
    worker: Worker
    next_number: int = 0

    @property
    def member(self) -> str:
        return self.worker.member

    def sealed(self, view: Reader, chain: str, time: int, body: tx.Transaction) -> bytes:
        """The body under the member's next number, signed."""
        account = find(view, ACCOUNTS, self.member)
        number = max(self.next_number, account.low if account else 0)
        self.next_number = number + 1
        envelope = tx.Envelope(tx.FORMAT, chain, self.member, self.key.public, number, time + VALID_FOR, body)
        return tx.seal(envelope, self.key.sign)


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
            sealed = node.sealed(engine, engine.status().chain, time, changed)
            sent.append((node.member, changed, engine.submit(sealed)))
    answers = tuple((member, body, engine.wait(ticket)) for member, body, ticket in sent)
    return Stepped(answers, min((rest for rest in rests if rest is not None), default=None))
