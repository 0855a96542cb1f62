"""Opening a ledger: read both copies, check them, mend a short or damaged one from the other, or refuse."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final, final

from ...base.codec import Malformed, encode
from ...ledger.genesis import Genesis
from ..chain import (
    Head,
    HeaderChain,
    Mismatch,
    Origin,
    decode_entry,
    decode_origin,
    index_of,
    origin_of,
    replay,
)
from ..engine import EngineError, LedgerDamaged, LedgerMachine, NoLedger
from .blocklog import NOTHING, SEGMENT, BlockLog, Frame, seal
from .database import DamagedStore, EmptyStore, StoreUnavailable
from .disk import DISK, Disk
from .lookup import Index
from .store import BEHIND, CACHED, Store, encode_writes
from .tree import StateTree

LOG: Final = "log"
DATABASE: Final = "ledger.db"
OTHER_PROGRAM: Final = "a program with other rules wrote it; open it with that program"
RESTORE: Final = "restore the folder from a backup, or start again from another member's export"


@final
@dataclass(frozen=True)
class StorageSettings:
    """How a ledger lies on disk; other values than these are for tests and measurements."""

    disk: Disk = DISK
    segment: int = SEGMENT
    behind: int = BEHIND
    cached: int = CACHED

    def log(self, path: Path) -> BlockLog:
        return BlockLog(path / LOG, self.disk, segment=self.segment)

    def store(self, path: Path) -> Store:
        return Store(path / DATABASE, self.disk, behind=self.behind, cached=self.cached)


@final
@dataclass
class Opened:
    """A ledger in memory: both copies in step, the tree over its state, and the chain's newest block."""

    log: BlockLog
    store: Store
    tree: StateTree
    chain: HeaderChain
    head: Head
    repairs: list[str] = field(default_factory=list)


def open_or_create(
    path: Path,
    machine: LedgerMachine,
    genesis: Genesis | None,
    validators: tuple[bytes, ...],
    settings: StorageSettings,
) -> Opened:
    """The ledger in a folder; a new one where there is none and a genesis is given."""
    try:
        try:
            opened = open_ledger(path, machine, settings)
        except NoLedger:
            if genesis is None:
                raise
            create(path, machine, genesis, validators, settings)
            opened = open_ledger(path, machine, settings)
    except (DamagedStore, StoreUnavailable, OSError) as error:
        raise EngineError(f"the ledger in {path} could not be opened: {error}") from error
    if genesis is not None and sha256(encode(genesis)).digest() != opened.chain.genesis:
        opened.store.abandon()
        opened.log.close()
        raise EngineError(
            f"{path} holds a ledger with another genesis; open it without one, or choose a folder"
        )
    return opened


def create(
    path: Path,
    machine: LedgerMachine,
    genesis: Genesis,
    validators: tuple[bytes, ...],
    settings: StorageSettings,
) -> None:
    """Write a new ledger's origin into both copies; an interrupted creation may simply be repeated."""
    if not validators:
        raise EngineError("a ledger needs at least one key that signs its blocks")
    writes = machine.first_writes(genesis)
    encoded = encode_writes(writes)
    origin = origin_of(genesis, validators, StateTree.build(writes.items()).root, encoded)
    set_aside(path, [*path.glob(f"{DATABASE}*"), *(path / LOG).glob("*.log")], settings.disk)
    (path / LOG).mkdir(parents=True, exist_ok=True)
    frame = seal(0, NOTHING, encode(origin))
    log = settings.log(path)
    try:
        log.append(frame, 0)
    finally:
        log.close()
    store = settings.store(path)
    try:
        store.append(0, frame, writes, encoded, Index())
    finally:
        store.close()
    settings.disk.sync_folder(path)


def open_ledger(path: Path, machine: LedgerMachine, settings: StorageSettings) -> Opened:
    """Both copies of an existing ledger, in step."""
    if not (path / DATABASE).exists() and not any((path / LOG).glob("*.log")):
        raise NoLedger(f"there is no ledger in {path}; create one with a genesis")
    log = settings.log(path)
    try:
        repairs: list[str] = []
        try:
            return _in_step(log, *_read_store(path, machine, settings), machine, repairs)
        except DamagedStore as damage:
            store, tree = _rebuild(path, log, machine, settings, damage, repairs)
            return _in_step(log, store, tree, machine, repairs)
    except BaseException:
        log.close()
        raise


def _in_step(
    log: BlockLog, store: Store, tree: StateTree, machine: LedgerMachine, repairs: list[str]
) -> Opened:
    """The two copies, each brought up to the other."""
    try:
        _mend_log(log, store, repairs)
        origin = decode_origin(store.frame(0).payload)
        chain = HeaderChain.of(origin)
        head = chain.first_head()
        if store.height:
            head = chain.head_of(decode_entry(store.frame(store.height).payload))
        opened = Opened(log, store, tree, chain, head, repairs)
        _catch_up(opened, machine)
    except BaseException:
        store.abandon()
        raise
    return opened


def _read_store(path: Path, machine: LedgerMachine, settings: StorageSettings) -> tuple[Store, StateTree]:
    """The database with its newest block as the state, after every check that it can pass by itself."""
    store = settings.store(path)
    try:
        return store, load_checked(store, machine)
    except BaseException:
        store.abandon()
        raise


def load_checked(store: Store, machine: LedgerMachine) -> StateTree:
    """Load a database's newest state and compare its root with what its block says."""
    store.load()
    if store.height < 0:
        raise EmptyStore(f"{store.path} is empty")
    first = max(0, min(store.flushed + 1, store.height))
    previous = store.frame(first - 1).digest if first else NOTHING
    root = b""
    for height in range(first, store.height + 1):
        frame = store.frame(height)
        if frame.previous != previous:
            raise DamagedStore(f"{store.path}: block {height} does not follow block {height - 1}")
        previous, root = frame.digest, note(store, frame, machine)
    store.frame(0)
    store.ensure_index()
    tree = StateTree.build(store.items())
    if tree.root != root:
        raise DamagedStore(f"{store.path}: the records are not the state that block {store.height} left")
    return tree


def note(store: Store, frame: Frame, machine: LedgerMachine) -> bytes:
    """The state's root after a loaded block, once its transactions can be found."""
    try:
        if frame.height == 0:
            return decode_origin(frame.payload).app_hash
        entry = decode_entry(frame.payload)
        receipts = [machine.receipt(receipt) for receipt in entry.receipts]
    except Malformed as error:
        raise DamagedStore(f"{store.path}: block {frame.height} is not a block: {error}") from None
    if frame.height > store.flushed:
        if sha256(store.encoded_writes(frame.height)).digest() != entry.writes:
            raise DamagedStore(f"{store.path}: the write-set of block {frame.height} is another block's")
        store.note(frame.height, index_of(receipts))
    return entry.app_hash


def _rebuild(
    path: Path,
    log: BlockLog,
    machine: LedgerMachine,
    settings: StorageSettings,
    damage: DamagedStore,
    repairs: list[str],
) -> tuple[Store, StateTree]:
    """A new database with the log's origin; the damaged one is set aside. The log's blocks follow later."""
    begun = log.damage is not None and not log.damage.cut
    if log.height < 0 and not begun and isinstance(damage, EmptyStore):
        raise NoLedger(f"there is no ledger in {path}, or it was never finished; create one with a genesis")
    if log.damage is not None or log.height < 0:
        raise LedgerDamaged(f"neither copy of the ledger is intact: {damage}; {_where(log)}: {RESTORE}")
    frame = log.read(0)
    origin = _origin(path, frame)
    genesis = machine.genesis(origin.genesis)
    writes = machine.first_writes(genesis)
    tree = StateTree.build(writes.items())
    if origin_of(genesis, origin.validators, tree.root, encode_writes(writes)) != origin:
        raise LedgerDamaged(
            f"{log.folder}: its genesis gives another first state than it says: {OTHER_PROGRAM}"
        )
    aside = set_aside(path, path.glob(f"{DATABASE}*"), settings.disk)
    store = settings.store(path)
    store.append(0, frame.sealed(), writes, encode_writes(writes), Index())
    repairs.append(f"{damage}; made again from the log, the old files are in {aside}")
    return store, tree


def _origin(path: Path, frame: Frame) -> Origin:
    try:
        return decode_origin(frame.payload)
    except Malformed as error:
        raise LedgerDamaged(f"{path} does not begin as a ledger does: {error}; {OTHER_PROGRAM}") from None


def _mend_log(log: BlockLog, store: Store, repairs: list[str]) -> None:
    """Bring the log up to the database; what follows its damage was never acknowledged, or is there."""
    shared = min(log.height, store.height)
    if shared >= 0 and log.digest(shared) != store.frame(shared).digest:
        raise LedgerDamaged(
            f"the log in {log.folder} and {store.path} hold different blocks {shared}, each intact: "
            "they are of two ledgers, or one was replaced; put the right pair of files together again"
        )
    if log.damage is not None:
        if log.beyond() > store.height:
            raise LedgerDamaged(
                f"{_where(log)}, and {store.path} lacks blocks that stand behind the damage: {RESTORE}"
            )
        repairs.append(f"{_where(log)}; cut there")
        log.cut()
    if log.height < store.height:
        repairs.append(
            f"the log ended at height {log.height}; blocks to {store.height} came from {store.path}"
        )
    for height in range(log.height + 1, store.height + 1):
        try:
            log.append(store.frame(height).sealed(), height)
        except (DamagedStore, ValueError) as error:
            raise LedgerDamaged(f"{_where(log)}, the other copy cannot mend it: {error}; {RESTORE}") from None


def _catch_up(opened: Opened, machine: LedgerMachine) -> None:
    """Execute again the blocks that the database lacks."""
    log, store, chain = opened.log, opened.store, opened.chain
    behind = store.height
    for height in range(behind + 1, log.height + 1):
        frame = log.read(height)
        try:
            entry = decode_entry(frame.payload)
            outcome = replay(machine, chain, store, entry)
            if opened.tree.update(outcome.writes) != entry.app_hash:
                raise Mismatch(f"block {height} leaves another state than it says")
        except (Malformed, Mismatch) as error:
            raise LedgerDamaged(f"{log.folder}: {error}: {OTHER_PROGRAM}") from None
        index = index_of(outcome.receipts)
        store.append(height, frame.sealed(), outcome.writes, encode_writes(outcome.writes), index)
        opened.head = chain.head_of(entry)
    if log.height > behind:
        opened.repairs.append(
            f"{store.path} ended at height {behind}; blocks to {log.height} came from the log"
        )


def _where(log: BlockLog) -> str:
    if log.damage is None:
        return f"the log in {log.folder} ends at height {log.height}"
    file, offset, reason, _ = log.damage
    return f"{file} is damaged at byte {offset}, after height {log.height} ({reason})"


def set_aside(path: Path, files: Iterable[Path], disk: Disk) -> Path:
    """Move files into a folder that nothing reads, beside the ledger."""
    number = 1
    while (aside := path / f"damaged-{number}").exists():
        number += 1
    for file in sorted(files):
        aside.mkdir(exist_ok=True)
        disk.replace(file, aside / file.name)
    return aside
