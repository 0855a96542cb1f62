"""Looking things up in the blocks that are kept: a block, a transaction, a member's transactions."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple, final

from ...base import light, merkle
from ...base.codec import Malformed
from ...ledger.transition import Receipt
from ..chain import BlockEntry, Head, HeaderChain, decode_entry, milliseconds, result_of
from ..engine import (
    Answer,
    EngineError,
    LedgerDamaged,
    LedgerMachine,
    ReceiptProof,
    StateProof,
    Status,
    StoredBlock,
)
from .blocklog import BlockLog, DamagedFrame, Frame
from .database import DamagedStore
from .lookup import BlockPlace
from .store import Store
from .tree import StateTree


class ReceiptPaths(NamedTuple):
    """A transaction in its block, its receipt, and the paths to what two headers say of them."""

    height: int
    receipt: Receipt
    transaction: bytes
    result: light.Result
    paths: tuple[light.Path, light.Path]


@final
@dataclass(frozen=True)
class Blocks:
    """The blocks of a ledger; where the database's copy of one is damaged the log's is read."""

    store: Store
    machine: LedgerMachine
    chain: HeaderChain
    log: BlockLog | None = None

    def entry(self, height: int) -> BlockEntry:
        if not 1 <= height <= self.store.height:
            raise EngineError(f"there is no block {height}; this ledger has blocks 1 to {self.store.height}")
        try:
            return decode_entry(self._frame(height).payload)
        except (DamagedFrame, DamagedStore, Malformed, OSError) as error:
            raise LedgerDamaged(
                f"block {height} cannot be read: {error}; open the ledger again to mend it"
            ) from None

    def block(self, height: int) -> StoredBlock:
        entry = self.entry(height)
        return StoredBlock(
            height,
            milliseconds(light.HEADER.decode(entry.header).time),
            entry.header,
            entry.commit,
            entry.transactions,
            tuple(map(self.machine.receipt, entry.receipts)),
            tuple(map(self.machine.notice, entry.notices)),
        )

    def find(self, digest: bytes) -> Answer | None:
        """The transaction with this digest; of several blocks with the same bytes, the one that took them."""
        answers = [self._answer(place) for place in self.store.places(digest)]
        answers = [answer for answer in answers if answer.receipt.transaction == digest]
        return next(
            (answer for answer in answers if answer.receipt.code == 0), answers[0] if answers else None
        )

    def history(self, member: str, limit: int) -> list[Answer]:
        answers = [self._answer(place) for place in self.store.places_of(member, limit)]
        return [answer for answer in answers if answer.receipt.member == member]

    def signed(self, height: int) -> light.SignedHeader:
        """A block's header with all that a check of it needs."""
        entry = self.entry(height)
        header, commit = light.HEADER.decode(entry.header), light.COMMIT.decode(entry.commit)
        return light.SignedHeader(header, commit, self.chain.validators)

    def prove(self, tree: StateTree, key: bytes) -> StateProof:
        """The newest state's record; the newest header must name that state."""
        signed = self.signed(self.store.height)
        if signed.header.app_hash != tree.root:
            raise EngineError("no header names the newest state yet; it can be proven after the next block")
        return StateProof(key, self.store.get(key), tree.prove(key), signed)

    def receipt_paths(self, digest: bytes) -> ReceiptPaths:
        """A transaction with its receipt, and the paths from both to what two headers say."""
        answer = self.find(digest)
        if answer is None or answer.height is None or answer.place is None:
            raise EngineError(f"no block holds a transaction {digest.hex()}")
        if answer.height == self.store.height:
            raise EngineError("no header names this receipt yet; it can be proven after the next block")
        entry, place = self.entry(answer.height), answer.place
        results = [result_of(self.machine.receipt(receipt)) for receipt in entry.receipts]
        leaves = [sha256(transaction).digest() for transaction in entry.transactions]
        paths = _path(leaves, place), _path([light.result_bytes(result) for result in results], place)
        return ReceiptPaths(answer.height, answer.receipt, entry.transactions[place], results[place], paths)

    def prove_receipt(self, digest: bytes) -> ReceiptProof:
        height, receipt, transaction, result, paths = self.receipt_paths(digest)
        signed = self.signed(height), self.signed(height + 1)
        return ReceiptProof(receipt, transaction, result, paths, signed)

    def status(
        self, head: Head, waiting: int = 0, repairs: tuple[str, ...] = (), stopped: str = ""
    ) -> Status:
        validators = tuple(validator.public for validator in self.chain.validators)
        name, at = self.chain.name, (head.height, head.time)
        return Status(name, *at, head.app_hash, validators, waiting, repairs, stopped)

    def _answer(self, place: BlockPlace) -> Answer:
        entry = self.entry(place.height)
        if place.place >= len(entry.receipts):
            raise LedgerDamaged(
                f"{self.store.path}: its index names a transaction that no block has: {place}"
            )
        receipt = self.machine.receipt(entry.receipts[place.place])
        return Answer(receipt, *place, milliseconds(light.HEADER.decode(entry.header).time))

    def _frame(self, height: int) -> Frame:
        try:
            return self.store.frame(height)
        except DamagedStore:
            if self.log is None:
                raise
            return self.log.read(height)


def _path(leaves: Sequence[bytes], place: int) -> light.Path:
    return light.Path(place, len(leaves), merkle.prove(leaves, place))
