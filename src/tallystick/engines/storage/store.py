"""The second durable copy and the state's read path: frames, write-sets and records in SQLite.

A block is durable with its frame and its write-set; the records it changes are written behind, 32 blocks at a
time. SQLite's own checks are not relied on: a flipped bit in its write-ahead log silently undoes commits.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from threading import RLock
from typing import Final, final

from ...base.codec import Decoder, encode
from .blocklog import DIGEST, NOTHING, DamagedFrame, Frame, seal, unseal
from .database import DamagedStore, Database
from .disk import DISK, Disk
from .lookup import BlockPlace, Index, Lookup, key_of, member_key
from .memory import MISSING, Missing, Overlay, Recent, Watched, Writes, after

BEHIND: Final = 32  # blocks whose records are in memory and in their write-sets only
CACHED: Final = 400_000  # records kept in memory besides those
DUE: Final = b"due/"  # the prefix whose records are all in memory
ALL: Final = 1 << 62

decode_writes = Decoder(list[tuple[bytes, bytes | None]])


def encode_writes(writes: Writes) -> bytes:
    """The canonical bytes of a write-set: its keys in order."""
    return encode(sorted(writes.items()))


@final
class Store:
    """A ledger's database, and the state that its newest block left; safe to read from several threads."""

    def __init__(
        self,
        path: Path,
        disk: Disk = DISK,
        *,
        read_only: bool = False,
        behind: int = BEHIND,
        cached: int = CACHED,
    ) -> None:
        self.path = path
        self.height = -1
        self.flushed = -1
        self._lock = RLock()
        self._disk = disk
        self._read_only = read_only
        self._behind = behind
        self._overlay = Overlay()
        self._recent = Recent(cached)
        self._watched = Watched(DUE)
        self._db = Database(path, disk, read_only)
        self._lookup = Lookup(self._db)

    # Opening and closing

    def load(self) -> None:
        """Take the database's newest block as the state; the caller compares its root with the block's."""
        with self._lock, self._db.guarded("read"):
            self.flushed = self._db.marked("flushed")
            newest = self._db.execute("SELECT max(height) FROM frames").fetchone()[0]
            self.height = -1 if newest is None else newest
            if self.flushed > self.height:
                raise DamagedStore(
                    f"{self.path} has records of height {self.flushed}, blocks to {self.height}"
                )
            self._overlay = Overlay()
            self._lookup.forget()
            self._recent.clear()
            for height in range(self.flushed + 1, self.height + 1):
                self._overlay.put(dict(decode_writes(self.encoded_writes(height))))
            self._watched = Watched(DUE, self._rows(DUE, ALL))
            self._watched.put(self._overlay.writes)

    @contextmanager
    def pinned(self) -> Iterator[list[int]]:
        """The newest state of another process' database, unchanged within; yields the new heights."""
        with self._lock, self._db.guarded("read"):
            self._db.execute("BEGIN")
            try:
                yield self._follow()
            finally:
                self._db.execute("COMMIT")

    def _follow(self) -> list[int]:
        (newest,) = self._db.execute("SELECT max(height) FROM frames").fetchone()
        before, flushed = self.height, self.flushed
        if newest == before:
            return []
        if before < 0 or self._db.marked("flushed") != flushed:
            self.load()
            return list(range(self.flushed + 1, self.height + 1))
        for height in range(before + 1, newest + 1):
            writes = dict(decode_writes(self.encoded_writes(height)))
            self._overlay.put(writes)
            self._watched.put(writes)
            self.height = height
        return list(range(before + 1, newest + 1))

    def close(self) -> None:
        with self._lock:
            if not self._read_only:
                self._db.checkpoint("TRUNCATE")
            self._db.close()

    def abandon(self) -> None:
        """Close without another attempt to write."""
        with self._lock:
            self._db.close()

    # The state

    def get(self, key: bytes) -> bytes | None:
        # Both dictionaries are replaced or written under the lock only, the overlay's newer values last.
        value: bytes | Missing | None = self._overlay.writes.get(key, MISSING)
        if value is MISSING:
            value = self._recent.young.get(key, MISSING)
        if value is not MISSING:
            return value
        with self._lock:
            value = self._overlay.writes.get(key, MISSING)
            if value is MISSING:
                value = self._recent.get(key)
            if value is MISSING:
                with self._db.guarded("read"):
                    row = self._db.execute("SELECT value FROM records WHERE key = ?", (key,)).fetchone()
                value = row[0] if row else None
                self._recent.put({key: value})
        return value

    def scan(self, prefix: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """Up to `limit` records whose keys begin with the prefix, in the order of their keys."""
        with self._lock:
            if prefix.startswith(self._watched.prefix):
                return self._watched.scan(prefix, limit)
            fresh = self._overlay.within(prefix)
            # Each fresh key can hide at most one row, so this many rows are enough.
            rows = self._rows(prefix, min(limit + len(fresh), ALL))
            self._recent.put(dict(rows))
            merged: dict[bytes, bytes | None] = dict(rows)
            merged.update((key, self._overlay.writes[key]) for key in fresh)
        records = sorted(merged.items())
        return [(key, value) for key, value in records if value is not None][:limit]

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """Every record of the state, in no order that matters."""
        with self._lock, self._db.guarded("read"):
            fresh = self._overlay.writes
            for key, value in self._db.execute("SELECT key, value FROM records"):
                if type(key) is not bytes or type(value) is not bytes:
                    raise DamagedStore(f"{self.path}: a record is not bytes: {key!r}")
                if key not in fresh:
                    yield key, value
            yield from ((key, value) for key, value in fresh.items() if value is not None)

    def _rows(self, prefix: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        stop = after(prefix)
        within, bounds = ("key >= ? AND key < ?", (prefix, stop)) if stop else ("key >= ?", (prefix,))
        with self._db.guarded("read"):
            query = f"SELECT key, value FROM records WHERE {within} ORDER BY key LIMIT ?"
            return self._db.execute(query, (*bounds, limit)).fetchall()

    # Blocks

    def append(self, height: int, frame: bytes, writes: Writes, encoded: bytes, index: Index) -> None:
        """Make a block durable and its state the current one; every `behind` blocks the records follow."""
        with self._lock, self._db.guarded("written"):
            overdue = height - self.flushed >= self._behind or height == 0
            with self._db.transaction():
                self._disk.reached("store.write")
                self._db.execute("INSERT INTO frames VALUES (?, ?)", (height, frame))
                self._db.execute(
                    "INSERT INTO writes VALUES (?, ?, ?)", (height, encoded, sha256(encoded).digest())
                )
                if overdue:
                    self._flush(height, {**self._overlay.writes, **writes}, index)
            self._adopt(height, writes, index, overdue)
        if overdue:
            self._db.checkpoint("PASSIVE")

    def _flush(self, height: int, records: Writes, index: Index) -> None:
        gone = sorted((key,) for key, value in records.items() if value is None)
        kept = sorted((key, value) for key, value in records.items() if value is not None)
        many = self._db.executemany
        many("DELETE FROM records WHERE key = ?", gone)
        many("INSERT INTO records VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", kept)
        self._disk.reached("store.flush")
        self._lookup.flush(height, index)
        # Readers that are a little behind still find the write-sets that they lack.
        self._db.execute("DELETE FROM writes WHERE height <= ?", (height - 2 * self._behind,))
        self._db.mark("flushed", height)

    def _adopt(self, height: int, writes: Writes, index: Index, flushed: bool) -> None:
        self._overlay.put(writes)
        self._watched.put(writes)
        self._lookup.note(height, index)
        self.height = height
        if flushed:
            self._recent.put(self._overlay.writes)
            self._lookup.forget()
            self._overlay, self.flushed = Overlay(), height

    def restore(self, height: int, origin: bytes, entry: bytes, records: Mapping[bytes, bytes]) -> None:
        """Begin with the state that block `height` left; the blocks before it stay unknown here."""
        first = seal(0, NOTHING, origin)
        before = seal(height - 1, first[-DIGEST:], b"")
        frames = {0: first, height - 1: before, height: seal(height, before[-DIGEST:], entry)}
        with self._lock, self._db.guarded("written"):
            with self._db.transaction():
                self._db.executemany("INSERT INTO frames VALUES (?, ?)", frames.items())
                self._db.executemany("INSERT INTO records VALUES (?, ?)", sorted(records.items()))
                self._db.mark("flushed", height)
            self.load()

    def frame(self, height: int) -> Frame:
        """A block's frame, checked."""
        with self._lock, self._db.guarded("read"):
            row = self._db.execute("SELECT frame FROM frames WHERE height = ?", (height,)).fetchone()
        if row is None:
            raise DamagedStore(f"{self.path} has no block {height}")
        try:
            frame = unseal(row[0])
        except (DamagedFrame, TypeError) as error:
            raise DamagedStore(f"{self.path}: {error}") from None
        if frame.height != height:
            raise DamagedStore(f"{self.path} keeps block {frame.height} as block {height}")
        return frame

    def has_block(self, height: int) -> bool:
        """Whether a block is here."""
        with self._lock, self._db.guarded("read"):
            row = self._db.execute("SELECT 1 FROM frames WHERE height = ?", (height,)).fetchone()
        return row is not None

    def encoded_writes(self, height: int) -> bytes:
        """A recent block's write-set, checked."""
        with self._lock, self._db.guarded("read"):
            row = self._db.execute("SELECT data, sum FROM writes WHERE height = ?", (height,)).fetchone()
            if row is None or sha256(row[0]).digest() != row[1]:
                raise DamagedStore(f"{self.path}: the write-set of block {height} is damaged or missing")
            return bytes(row[0])

    def has_writes(self, height: int) -> bool:
        """Whether every write-set from this height on is still kept."""
        with self._lock, self._db.guarded("read"):
            (first,) = self._db.execute("SELECT min(height) FROM writes").fetchone()
        return first is not None and first <= height

    # Looking things up

    def note(self, height: int, index: Index) -> None:
        """Make a loaded block that is not in the index tables yet findable."""
        with self._lock:
            self._lookup.note(height, index)

    def places(self, digest: bytes) -> list[BlockPlace]:
        """Where transactions may be whose digest begins like this one's, the oldest first."""
        with self._lock, self._db.guarded("read"):
            return self._lookup.places(key_of(digest), ALL)[::-1]

    def places_of(self, member: str, limit: int) -> list[BlockPlace]:
        """The newest transactions of a member, newest first."""
        with self._lock, self._db.guarded("read"):
            return self._lookup.places(member_key(member), limit)

    def ensure_index(self) -> None:
        """Refuse an index that is not what was written."""
        with self._lock, self._db.guarded("read"):
            self._lookup.ensure_sound()
