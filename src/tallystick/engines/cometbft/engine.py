"""The engine as a client has it: any node of the network, asked over its RPC, and believed only by proof."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar, final

from ...base import light
from ...base.codec import encode
from ...ledger.genesis import Genesis
from ...ledger.transactions import Unsealed
from ..chain import milliseconds
from ..engine import (
    Answer,
    CommittedBlock,
    Engine,
    EngineError,
    LedgerMachine,
    LedgerUnreachable,
    Listeners,
    NotCommitted,
    NotTaken,
    ReceiptProof,
    StateProof,
    Status,
    StoredBlock,
    Ticket,
    ledger_machine,
)
from . import queries
from .application import BUSY, ELSEWHERE
from .rpc import NodeDeclined, RpcNode
from .trust import Trust

T = TypeVar("T")

PAUSE: Final = 0.05  # seconds between two looks for something that is awaited
SOON: Final = 10.0  # seconds within which the engine makes the header that names a new state
LONGEST: Final = 120.0  # seconds that a transaction may wait for its block
ASK_AGAIN: Final = 2.0  # seconds after which an awaited transaction is handed in once more
IN_CACHE: Final = "tx already exists in cache"
DID_NOT: Final = "the network did not take the transaction"
POOL_FULL: Final = "mempool is full"


@final
class CometEngine(Engine):
    """A network's ledger. With `prove` nothing is taken from a node without a proof, where there can be one.

    `anchor` is the height and hash of a header to begin with, once the first one is too old to be trusted.
    Scans and histories are lists that no proof covers; what of them matters can be asked for by `get`.
    """

    def __init__(
        self,
        nodes: Sequence[str],
        genesis: Genesis,
        *,
        machine: LedgerMachine | None = None,
        prove: bool = True,
        patience: float = LONGEST,
        anchor: tuple[int, bytes] | None = None,
        now: Callable[[], int] = time.time_ns,
    ) -> None:
        if not nodes:
            raise EngineError("a network needs at least one node to ask")
        self._nodes = [RpcNode(url) for url in nodes]
        self._machine = machine or ledger_machine()
        self._chain = genesis.chain
        self._prove = prove
        self._patience = patience
        founders = self._machine.validators(_First(self._machine.first_writes(genesis)))
        self._trust = Trust(genesis.chain, founders, now, anchor)
        self._listeners = Listeners()
        self._follower: _Follower | None = None
        self._lock = threading.RLock()

    # Asking

    def _ask(self, ask: Callable[[RpcNode], T]) -> T:
        """Ask the node that answered last; where it does not answer, or lies, the next one."""
        failures: list[str] = []
        for node in tuple(self._nodes):
            try:
                return ask(node)
            except (LedgerUnreachable, light.NotProven) as failure:
                failures.append(
                    str(failure) if isinstance(failure, LedgerUnreachable) else f"{node.url}: {failure}"
                )
                with self._lock:
                    if self._nodes[0] is node:
                        self._nodes.append(self._nodes.pop(0))
        raise LedgerUnreachable(f"no node of chain {self._chain!r} can be used: {'; '.join(failures)}")

    def _query(self, node: RpcNode, path: str, data: bytes = b"") -> bytes:
        deadline = time.monotonic() + self._patience
        while True:
            code, value, reason, _ = node.query(path, data)
            if code == BUSY and time.monotonic() < deadline:
                time.sleep(PAUSE)
                continue
            if code == ELSEWHERE:
                raise LedgerUnreachable(f"{node.url}: {reason}")
            if code:
                raise EngineError(reason or f"{node.url} does not answer {path}")
            return value

    # Handing in

    def submit(self, transaction: bytes | Unsealed) -> Ticket:
        """Hand in a transaction; one that stands in a block already has its answer from there."""
        data = transaction.data if isinstance(transaction, Unsealed) else transaction
        answer = self._ask(lambda node: self._send(node, data))
        return Ticket(self._machine.name(data), data, answer=answer)

    def _send(self, node: RpcNode, transaction: bytes) -> Answer | None:
        """None where it was taken; the answer where it was refused, or stands in a block of this node."""
        try:
            code, data, reason = node.send(transaction)
        except NodeDeclined as declined:
            if IN_CACHE in str(declined):
                return None
            full = POOL_FULL in str(declined)
            raise (NotTaken if full else EngineError)(f"{DID_NOT}: {declined}") from None
        if not code:
            return None
        if not data:
            raise (NotTaken if code == BUSY else EngineError)(f"{DID_NOT}: {reason}")
        # What an earlier handing in did is known to whoever knows that its number is used.
        return self._find(node, self._machine.name(transaction)) or Answer(self._machine.receipt(data))

    def wait(self, ticket: Ticket) -> Answer:
        """The answer once its block is durable on the node that is asked, and proven."""
        deadline = time.monotonic() + self._patience
        again = time.monotonic() + ASK_AGAIN
        while ticket.answer is None:
            try:
                ticket.answer = self._ask(lambda node: self._find(node, ticket.digest))
            except LedgerUnreachable:  # a network that halts goes on later, and with it what waits
                if time.monotonic() > deadline:
                    raise
            if ticket.answer is not None:
                break
            now = time.monotonic()
            if now > deadline:
                why = f"no block took the transaction within {self._patience:g} seconds"
                raise NotCommitted(ticket.digest, why)
            if now > again:  # the node that had it may be gone, and its pool with it
                again = now + ASK_AGAIN
                ticket.answer = self._again(ticket)
            time.sleep(PAUSE)
        return ticket.answer

    def tick(self) -> None:
        """The validators wake their chain themselves when something is due."""

    def _again(self, ticket: Ticket) -> Answer | None:
        """Hand a transaction in once more; the answer where it is refused by now, and stands in no block."""
        try:
            return self._ask(lambda node: self._send(node, ticket.transaction))
        except (LedgerUnreachable, NotTaken):
            return None

    # Reading

    def get(self, key: bytes) -> bytes | None:
        if self._prove:
            return self.prove(key).value
        (value,) = queries.decode_value(self._ask(lambda node: self._query(node, "/get", key)))
        return value

    def scan(self, prefix: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """As a node tells it. One answer holds so many; the rest is asked for by longer prefixes."""
        asked = encode((prefix, min(limit, queries.SCANNED)))
        records = queries.decode_records(self._ask(lambda node: self._query(node, "/scan", asked)))
        if len(records) == queries.SCANNED and limit > queries.SCANNED:
            raise EngineError(f"more than {queries.SCANNED} records begin with {prefix!r}; ask for fewer")
        return records

    def find(self, digest: bytes) -> Answer | None:
        return self._ask(lambda node: self._find(node, digest))

    def _find(self, node: RpcNode, digest: bytes) -> Answer | None:
        answers = queries.decode_answers(self._query(node, "/find", digest))
        if not answers:
            return None
        answer = self._answer(answers[0])
        if self._prove:
            proof = self._receipt_proof(node, digest)
            if (proof.receipt, proof.signed[0].header.height) != (answer.receipt, answer.height):
                raise light.NotProven("the receipt told is not the receipt proven")
            return answer._replace(time=milliseconds(proof.signed[0].header.time))
        return answer

    def _answer(self, answer: queries.AnswerBytes) -> Answer:
        return Answer(self._machine.receipt(answer.receipt), answer.height, answer.place, answer.time)

    def history(self, member: str, limit: int = 100) -> list[Answer]:
        asked = encode((member, limit))
        answers = self._ask(lambda node: self._query(node, "/history", asked))
        return [self._answer(answer) for answer in queries.decode_answers(answers)]

    def block(self, height: int) -> StoredBlock:
        return self._ask(lambda node: self._block(node, height))

    def _block(self, node: RpcNode, height: int) -> StoredBlock:
        newest = node.height()
        if not 1 <= height <= newest:
            raise EngineError(f"there is no block {height}; this ledger has blocks 1 to {newest}")
        signed = self._trust.header(node, height) if self._prove else node.signed(height)
        transactions = node.block(height)
        if light.data_hash(transactions) != signed.header.data_hash:
            raise light.NotProven(f"{node.url} tells other transactions of block {height} than its header")
        (effects,) = queries.decode_effects(self._query(node, "/since", encode(height)))[:1]
        return StoredBlock(
            height,
            milliseconds(signed.header.time),
            light.HEADER.encode(signed.header),
            light.COMMIT.encode(signed.commit),
            transactions,
            tuple(map(self._machine.receipt, effects.receipts)),
            tuple(map(self._machine.notice, effects.notices)),
        )

    def prove(self, key: bytes) -> StateProof:
        return self._ask(lambda node: self._state_proof(node, key))

    def _state_proof(self, node: RpcNode, key: bytes) -> StateProof:
        """The newest state that a header names: that of the node, or what it was a block ago."""
        deadline = time.monotonic() + SOON
        while True:
            shown = queries.decode_proven(self._query(node, "/prove", key))
            for height in (shown.height, shown.height + 1):
                # An empty block leaves the state that its own header names; else the next header names it.
                if height < 1:
                    continue
                try:
                    signed = self._await_header(node, height, deadline)
                    light.verify_state_proof(signed.header, key, shown.value, shown.proof)
                except light.NotProven:
                    if height == shown.height:
                        continue
                    raise
                return StateProof(key, shown.value, shown.proof, signed)

    def _await_header(self, node: RpcNode, height: int, deadline: float) -> light.SignedHeader:
        """A header that the engine makes by itself soon after the state changed."""
        while True:
            try:
                return self._trust.header(node, height)
            except NodeDeclined as declined:
                if time.monotonic() > deadline:
                    raise LedgerUnreachable(f"{node.url} has no header {height} yet: {declined}") from None
            time.sleep(PAUSE)

    def prove_receipt(self, digest: bytes) -> ReceiptProof:
        return self._ask(lambda node: self._receipt_proof(node, digest))

    def _receipt_proof(self, node: RpcNode, digest: bytes) -> ReceiptProof:
        deadline = time.monotonic() + SOON
        while True:
            try:
                shown = queries.decode_proven_receipt(self._query(node, "/receipt", digest))
                break
            except EngineError as early:
                if "after the next block" not in str(early) or time.monotonic() > deadline:
                    raise
            time.sleep(PAUSE)
        signed = (
            self._await_header(node, shown.height, deadline),
            self._await_header(node, shown.height + 1, deadline),
        )
        result = light.Result(shown.code, shown.data)
        paths = _path(shown.in_data), _path(shown.in_results)
        light.verify_receipt(signed[0].header, signed[1].header, shown.transaction, result, paths)
        receipt = self._machine.receipt(shown.receipt)
        named = (receipt.digest(), receipt.code, receipt.transaction)
        if named != (shown.data, shown.code, self._machine.name(shown.transaction)) or named[2] != digest:
            raise light.NotProven("the receipt is not the one that the block's results name")
        return ReceiptProof(receipt, shown.transaction, result, paths, signed)

    def status(self) -> Status:
        return self._ask(self._status)

    def _status(self, node: RpcNode) -> Status:
        standing = queries.decode_standing(self._query(node, "/status"))
        if standing.chain != self._chain:
            raise light.NotProven(f"it is a node of chain {standing.chain!r}")
        waiting = int(node.call("num_unconfirmed_txs")["total"])
        return Status(
            standing.chain,
            standing.height,
            standing.time,
            standing.root,
            standing.validators,
            waiting,
            standing.repairs,
        )

    # Hearing of blocks

    def subscribe(self, listener: Callable[[CommittedBlock], None]) -> Callable[[], None]:
        """Blocks are asked for in their order: a node that goes away leaves no gap."""
        with self._lock:
            if self._follower is None:
                self._follower = _Follower(self._since, self._listeners.tell, self.status().height)
        return self._listeners.add(listener)

    def _since(self, height: int) -> list[CommittedBlock]:
        blocks = queries.decode_effects(self._ask(lambda node: self._query(node, "/since", encode(height))))
        return [
            CommittedBlock(
                block.height,
                block.time,
                tuple(map(self._machine.notice, block.notices)),
                tuple(map(self._machine.receipt, block.receipts)),
            )
            for block in blocks
        ]

    def close(self) -> None:
        if self._follower is not None:
            self._follower.end()
        for node in self._nodes:
            node.close()


@final
class _Follower:
    """A thread that asks for the blocks after the last one told."""

    def __init__(
        self,
        since: Callable[[int], list[CommittedBlock]],
        tell: Callable[[CommittedBlock], None],
        height: int,
    ) -> None:
        self._since, self._tell, self._height = since, tell, height
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tallystick-blocks", daemon=True)
        self._thread.start()

    def end(self) -> None:
        self._ended.set()
        if self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(PAUSE):
            try:
                blocks = self._since(self._height + 1)
            except EngineError:
                continue  # no node answers just now
            for block in blocks:
                if block.height == self._height + 1:
                    self._height = block.height
                    self._tell(block)


@final
class _First:
    """The first state, read."""

    def __init__(self, writes: Mapping[bytes, bytes]) -> None:
        self._writes = writes

    def get(self, key: bytes) -> bytes | None:
        return self._writes.get(key)

    def scan(self, prefix: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        records = sorted(item for item in self._writes.items() if item[0].startswith(prefix))
        return records[:limit]


def _path(path: queries.MerklePath) -> light.Path:
    return light.Path(path.place, path.total, path.digests)
