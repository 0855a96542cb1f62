"""Reading a ledger that another process may be writing; nothing is locked, and nothing is changed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Self, final

from ..chain import Head, HeaderChain, decode_entry, decode_origin
from ..engine import (
    Answer,
    LedgerDamaged,
    LedgerMachine,
    NoLedger,
    ReceiptProof,
    StateProof,
    Status,
    StoredBlock,
    View,
    ledger_machine,
)
from ..storage.blocks import Blocks
from ..storage.database import DamagedStore
from ..storage.opening import DATABASE, load_checked, note
from ..storage.store import Store, decode_writes
from ..storage.tree import StateTree


def open_reader(
    path: Path | str, machine: LedgerMachine | None = None, *, check: bool = True
) -> "LedgerReader":
    """A ledger, read-only. Without `check` it opens at once, but its records are taken as they stand."""
    return LedgerReader(Path(path), machine or ledger_machine(), check)


@final
class LedgerReader(View):
    """Each question is answered from the newest durable block; `at_head` keeps several to the same one."""

    def __init__(self, path: Path, machine: LedgerMachine, check: bool) -> None:
        self.path = path
        self._machine = machine
        self._tree: tuple[int, StateTree] | None = None
        self._lock = RLock()
        self._pinned = False
        if not (path / DATABASE).exists():
            raise NoLedger(f"there is no ledger in {path}")
        try:
            self._store = Store(path / DATABASE, read_only=True)
        except DamagedStore as damage:
            raise self._damaged(damage) from None
        try:
            with self.at_head():
                self._chain = HeaderChain.of(decode_origin(self._store.frame(0).payload))
                if check:
                    self._tree = self._store.height, load_checked(self._store, machine)
        except DamagedStore as damage:
            self._store.abandon()
            raise self._damaged(damage) from None
        except BaseException:
            self._store.abandon()
            raise
        self._blocks = Blocks(self._store, machine, self._chain)

    @contextmanager
    def at_head(self) -> Iterator[Self]:
        """Answer what is asked within from one and the same block, the newest now."""
        with self._lock:
            if self._pinned:
                yield self
                return
            try:
                with self._store.pinned() as heights:
                    for height in heights:
                        note(self._store, self._store.frame(height), self._machine)
                    self._pinned = True
                    yield self
            except DamagedStore as damage:
                raise self._damaged(damage) from None
            finally:
                self._pinned = False

    def get(self, key: bytes) -> bytes | None:
        with self.at_head():
            return self._store.get(key)

    def scan(self, prefix: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        with self.at_head():
            return self._store.scan(prefix, limit)

    def find(self, digest: bytes) -> Answer | None:
        with self.at_head():
            return self._blocks.find(digest)

    def history(self, member: str, limit: int = 100) -> list[Answer]:
        with self.at_head():
            return self._blocks.history(member, limit)

    def block(self, height: int) -> StoredBlock:
        with self.at_head():
            return self._blocks.block(height)

    def prove(self, key: bytes) -> StateProof:
        with self.at_head():
            return self._blocks.prove(self._tree_at_head(), key)

    def prove_receipt(self, digest: bytes) -> ReceiptProof:
        with self.at_head():
            return self._blocks.prove_receipt(digest)

    def status(self) -> Status:
        with self.at_head():
            return self._blocks.status(self._head())

    def close(self) -> None:
        self._store.abandon()

    def _tree_at_head(self) -> StateTree:
        """The tree, brought up by the write-sets since it was last needed, or built anew."""
        height = self._store.height
        if self._tree is None or not self._store.has_writes(self._tree[0] + 1):
            self._tree = height, load_checked(self._store, self._machine)
        before, tree = self._tree
        for missed in range(before + 1, height + 1):
            tree.update(dict(decode_writes(self._store.encoded_writes(missed))))
        self._tree = height, tree
        if tree.root != self._head().app_hash:
            raise DamagedStore(f"{self._store.path}: the records are not the state that block {height} left")
        return tree

    def _head(self) -> Head:
        if self._store.height == 0:
            return self._chain.first_head()
        return self._chain.head_of(decode_entry(self._store.frame(self._store.height).payload))

    def _damaged(self, damage: DamagedStore) -> LedgerDamaged:
        return LedgerDamaged(
            f"{damage}; open the ledger for writing once, which mends it from its other copy"
        )
