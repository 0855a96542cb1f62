"""Whole states for validators that begin late: cut into pieces, checked piece by piece and by their root."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple, final

from ...base.codec import Decoder, Malformed, encode
from ...base.wire import Fields, message, value_of
from ..storage.tree import StateTree
from .replica import Halt, Replica

FORMAT: Final = 1
PIECE: Final = 2**20  # bytes, about
KEPT: Final = 2  # newest ones
DIGEST: Final = 32
MOST: Final = 4096  # pieces
LOWEST: Final = 3  # height: who begins with one lacks block 1, and knows by it
PIECES: Final = "pieces"

decode_piece = Decoder(list[tuple[bytes, bytes]])


class Snapshot(NamedTuple):
    """What is offered: the digest of each piece, one after the other, called by the digest of these."""

    height: int
    digests: bytes

    @property
    def pieces(self) -> int:
        return len(self.digests) // DIGEST

    def encoded(self) -> bytes:
        named = sha256(self.digests).digest()
        return message({1: self.height, 2: FORMAT, 3: self.pieces, 4: named, 5: self.digests})


@dataclass
class _Arriving:
    """A snapshot under way to this validator, and the root that a light client has verified."""

    snapshot: Snapshot
    root: bytes
    pieces: dict[int, bytes]


@final
class Snapshots:
    """The newest snapshots in a folder; all validators make the same ones at the same heights."""

    ACCEPT, ABORT, RETRY, REJECT_SNAPSHOT = 1, 2, 3, 5  # of a piece
    REJECT = 3  # of an offer

    def __init__(self, folder: Path, every: int) -> None:
        self.folder = folder
        self._every = every
        self._arriving: _Arriving | None = None

    # For others

    def taken_at(self, replica: Replica) -> None:
        """Take a snapshot where this height is one for it; the state is that of its block."""
        if not self._every or replica.height % self._every or replica.height < LOWEST:
            return
        folder, part = self.folder / f"{replica.height:012d}", self.folder / "part"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        digests = b""
        for place, piece in enumerate(_cut(replica)):
            (part / f"{place:06d}").write_bytes(piece)
            digests += sha256(piece).digest()
        (part / PIECES).write_bytes(digests)
        shutil.rmtree(folder, ignore_errors=True)
        part.rename(folder)
        for old in self._folders()[:-KEPT]:
            shutil.rmtree(old, ignore_errors=True)

    def kept(self) -> list[Snapshot]:
        return [Snapshot(int(folder.name), (folder / PIECES).read_bytes()) for folder in self._folders()]

    def chunk(self, height: int, place: int) -> bytes:
        """A piece; nothing where it is not here any more."""
        path = self.folder / f"{height:012d}" / f"{place:06d}"
        return path.read_bytes() if path.is_file() else b""

    def _folders(self) -> list[Path]:
        return sorted(folder for folder in self.folder.glob("*") if folder.name.isdigit())

    # From others

    def offered(self, values: Fields, root: bytes) -> bool:
        """Whether a snapshot is one that can be taken; its pieces follow."""
        snapshot = Snapshot(value_of(values, 1, 0), value_of(values, 5, b""))
        sound = (
            value_of(values, 2, 0) == FORMAT
            and 0 < snapshot.pieces == value_of(values, 3, 0) <= MOST
            and len(snapshot.digests) == DIGEST * snapshot.pieces
            and value_of(values, 4, b"") == sha256(snapshot.digests).digest()
            and snapshot.height >= LOWEST
        )
        self._arriving = _Arriving(snapshot, root, {}) if sound else None
        return sound

    def applied(self, replica: Replica, place: int, piece: bytes) -> int:
        """Take one piece; with the last one the state is rebuilt, and taken if its root is the right one."""
        arriving = self._arriving
        if arriving is None or not 0 <= place < arriving.snapshot.pieces:
            return self.ABORT
        expected = arriving.snapshot.digests[DIGEST * place : DIGEST * (place + 1)]
        if sha256(piece).digest() != expected:
            return self.RETRY
        arriving.pieces[place] = piece
        if len(arriving.pieces) < arriving.snapshot.pieces:
            return self.ACCEPT
        self._arriving = None
        records: dict[bytes, bytes] = {}
        try:
            for _, data in sorted(arriving.pieces.items()):
                records.update(decode_piece(data))
        except Malformed:
            return self.REJECT_SNAPSHOT
        tree = StateTree.build(records.items())
        if tree.root != arriving.root:
            return self.REJECT_SNAPSHOT
        try:
            replica.restore(arriving.snapshot.height, records, tree)
        except Halt:
            return self.ABORT
        return self.ACCEPT


def _cut(replica: Replica) -> Iterator[bytes]:
    """The state's records in the order of their keys, in pieces."""
    piece: list[tuple[bytes, bytes]] = []
    size = 0
    for key, value in sorted(replica.store.items()):
        piece.append((key, value))
        size += len(key) + len(value)
        if size >= PIECE:
            yield encode(piece)
            piece, size = [], 0
    yield encode(piece)
