"""The ABCI 2.0 application: answers what CometBFT asks, one after the other; nothing raises but `Halt`."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, final

import msgspec

from ...base.codec import Malformed, encode
from ...base.wire import BrokenBytes, Fields, fields, message, number, value_of
from ..engine import EngineError
from ..storage.database import DamagedStore
from . import queries
from .abci import ACCEPT, REJECT, preparation, proposal, request, validator_updates
from .replica import Halt, Replica, leaves_a_trace
from .snapshots import Snapshots
from .waiting import WaitingShares

NUDGE: Final = b"tallystick nudge "  # and a deadline: wakes a chain on which that deadline has passed
REFUSED, BUSY, UNKNOWN, ELSEWHERE = 1, 2, 3, 4  # codes of queries, and of checks without a receipt
NEW: Final = 0  # CheckTx: a transaction that just came

Log = Callable[..., None]


def _silent(_message: str, **_more: object) -> None:
    return None


@dataclass
class Counts:
    """What the metrics tell."""

    checked: int = 0
    refused: int = 0
    flooded: int = 0
    blocks: int = 0
    transactions: int = 0
    rejected_proposals: int = 0
    faults: int = 0


@final
@dataclass
class AbciApplication:
    """One replica behind the four connections of its engine."""

    replica: Replica
    snapshots: Snapshots
    now: Callable[[], int]  # milliseconds since 1970; decides nothing that validators must agree on
    log: Log = _silent
    counts: Counts = field(default_factory=Counts)
    waiting: WaitingShares = field(default_factory=WaitingShares)
    tried: int | None = None  # a deadline that a block was made for in vain

    def answer(self, frame: bytes) -> tuple[int, bytes]:
        """The field and the body of the answer to one request."""
        try:
            name, number, values = request(frame)
            return number, getattr(self, f"_{name}")(values)
        except (BrokenBytes, DamagedStore, OSError, MemoryError, RecursionError) as error:
            raise Halt(f"{type(error).__name__}: {error}") from error

    # Before there are blocks

    def _echo(self, values: Fields) -> bytes:
        return message({1: value_of(values, 1, b"")})

    def _flush(self, _values: Fields) -> bytes:
        return b""

    def _info(self, _values: Fields) -> bytes:
        """What is committed. Anybody may ask, at any time, so that nothing is forgotten here."""
        root = self.replica.root if self.replica.height else b""
        return message({1: "tallystick", 2: "1", 3: 1, 4: self.replica.height, 5: root})

    def _init_chain(self, values: Fields) -> bytes:
        try:
            genesis = bytes.fromhex(msgspec.json.decode(value_of(values, 5, b""), type=str))
            self.replica.begin(genesis, value_of(values, 2, b"").decode())
        except (ValueError, msgspec.MsgspecError, Malformed, EngineError) as error:
            raise Halt(f"the engine's genesis does not begin a ledger: {error}") from error
        validators = validator_updates((key, 1) for key in self.replica.validators())
        return message({2: validators, 3: self.replica.tree.root})

    # What waits

    def _check_tx(self, values: Fields) -> bytes:
        transaction, kind = value_of(values, 1, b""), value_of(values, 2, 0)
        self.counts.checked += 1
        try:
            if transaction.startswith(NUDGE):
                return message({1: 0 if self._wakes(transaction) else REFUSED})
            return self._checked(transaction, kind)
        except (ArithmeticError, AttributeError, ValueError, LookupError, TypeError, EngineError) as fault:
            self._fault("check_tx", fault)
            return message({1: REFUSED, 3: "this validator could not judge the transaction"})

    def _checked(self, transaction: bytes, kind: int) -> bytes:
        replica = self.replica
        receipt = replica.check(transaction)
        if receipt.code:
            self.counts.refused += 1
            return message({1: receipt.code, 2: encode(receipt), 3: receipt.detail})
        weight, size = replica.machine.weight(receipt), len(transaction)
        if kind != NEW:
            self.waiting.count(receipt.member, size, weight)
            return message({2: receipt.transaction})
        _, member_weight = replica.machine.limits(replica.store)
        if not self.waiting.admit(receipt.member, size, weight, member_weight):
            self.counts.flooded += 1
            return message({1: BUSY, 3: f"{receipt.member} has as much waiting as one member may"})
        return message({2: receipt.transaction})

    def _wakes(self, transaction: bytes) -> bool:
        """Whether a nudge names the deadline that is next and has passed; all others would be noise."""
        due = self.replica.due()
        return due is not None and transaction == nudge(due) and due <= self.now() and due != self.tried

    # Blocks

    def _prepare_proposal(self, values: Fields) -> bytes:
        block, _most = preparation(values)
        try:
            waiting = tuple(data for data in block.transactions if not data.startswith(NUDGE))
            return message({1: list(self.replica.prepare(block._replace(transactions=waiting)))})
        except (ArithmeticError, AttributeError, ValueError, LookupError, TypeError, EngineError) as fault:
            self._fault("prepare_proposal", fault)
            return b""

    def _process_proposal(self, values: Fields) -> bytes:
        """Accept exactly what a sound `prepare_proposal` can have made."""
        try:
            block = proposal(values)
            outcome = self.replica.execute(block)
            sound = all(map(leaves_a_trace, outcome.receipts))
        except (ArithmeticError, AttributeError, ValueError, LookupError, TypeError, EngineError) as fault:
            self._fault("process_proposal", fault)
            sound = False
        if not sound:
            self.counts.rejected_proposals += 1
            self.log("rejected a proposal", height=block.height)
        return message({1: ACCEPT if sound else REJECT})

    def _extend_vote(self, _values: Fields) -> bytes:
        return b""

    def _verify_vote_extension(self, _values: Fields) -> bytes:
        return message({1: ACCEPT})

    def _finalize_block(self, values: Fields) -> bytes:
        try:
            block = proposal(values)
            decided = self.replica.decide(block)
        except (ArithmeticError, AttributeError, ValueError, LookupError, TypeError, EngineError) as fault:
            # Going on would be another state than the others': halting is the sound end.
            raise Halt(f"block {value_of(values, 5, 0)} cannot be executed: {fault}") from fault
        for evidence in block.evidence:
            self.log("another validator misbehaved", validator=accused(evidence))
        updates = validator_updates(decided.updates)
        return message({2: [*decided.results], 3: updates, 5: decided.entry.app_hash})

    def _commit(self, _values: Fields) -> bytes:
        before = self.replica.due()
        decided = self.replica.commit()
        self.waiting.clear()  # the engine asks about all that is left at once
        if before is None or self.replica.due() != before:
            self.tried = None
        elif self.replica.time >= before:
            self.tried = before
        self.counts.blocks += 1
        self.counts.transactions += len(decided.block.transactions)
        self.snapshots.taken_at(self.replica)
        return b""

    # Reading

    def _query(self, values: Fields) -> bytes:
        path, data = value_of(values, 2, b""), value_of(values, 1, b"")
        height = self.replica.height
        try:
            value = queries.answer(self.replica, path.decode(), data)
            return message({7: value, 9: height})
        except queries.Busy as busy:
            return message({1: BUSY, 3: str(busy), 9: height})
        except queries.Elsewhere as elsewhere:
            return message({1: ELSEWHERE, 3: str(elsewhere), 9: height})
        except (EngineError, Malformed) as error:
            return message({1: REFUSED, 3: str(error), 9: height})
        except (ArithmeticError, AttributeError, ValueError, LookupError, TypeError) as fault:
            self._fault("query", fault)
            return message({1: UNKNOWN, 3: type(fault).__name__, 9: height})

    # Snapshots

    def _list_snapshots(self, _values: Fields) -> bytes:
        return message({1: [snapshot.encoded() for snapshot in self.snapshots.kept()]})

    def _offer_snapshot(self, values: Fields) -> bytes:
        sound = self.snapshots.offered(fields(value_of(values, 1, b"")), value_of(values, 2, b""))
        return message({1: ACCEPT if sound else self.snapshots.REJECT})

    def _load_snapshot_chunk(self, values: Fields) -> bytes:
        return message({1: self.snapshots.chunk(value_of(values, 1, 0), value_of(values, 3, 0))})

    def _apply_snapshot_chunk(self, values: Fields) -> bytes:
        place, data, sender = value_of(values, 1, 0), value_of(values, 2, b""), value_of(values, 3, b"")
        result = self.snapshots.applied(self.replica, place, data)
        if result == self.snapshots.RETRY:
            return message({1: result, 2: number(place), 3: sender})
        return message({1: result})

    def _fault(self, where: str, fault: Exception) -> None:
        self.counts.faults += 1
        self.log("a defect was met", where=where, fault=f"{type(fault).__name__}: {fault}")


def nudge(deadline: int) -> bytes:
    """What wakes a quiet chain: the same bytes from every validator, so that one of them suffices.

    No block ever holds it: that it waits makes the engine begin a block, `prepare_proposal` leaves it out.
    """
    return NUDGE + str(deadline).encode()


def accused(evidence: bytes) -> str:
    """Whom a piece of evidence accuses."""
    return value_of(fields(value_of(fields(evidence), 2, b"")), 1, b"").hex()
