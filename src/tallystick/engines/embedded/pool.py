"""Transactions that wait for a block, and the signatures among them that were already found good."""

from collections.abc import Iterable, Sequence
from threading import Lock
from time import monotonic
from typing import Final, final

from ...base import keys
from ..engine import Ticket

REMEMBERED: Final = 100_000  # good signatures; more are checked again


@final
class GoodSignatures:
    """Verifies as `keys.verify` does, but never the same good signature twice while it is remembered."""

    def __init__(self) -> None:
        self._good: set[tuple[bytes, bytes, bytes]] = set()

    def __call__(self, public: bytes, message: bytes, signature: bytes) -> bool:
        triple = (public, message, signature)
        if triple in self._good:
            return True
        good = keys.verify(public, message, signature)
        if good and len(self._good) < REMEMBERED:
            self._good.add(triple)
        return good

    def remember(self, triples: Iterable[tuple[bytes, bytes, bytes]]) -> None:
        """These are good, as was found elsewhere."""
        self._good.update(triples)

    def forget(self) -> None:
        """Nothing waits any more, so nothing need be remembered."""
        self._good.clear()


@final
class Pool:
    """The tickets that wait, first come first; the same bytes have one ticket."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._tickets: dict[bytes, Ticket] = {}
        self._since = 0.0

    def __len__(self) -> int:
        return len(self._tickets)

    def find(self, transaction: bytes) -> Ticket | None:
        return self._tickets.get(transaction)

    def put(self, ticket: Ticket) -> Ticket:
        """The ticket that now waits for these bytes: this one, or one that was quicker."""
        with self._lock:
            if not self._tickets:
                self._since = monotonic()
            return self._tickets.setdefault(ticket.transaction, ticket)

    def age(self) -> float:
        """Seconds since the pool was last empty."""
        return monotonic() - self._since

    def first(self, count: int, heaviest: int, heaviest_of_one: int) -> list[Ticket]:
        """Who goes into the next block: as many as fit in it, of one member no more than are allowed."""
        chosen: list[Ticket] = []
        weights: dict[str, int] = {}
        total = 0
        with self._lock:
            for ticket in self._tickets.values():
                own = weights.get(ticket.member, 0) + ticket.weight
                if own > heaviest_of_one:
                    continue
                if len(chosen) == count or total + ticket.weight > heaviest:
                    break
                weights[ticket.member] = own
                total += ticket.weight
                chosen.append(ticket)
        return chosen

    def done(self, tickets: Sequence[Ticket]) -> None:
        with self._lock:
            for ticket in tickets:
                self._tickets.pop(ticket.transaction, None)
