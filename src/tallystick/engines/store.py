"""The second durable copy and the state's read path: frames, write-sets and records in SQLite.

A block is durable with its frame and its write-set; the records it changes are written behind, 32 blocks at a
time. SQLite's own checks are not relied on: a flipped bit in its write-ahead log silently undoes commits.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from threading import RLock
from typing import Any, Final, NamedTuple, final

from ..base.codec import Decoder, Malformed, encode
from .blocklog import DamagedFrame, Frame, unseal
from .disk import DISK, Disk
from .memory import MISSING, Overlay, Recent, Watched, Writes, after

FORMAT: Final = 1
BEHIND: Final = 32  # blocks whose records are in memory and in their write-sets only
CACHED: Final = 400_000  # records kept in memory besides those
SHORT: Final = 8  # bytes of a transaction's digest that the index holds; its block confirms the rest
ALL: Final = 1 << 62

SCHEMA: Final = (
    "CREATE TABLE frames (height INTEGER PRIMARY KEY, frame BLOB NOT NULL)",
    "CREATE TABLE writes (height INTEGER PRIMARY KEY, data BLOB NOT NULL, sum BLOB NOT NULL)",
    "CREATE TABLE records (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
    "CREATE TABLE digests (digest BLOB, height INTEGER, place INTEGER,"
    " PRIMARY KEY (digest, height, place)) WITHOUT ROWID",
    "CREATE TABLE parties (party TEXT, height INTEGER, place INTEGER,"
    " PRIMARY KEY (party, height, place)) WITHOUT ROWID",
    "CREATE TABLE marks (name TEXT PRIMARY KEY, value INTEGER NOT NULL, sum BLOB NOT NULL)",
)
UNAVAILABLE: Final = frozenset(
    (
        "SQLITE_BUSY",
        "SQLITE_CANTOPEN",
        "SQLITE_FULL",
        "SQLITE_IOERR",
        "SQLITE_LOCKED",
        "SQLITE_PERM",
        "SQLITE_READONLY",
    )
)
DAMAGED_AFTER_ALL: Final = frozenset(
    ("SQLITE_IOERR_SHORT_READ", "SQLITE_IOERR_DATA", "SQLITE_IOERR_CORRUPTFS")
)

decode_writes = Decoder(list[tuple[bytes, bytes | None]])


class DamagedStore(Exception):
    """The database does not hold what was written to it; the message says where."""


class Index(NamedTuple):
    """What of a block can be looked up: its transactions' digests, and whom each concerns."""

    digests: Sequence[bytes]
    parties: Sequence[str]


class Place(NamedTuple):
    """Where a transaction is: its block's height, and its place in the block."""

    height: int
    place: int


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
        watch: bytes = b"due/",
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
        self._watched = Watched(watch)
        self._unindexed: dict[int, Index] = {}
        with self._guarded("opened"):
            self._db = self._connect()
            self._create_or_check()

    # Opening and closing

    def _connect(self) -> sqlite3.Connection:
        uri = f"{self.path.absolute().as_uri()}?mode={'ro' if self._read_only else 'rwc'}"
        db = self._disk.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=10)
        if not self._read_only:
            db.execute("PRAGMA journal_mode=WAL")
        for setting in ("synchronous=FULL", "wal_autocheckpoint=0", "cache_size=-65536"):
            db.execute(f"PRAGMA {setting}")
        return db

    def _create_or_check(self) -> None:
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version == FORMAT:
            return
        (tables,) = self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if version or tables or self._read_only:
            raise DamagedStore(f"{self.path} is of format {version}; this program knows format {FORMAT}")
        with self._transaction():
            for statement in SCHEMA:
                self._db.execute(statement)
            self._mark("flushed", -1)
            self._db.execute(f"PRAGMA user_version={FORMAT}")

    def load(self) -> None:
        """Take the database's newest block as the state; the caller compares its root with the block's."""
        with self._lock, self._guarded("read"):
            self.flushed = self._marked("flushed")
            newest = self._db.execute("SELECT max(height) FROM frames").fetchone()[0]
            self.height = -1 if newest is None else newest
            if self.flushed > self.height:
                raise DamagedStore(
                    f"{self.path} has records of height {self.flushed}, but no block after {self.height}"
                )
            self._overlay, self._unindexed = Overlay(), {}
            self._recent.clear()
            for height in range(self.flushed + 1, self.height + 1):
                self._overlay.put(dict(decode_writes(self.encoded_writes(height))))
            self._watched = Watched(self._watched.prefix, self._rows(self._watched.prefix, ALL))
            self._watched.put(self._overlay.writes)

    @contextmanager
    def pinned(self) -> Iterator[list[int]]:
        """The newest state of another process' database, unchanged within; yields the new heights."""
        with self._lock, self._guarded("read"):
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
        if before < 0 or self._marked("flushed") != flushed:
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
                self._checkpoint("TRUNCATE")
            self._db.close()

    def abandon(self) -> None:
        """Close without another attempt to write."""
        with self._lock:
            self._db.close()

    # The state

    def get(self, key: bytes) -> bytes | None:
        # Both dictionaries are replaced or written under the lock only, the overlay's newer values last.
        value: Any = self._overlay.writes.get(key, MISSING)
        if value is MISSING:
            value = self._recent.young.get(key, MISSING)
        if value is not MISSING:
            return value  # type: ignore[no-any-return]
        with self._lock:
            value = self._overlay.writes.get(key, MISSING)
            if value is MISSING:
                value = self._recent.get(key)
            if value is MISSING:
                with self._guarded("read"):
                    row = self._db.execute("SELECT value FROM records WHERE key = ?", (key,)).fetchone()
                value = row[0] if row else None
                self._recent.put({key: value})
        return value  # type: ignore[no-any-return]

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
        found = sorted(merged.items())
        return [(key, value) for key, value in found if value is not None][:limit]

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """Every record of the state, in no order that matters."""
        with self._lock, self._guarded("read"):
            fresh = self._overlay.writes
            for key, value in self._db.execute("SELECT key, value FROM records"):
                if key not in fresh:
                    yield key, value
            yield from ((key, value) for key, value in fresh.items() if value is not None)

    def _rows(self, prefix: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        stop = after(prefix)
        within, bounds = ("key >= ? AND key < ?", (prefix, stop)) if stop else ("key >= ?", (prefix,))
        with self._guarded("read"):
            query = f"SELECT key, value FROM records WHERE {within} ORDER BY key LIMIT ?"
            return self._db.execute(query, (*bounds, limit)).fetchall()

    # Blocks

    def append(self, height: int, frame: bytes, writes: Writes, encoded: bytes, index: Index) -> None:
        """Make a block durable and its state the current one; every `behind` blocks the records follow."""
        with self._lock, self._guarded("written"):
            overdue = height - self.flushed >= self._behind or height == 0
            with self._transaction():
                self._disk.reached("store.write")
                self._db.execute("INSERT INTO frames VALUES (?, ?)", (height, frame))
                self._db.execute(
                    "INSERT INTO writes VALUES (?, ?, ?)", (height, encoded, sha256(encoded).digest())
                )
                if overdue:
                    self._flush(
                        height, {**self._overlay.writes, **writes}, {**self._unindexed, height: index}
                    )
                self._disk.reached("store.commit")
            self._disk.reached("store.committed")
            self._adopt(height, writes, index, overdue)
        if overdue:
            self._checkpoint("PASSIVE")

    def _flush(self, height: int, records: Writes, index: dict[int, Index]) -> None:
        gone = sorted((key,) for key, value in records.items() if value is None)
        kept = sorted((key, value) for key, value in records.items() if value is not None)
        digests, parties = _index_rows(index)
        many = self._db.executemany
        many("DELETE FROM records WHERE key = ?", gone)
        many("INSERT INTO records VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", kept)
        self._disk.reached("store.flush")
        many("INSERT OR IGNORE INTO digests VALUES (?, ?, ?)", digests)
        many("INSERT OR IGNORE INTO parties VALUES (?, ?, ?)", parties)
        # Readers that are a little behind still find the write-sets that they lack.
        self._db.execute("DELETE FROM writes WHERE height <= ?", (height - 2 * self._behind,))
        self._mark("flushed", height)

    def _adopt(self, height: int, writes: Writes, index: Index, flushed: bool) -> None:
        self._overlay.put(writes)
        self._watched.put(writes)
        self._unindexed[height] = index
        self.height = height
        if flushed:
            self._recent.put(self._overlay.writes)
            self._overlay, self._unindexed, self.flushed = Overlay(), {}, height

    def frame(self, height: int) -> Frame:
        """A block's frame, checked."""
        with self._lock, self._guarded("read"):
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

    def encoded_writes(self, height: int) -> bytes:
        """A recent block's write-set, checked."""
        with self._lock, self._guarded("read"):
            row = self._db.execute("SELECT data, sum FROM writes WHERE height = ?", (height,)).fetchone()
            if row is None or sha256(row[0]).digest() != row[1]:
                raise DamagedStore(f"{self.path}: the write-set of block {height} is damaged or missing")
            return bytes(row[0])

    def has_writes(self, height: int) -> bool:
        """Whether every write-set from this height on is still kept."""
        with self._lock, self._guarded("read"):
            (first,) = self._db.execute("SELECT min(height) FROM writes").fetchone()
        return first is not None and first <= height

    # Looking things up

    def note(self, height: int, index: Index) -> None:
        """Make a loaded block that is not in the index tables yet findable."""
        if height > self.flushed:
            self._unindexed[height] = index

    def places(self, digest: bytes) -> list[Place]:
        """Where transactions may be whose digest begins like this one's; their blocks know for sure."""
        with self._lock, self._guarded("read"):
            query = "SELECT height, place FROM digests WHERE digest = ? ORDER BY height, place"
            found = [Place(*row) for row in self._db.execute(query, (digest[:SHORT],))]
            for height, index in sorted(self._unindexed.items()):
                found += [
                    Place(height, place) for place, other in enumerate(index.digests) if other == digest
                ]
        return found

    def places_of(self, party: str, limit: int) -> list[Place]:
        """The newest transactions that concern somebody, newest first."""
        with self._lock, self._guarded("read"):
            found = [
                Place(height, place)
                for height, index in sorted(self._unindexed.items(), reverse=True)
                for place in reversed(range(len(index.parties)))
                if index.parties[place] == party
            ]
            query = (
                "SELECT height, place FROM parties WHERE party = ? ORDER BY height DESC, place DESC LIMIT ?"
            )
            return [*found, *(Place(*row) for row in self._db.execute(query, (party, limit)))][:limit]

    # SQLite

    @contextmanager
    def _guarded(self, what: str) -> Iterator[None]:
        """Tell a disk that does not answer (OSError) from a database that is damaged."""
        try:
            yield
        except sqlite3.Error as error:
            name = getattr(error, "sqlite_errorname", "")
            known = name not in DAMAGED_AFTER_ALL and any(name.startswith(kind) for kind in UNAVAILABLE)
            if known or what == "written":
                raise OSError(f"{self.path} could not be {what}: {error}") from error
            raise DamagedStore(f"{self.path} could not be {what}: {error}") from error
        except (Malformed, TypeError, ValueError, OverflowError) as error:
            if what == "written":
                raise
            raise DamagedStore(f"{self.path} could not be {what}: {error}") from error

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def _checkpoint(self, mode: str) -> None:
        """Move what the write-ahead log holds into the database; it is durable before, so this may fail."""
        try:
            self._disk.reached("store.checkpoint")
            self._db.execute(f"PRAGMA wal_checkpoint({mode})").fetchall()
        except sqlite3.Error:
            return

    def _mark(self, name: str, value: int) -> None:
        self._db.execute("INSERT OR REPLACE INTO marks VALUES (?, ?, ?)", (name, value, _sum(name, value)))

    def _marked(self, name: str) -> int:
        row = self._db.execute("SELECT value, sum FROM marks WHERE name = ?", (name,)).fetchone()
        if row is None or row[1] != _sum(name, row[0]):
            raise DamagedStore(f"{self.path}: the mark {name!r} is damaged or missing")
        return int(row[0])


def _sum(name: str, value: int) -> bytes:
    return sha256(f"{name}={value}".encode()).digest()


def _index_rows(index: dict[int, Index]) -> tuple[list[tuple[bytes, int, int]], list[tuple[str, int, int]]]:
    digests = [
        (digest[:SHORT], height, place)
        for height, block in index.items()
        for place, digest in enumerate(block.digests)
    ]
    parties = [
        (party, height, place)
        for height, block in index.items()
        for place, party in enumerate(block.parties)
        if party
    ]
    return sorted(digests), sorted(parties)
