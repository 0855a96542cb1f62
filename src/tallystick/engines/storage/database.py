"""SQLite as the store uses it: its tables, its errors told apart, its transactions."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Final, final

from ...base.codec import Malformed
from ..engine import EngineError
from .disk import Disk

FORMAT: Final = 1

SCHEMA: Final = (
    "CREATE TABLE frames (height INTEGER PRIMARY KEY, frame BLOB NOT NULL)",
    "CREATE TABLE writes (height INTEGER PRIMARY KEY, data BLOB NOT NULL, sum BLOB NOT NULL)",
    "CREATE TABLE records (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
    "CREATE TABLE places (key INTEGER, height INTEGER, place INTEGER,"
    " PRIMARY KEY (key, height, place)) WITHOUT ROWID",
    "CREATE TABLE marks (name TEXT PRIMARY KEY, value INTEGER NOT NULL, sum BLOB NOT NULL)",
)
# How far the records are, and the sums by which the table of places is checked.
SUMS: Final = ("places", "places low", "places high", "places heights", "places within")
FIRST_MARKS: Final = {"flushed": -1, **dict.fromkeys(SUMS, 0)}
UNAVAILABLE: Final = (
    *("SQLITE_BUSY", "SQLITE_CANTOPEN", "SQLITE_FULL", "SQLITE_IOERR"),
    *("SQLITE_LOCKED", "SQLITE_PERM", "SQLITE_READONLY"),
)
DAMAGED_AFTER_ALL: Final = ("SQLITE_IOERR_SHORT_READ", "SQLITE_IOERR_DATA", "SQLITE_IOERR_CORRUPTFS")


class StoreUnavailable(EngineError):
    """The disk, or another process, keeps the database from answering; nothing says that it is damaged."""


class DamagedStore(EngineError):
    """The database does not hold what was written to it; the message says where."""


class EmptyStore(DamagedStore):
    """The database is sound, and nothing was ever written to it."""


@final
class Database:
    """A connection to a ledger's database, created where it is missing."""

    def __init__(self, path: Path, disk: Disk, read_only: bool) -> None:
        self.path = path
        self._disk = disk
        self._read_only = read_only
        with self.guarded("opened"):
            uri = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}"
            self._connection = disk.connect(
                uri, uri=True, isolation_level=None, check_same_thread=False, timeout=10
            )
            self.execute, self.executemany = self._connection.execute, self._connection.executemany
            try:
                self._prepare()
            except BaseException:
                self.close()
                raise

    def _prepare(self) -> None:
        if not self._read_only:
            self.execute("PRAGMA journal_mode=WAL")
        for setting in ("synchronous=FULL", "wal_autocheckpoint=0", "cache_size=-65536"):
            self.execute(f"PRAGMA {setting}")
        (version,) = self.execute("PRAGMA user_version").fetchone()
        if version == FORMAT:
            return
        (tables,) = self.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if version or tables or self._read_only:
            raise DamagedStore(f"{self.path} is of format {version}; this program knows format {FORMAT}")
        with self.transaction():
            for statement in SCHEMA:
                self.execute(statement)
            for name, value in FIRST_MARKS.items():
                self.mark(name, value)
            self.execute(f"PRAGMA user_version={FORMAT}")

    @contextmanager
    def guarded(self, what: str) -> Iterator[None]:
        """Tell a disk that does not answer from a database that is damaged."""
        try:
            yield
        except sqlite3.Error as error:
            name = getattr(error, "sqlite_errorname", None) or ""
            if name.startswith(UNAVAILABLE) and name not in DAMAGED_AFTER_ALL:
                raise StoreUnavailable(f"{self.path} could not be {what}: {error}") from error
            raise DamagedStore(f"{self.path} could not be {what}: {error}") from error
        except (Malformed, TypeError, ValueError, OverflowError) as error:
            if what == "written":
                raise
            raise DamagedStore(f"{self.path} could not be {what}: {error}") from error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._disk.reached("store.commit")
            self.execute("COMMIT")
            self._disk.reached("store.committed")
        except BaseException:
            # Where not even this is possible, closing the connection undoes it.
            with suppress(sqlite3.Error):
                if self._connection.in_transaction:
                    self.execute("ROLLBACK")
            raise

    def checkpoint(self, mode: str) -> None:
        """Move what the write-ahead log holds into the database; it is durable before, so this may fail."""
        try:
            self._disk.reached("store.checkpoint")
            self.execute(f"PRAGMA wal_checkpoint({mode})").fetchall()
        except sqlite3.Error:
            return

    def mark(self, name: str, value: int) -> None:
        self.execute("INSERT OR REPLACE INTO marks VALUES (?, ?, ?)", (name, value, _sum(name, value)))

    def marked(self, name: str) -> int:
        row = self.execute("SELECT value, sum FROM marks WHERE name = ?", (name,)).fetchone()
        if row is None or row[1] != _sum(name, row[0]):
            raise DamagedStore(f"{self.path}: the mark {name!r} is damaged or missing")
        return int(row[0])

    def close(self) -> None:
        self._connection.close()


def _sum(name: str, value: int) -> bytes:
    return sha256(f"{name}={value}".encode()).digest()
