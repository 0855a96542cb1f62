"""One file that holds a whole ledger, and its check: execute it again from its genesis, trusting nobody."""

import os
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from struct import Struct
from typing import BinaryIO, Final, NamedTuple, final

from ..ledger.transactions import Unsealed
from .chain import (
    FORMAT,
    BlockEntry,
    Head,
    HeaderChain,
    Mismatch,
    Origin,
    decode_entry,
    decode_origin,
    origin_of,
    replay,
)
from .embedded.pool import GoodSignatures
from .embedded.verifier import Verifier
from .engine import EngineError, LedgerMachine, NoLedger, ledger_machine
from .storage.blocklog import NOTHING, DamagedFrame, Frame, read_frame
from .storage.database import DamagedStore, StoreUnavailable
from .storage.memory import WholeState
from .storage.opening import DATABASE
from .storage.store import Store, encode_writes
from .storage.tree import StateTree

FIRST: Final = b"tallystick export 1\n"
LAST: Final = b"tallystick end\n"

_end = Struct("<Q32s")
Progress = Callable[[int, int], None]  # blocks done, transactions done


class AuditReport(NamedTuple):
    """What an export holds, as far as it could be checked; no problem means all of it."""

    chain: str
    height: int  # of the last block that is sound
    transactions: int
    refused: int
    time: int
    app_hash: bytes
    genesis: bytes  # its digest: compare it with the one you know
    validators: tuple[bytes, ...]
    problem: str = ""

    @property
    def sound(self) -> bool:
        return not self.problem


def export(path: Path | str, file: Path | str, progress: Progress | None = None) -> int:
    """Write the ledger in a folder, as it stands now, into one file; returns the height."""
    path, file = Path(path), Path(file)
    if not (path / DATABASE).exists():
        raise NoLedger(f"there is no ledger in {path}")
    part = file.with_name(file.name + ".part")
    try:
        store = Store(path / DATABASE, read_only=True)
        try:
            with store.pinned(), part.open("xb") as out:
                height = _write(store, out, progress)
            part.replace(file)
        finally:
            store.abandon()
            part.unlink(missing_ok=True)
    except FileExistsError:
        raise EngineError(
            f"{part} is there: another export to {file} is under way, or was cut off; remove it"
        ) from None
    except (DamagedStore, StoreUnavailable, OSError) as error:
        raise EngineError(f"{path} could not be exported to {file}: {error}") from error
    return height


def _write(store: Store, out: BinaryIO, progress: Progress | None) -> int:
    out.write(FIRST)
    digest = NOTHING
    for height in range(store.height + 1):
        frame = store.frame(height)
        if frame.previous != digest:
            raise DamagedStore(f"{store.path}: block {height} does not follow block {height - 1}")
        digest = frame.digest
        out.write(frame.sealed())
        if progress is not None:
            progress(height, 0)
    end = LAST + _end.pack(store.height, digest)
    out.write(end + sha256(end).digest())
    out.flush()
    os.fsync(out.fileno())
    return store.height


def verify(
    file: Path | str, machine: LedgerMachine | None = None, progress: Progress | None = None
) -> AuditReport:
    """Execute an export again from its genesis and compare every header, commit, hash and receipt."""
    audit = Audit(machine or ledger_machine())
    try:
        with Path(file).open("rb") as source:
            return audit.run(source, progress)
    except OSError as error:
        raise EngineError(f"{file} could not be read: {error.strerror or error}") from error


@final
class Audit:
    """One run over an export; what it has found sound so far."""

    def __init__(self, machine: LedgerMachine) -> None:
        self._machine = machine
        self._good, self._verifier = GoodSignatures(), Verifier()
        self._transactions = self._refused = 0
        self._chain: HeaderChain | None = None
        self._head: Head | None = None

    def run(self, source: BinaryIO, progress: Progress | None) -> AuditReport:
        try:
            self._run(source, progress)
        except OSError:
            raise
        except (DamagedFrame, Mismatch) as error:
            return self._report(str(error))
        except Exception as error:  # noqa: BLE001 - whatever a forged file provokes is a finding about the file
            return self._report(f"what follows is no ledger: {type(error).__name__}: {error}")
        finally:
            self._verifier.close()
        return self._report("")

    def _run(self, source: BinaryIO, progress: Progress | None) -> None:
        frames = _frames(source)
        origin = decode_origin(next(frames).payload)
        state, tree = self._begin(origin)
        chain = self._chain = HeaderChain.of(origin)
        head = self._head = chain.first_head()
        blocks = map(self._read, frames)
        signatures = self._machine.signatures
        for (frame, entry, read), good in self._verifier.ahead(blocks, lambda block: signatures(block[2])):
            following = chain.ensure_follows(head, entry)
            if following.height != frame.height:
                raise Mismatch(f"block {following.height} stands in the place of block {frame.height}")
            self._good.remember(good)
            outcome = replay(self._machine, chain, state, entry, self._good, read)
            self._good.forget()
            if tree.update(outcome.writes) != entry.app_hash:
                raise Mismatch(f"block {frame.height} leaves another state than it says")
            state.put(outcome.writes)
            head = self._head = following
            self._transactions += len(entry.transactions)
            self._refused += sum(receipt.code != 0 for receipt in outcome.receipts)
            if progress is not None:
                progress(head.height, self._transactions)

    def _read(self, frame: Frame) -> tuple[Frame, BlockEntry, list[Unsealed]]:
        entry = decode_entry(frame.payload)
        return frame, entry, [self._machine.read(data) for data in entry.transactions]

    def _begin(self, origin: Origin) -> tuple[WholeState, StateTree]:
        if origin.format != FORMAT:
            raise Mismatch(f"the ledger is of format {origin.format}; this program knows format {FORMAT}")
        if not origin.validators or len(set(origin.validators)) != len(origin.validators):
            raise Mismatch("the ledger names no validators, or one twice")
        genesis = self._machine.genesis(origin.genesis)
        writes = self._machine.first_writes(genesis)
        tree = StateTree.build(writes.items())
        if origin_of(genesis, origin.validators, tree.root, encode_writes(writes)) != origin:
            raise Mismatch("the genesis gives another first state than the export says")
        return WholeState(writes), tree

    def _report(self, problem: str) -> AuditReport:
        if self._chain is None or self._head is None:
            return AuditReport("", -1, 0, 0, 0, b"", b"", (), problem)
        chain, head = self._chain, self._head
        return AuditReport(
            chain.name,
            head.height,
            self._transactions,
            self._refused,
            head.time,
            head.app_hash,
            chain.genesis,
            tuple(validator.public for validator in chain.validators),
            problem,
        )


def _frames(source: BinaryIO) -> Iterator[Frame]:
    """The frames of an export, each following the one before, up to an end that confirms them."""
    if source.read(len(FIRST)) != FIRST:
        raise DamagedFrame(
            "this is not an export of a ledger, or of a format that this program does not know"
        )
    height, digest = -1, NOTHING
    while True:
        start = source.tell()
        if source.read(len(LAST)) == LAST:
            break
        source.seek(start)
        frame = read_frame(source)
        if frame is None:
            raise DamagedFrame(f"the export is cut off after block {height}")
        if frame.height != height + 1 or frame.previous != digest:
            raise DamagedFrame(f"the export has block {frame.height} after block {height}")
        height, digest = frame.height, frame.digest
        yield frame
    rest = source.read(_end.size + 33)
    end = LAST + rest[: _end.size]
    if rest[_end.size :] != sha256(end).digest() or _end.unpack(rest[: _end.size]) != (height, digest):
        raise DamagedFrame(f"the export's end does not confirm its blocks up to {height}")
