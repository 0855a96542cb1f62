"""The default engine: one process orders transactions, signs the blocks and keeps them in two copies."""

import time
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from itertools import islice
from pathlib import Path
from threading import RLock
from typing import Final, final

from ...base import light
from ...base.codec import encode
from ...base.keys import Signer
from ...ledger.genesis import Genesis
from ...ledger.state import Reader
from ...ledger.transactions import Unsealed
from ...ledger.transition import Block
from ..chain import BlockEntry, index_of, results_hash
from ..engine import (
    Answer,
    CommittedBlock,
    Engine,
    EngineError,
    EngineStopped,
    LedgerMachine,
    LedgerOutcome,
    Listeners,
    ReceiptProof,
    StateProof,
    Status,
    StoredBlock,
    Ticket,
    ledger_machine,
)
from ..storage.blocklog import seal
from ..storage.blocks import Blocks
from ..storage.lock import WriterLock
from ..storage.opening import StorageSettings, open_or_create
from ..storage.store import encode_writes
from .pool import GoodSignatures, Pool
from .timer import Timer
from .verifier import Triple, Verifier

BLOCK_LIMIT: Final = 1_000  # transactions
LINGER: Final = 20  # milliseconds that a transaction waits for company while nobody waits for it


def wall_clock() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


@final
class EmbeddedEngine(Engine):
    """A ledger in a folder, written by this process alone; safe to use from several threads.

    With `clock` the time is the caller's, and `tick` makes the blocks that nobody waits for. Without it the
    time is the wall clock's, and a thread makes them.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        keys: Sequence[Signer],
        genesis: Genesis | None = None,
        clock: Callable[[], int] | None = None,
        machine: LedgerMachine | None = None,
        block_limit: int = BLOCK_LIMIT,
        settings: StorageSettings | None = None,
    ) -> None:
        self.path = Path(path)
        self._machine = machine or ledger_machine()
        self._clock = clock or wall_clock
        self._limit = block_limit
        self._keys = {key.public: key for key in keys}
        self._pool, self._good, self._listeners = Pool(), GoodSignatures(), Listeners()
        self._verifier = Verifier()
        self._work = RLock()  # held by whoever makes a block
        self._stopped = ""
        self._made = 0.0  # when the newest block was made, by a clock that never jumps
        self._tried = -1  # the deadline that a block was made for in vain
        self._lock = WriterLock(self.path, create=genesis is not None)
        try:
            self._open(genesis, settings or StorageSettings())
        except BaseException:
            self._lock.release()
            raise
        self._timer = None if clock else Timer(self._due_in, self._act)

    # Opening and closing

    def _open(self, genesis: Genesis | None, settings: StorageSettings) -> None:
        validators = tuple(sorted(self._keys))
        opened = open_or_create(self.path, self._machine, genesis, validators, settings)
        self._log, self._store, self._tree = opened.log, opened.store, opened.tree
        self._chain, self._head, self._repairs = opened.chain, opened.head, tuple(opened.repairs)
        self._blocks = Blocks(self._store, self._machine, self._chain, self._log)
        try:
            self._ensure_keys()
            self._prove_state()
        except BaseException:
            self._store.abandon()
            self._log.close()
            raise

    def _ensure_keys(self) -> None:
        validators = self._chain.validators
        held = sum(validator.public in self._keys for validator in validators)
        if 3 * held <= 2 * len(validators):
            raise EngineError(
                f"{held} of the {len(validators)} keys that sign the blocks of {self.path} were given; "
                "more than two thirds are needed"
            )

    def close(self) -> None:
        self._end(flush=True)

    def abandon(self) -> None:
        """Close, and forget what waits for a block: nobody was told that it was taken."""
        self._end(flush=False)

    def _end(self, flush: bool) -> None:
        if self._timer is not None:
            self._timer.end()
        with self._work:
            if self._lock.released:
                return
            try:
                if flush and not self._stopped:
                    self._make_all()
            finally:
                if self._stopped:
                    self._store.abandon()
                else:
                    self._store.close()
                    self._stopped = "the ledger was closed"
                self._log.close()
                self._verifier.close()
                self._lock.release()

    # Handing in

    def submit(self, transaction: bytes | Unsealed) -> Ticket:
        self._ensure_running()
        data = transaction.data if isinstance(transaction, Unsealed) else transaction
        known = self._pool.find(data)
        if known is not None:
            return known
        read = transaction if isinstance(transaction, Unsealed) else self._machine.read(transaction)
        return self._submit(data, read)

    def _submit(self, data: bytes, read: Unsealed) -> Ticket:
        receipt = self._machine.check(self._store, read, self._next_block(), self._good)
        if receipt.code:
            return Ticket(receipt.transaction, data, answer=Answer(receipt))
        weight = self._machine.weight(receipt)
        ticket = self._pool.put(Ticket(receipt.transaction, data, read, receipt.member, weight))
        if len(self._pool) >= self._limit:
            with self._work:
                self._ensure_running()
                if len(self._pool) >= self._limit:
                    self._make_block(self._waiting())
        elif self._timer is not None:
            self._timer.wake()
        return ticket

    def submit_many(self, transactions: Iterable[bytes]) -> list[Ticket]:
        """`submit` for each, with a second process verifying signatures one block ahead."""
        tickets: list[Ticket] = []
        source = ((data, self._machine.read(data)) for data in transactions)
        batches = iter(lambda: list(islice(source, self._limit)), [])
        for batch, good in self._verifier.ahead(batches, self._signatures):
            with self._work:
                self._good.remember(good)
                for data, read in batch:
                    self._ensure_running()
                    tickets.append(self._pool.find(data) or self._submit(data, read))
        return tickets

    def _signatures(self, batch: Sequence[tuple[bytes, Unsealed]]) -> list[Triple]:
        return self._machine.signatures(read for _, read in batch)

    def wait(self, ticket: Ticket) -> Answer:
        with self._work:
            while ticket.answer is None:
                self._ensure_running()
                waiting = self._waiting()
                if not waiting:
                    raise EngineError("this ticket is another engine's, or of one that was closed")
                self._make_block(waiting)
            if not self._stopped and not len(self._pool):
                self._prove_state()
            return ticket.answer

    def tick(self) -> None:
        """Put what waits into blocks, and make empty ones until nothing is due by the clock."""
        with self._work:
            self._ensure_running()
            self._make_all()
            while (deadline := self._machine.next_deadline(self._store)) is not None:
                if deadline > self._clock() or deadline == self._tried:
                    break
                served, before = self._head.next_time >= deadline, self._head.app_hash
                self._make_block([])
                self._prove_state()
                if served and self._head.app_hash == before:
                    self._tried = deadline

    # Making blocks

    def _next_block(self) -> Block:
        return self._machine.block(self._chain.name, self._head.height + 1, self._head.next_time)

    def _waiting(self) -> list[Ticket]:
        return self._pool.first(self._limit, *self._machine.limits(self._store))

    def _make_all(self) -> None:
        while waiting := self._waiting():
            self._make_block(waiting)
        self._prove_state()

    def _prove_state(self) -> None:
        """While no header names the newest state yet, make an empty block, as CometBFT does."""
        while self._head.stated != self._head.app_hash:
            self._make_block([])

    def _make_block(self, tickets: Sequence[Ticket]) -> None:
        """One block: decided, durable twice, then acknowledged."""
        transactions = tuple(ticket.transaction for ticket in tickets)
        height = self._head.height + 1
        try:
            read = [ticket.read or self._machine.read(ticket.transaction) for ticket in tickets]
            outcome = self._machine.apply_block(self._store, read, self._next_block(), self._good)
            encoded = encode_writes(outcome.writes)
            entry = self._seal(transactions, outcome, encoded)
            frame = seal(height, self._log.digest(height - 1), encode(entry))
            self._log.append(frame, height)
            self._store.append(height, frame, outcome.writes, encoded, index_of(outcome.receipts))
            self._head, self._made = self._chain.head_of(entry), time.monotonic()
        except BaseException as error:
            # Whatever it was, half of it may be on disk: only opening again can tell.
            self._stopped = f"block {height} could not be made: {error!r}"
            if isinstance(error, Exception):
                raise EngineStopped(self._stop_message()) from error
            raise
        self._acknowledge(tickets, outcome)

    def _seal(self, transactions: tuple[bytes, ...], outcome: LedgerOutcome, encoded: bytes) -> BlockEntry:
        header = self._chain.next_header(self._head, transactions)
        block = light.block_id(light.WholeBlock(header, transactions, (), self._head.commit))
        commit = self._chain.sign(header, block, self._keys, self._clock())
        return BlockEntry(
            header=light.HEADER.encode(header),
            transactions=transactions,
            commit=light.COMMIT.encode(commit),
            receipts=tuple(map(encode, outcome.receipts)),
            notices=tuple(map(encode, outcome.notices)),
            app_hash=self._tree.update(outcome.writes),
            results_hash=results_hash(outcome.receipts),
            writes=sha256(encoded).digest(),
        )

    def _acknowledge(self, tickets: Sequence[Ticket], outcome: LedgerOutcome) -> None:
        head = self._head
        for place, (ticket, receipt) in enumerate(zip(tickets, outcome.receipts, strict=True)):
            ticket.answer = Answer(receipt, head.height, place, head.time)
        self._pool.done(tickets)
        if not len(self._pool):
            self._good.forget()
        self._listeners.tell(
            CommittedBlock(head.height, head.time, tuple(outcome.notices), tuple(outcome.receipts))
        )

    def _ensure_running(self) -> None:
        if self._stopped:
            raise EngineStopped(self._stop_message())

    def _stop_message(self) -> str:
        return f"{self._stopped}; open the ledger in {self.path} again to go on"

    def _act(self) -> None:
        """What the timer calls; whoever made blocks meanwhile has done its work."""
        with self._work:
            left = self._due_in()
            if left is not None and left <= 0:
                self.tick()

    def _due_in(self) -> float | None:
        """Seconds until the timer is to make a block; None while nothing is expected."""
        if self._stopped:
            return None
        if len(self._pool):
            return LINGER / 1000 - self._pool.age()
        if self._head.stated != self._head.app_hash:
            return LINGER / 1000 - (time.monotonic() - self._made)
        deadline = self._machine.next_deadline(self._store)
        return None if deadline in (None, self._tried) else (deadline - self._clock()) / 1000

    # Reading

    def get(self, key: bytes) -> bytes | None:
        return self._store.get(key)

    def scan(self, prefix: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        return self._store.scan(prefix, limit)

    def find(self, digest: bytes) -> Answer | None:
        return self._blocks.find(digest)

    def history(self, member: str, limit: int = 100) -> list[Answer]:
        return self._blocks.history(member, limit)

    def block(self, height: int) -> StoredBlock:
        return self._blocks.block(height)

    def prove(self, key: bytes) -> StateProof:
        with self._work:
            self._ensure_running()
            self._prove_state()
            return self._blocks.prove(self._tree, key)

    def prove_receipt(self, digest: bytes) -> ReceiptProof:
        with self._work:
            self._ensure_running()
            self._prove_state()
            return self._blocks.prove_receipt(digest)

    @property
    def state(self) -> Reader:
        return self._store

    def subscribe(self, listener: Callable[[CommittedBlock], None]) -> Callable[[], None]:
        return self._listeners.add(listener)

    def status(self) -> Status:
        return self._blocks.status(self._head, len(self._pool), self._repairs, self._stopped)
