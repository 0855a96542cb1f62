"""SQLite as the store uses it: damage is told from a disk that does not answer, and writes are whole."""

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tallystick.base.codec import Malformed
from tallystick.engines.storage.database import FIRST_MARKS, DamagedStore, Database, StoreUnavailable
from tallystick.engines.storage.disk import DISK
from tallystick.engines.storage.store import Store

WAITING = (
    "SQLITE_BUSY_SNAPSHOT", "SQLITE_CANTOPEN", "SQLITE_FULL", "SQLITE_IOERR_FSYNC", "SQLITE_LOCKED",
    "SQLITE_PERM", "SQLITE_READONLY",
)  # fmt: skip
BROKEN = ("SQLITE_CORRUPT", "SQLITE_IOERR_CORRUPTFS", "SQLITE_IOERR_SHORT_READ", "SQLITE_NOTADB", "")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(tmp_path / "db", DISK, read_only=False)
    yield made
    made.close()


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "db").write_bytes(b"garbage" * 1000)
    with pytest.raises(DamagedStore, match="not a database"):
        Store(tmp_path / "db")
    sqlite3.connect(tmp_path / "other").execute("CREATE TABLE x (y)").connection.close()
    with pytest.raises(DamagedStore, match="format 0"):
        Store(tmp_path / "other")


def test_whoever_only_reads_makes_none_and_writes_none(tmp_path: Path, database: Database) -> None:
    with pytest.raises(StoreUnavailable, match="could not be opened"):
        Database(tmp_path / "missing", DISK, read_only=True)
    assert not (tmp_path / "missing").exists()
    reader = Database(database.path, DISK, read_only=True)
    assert reader.marked("flushed") == -1
    with pytest.raises(StoreUnavailable, match="readonly"), reader.guarded("written"):
        reader.mark("flushed", 3)
    reader.close()


def test_a_mark_is_what_was_written_or_it_is_damage(database: Database) -> None:
    assert {name: database.marked(name) for name in FIRST_MARKS} == FIRST_MARKS
    database.mark("flushed", 7)
    assert database.marked("flushed") == 7
    database.execute("UPDATE marks SET value = 8 WHERE name = 'flushed'")
    with pytest.raises(DamagedStore, match="'flushed' is damaged or missing"):
        database.marked("flushed")
    # A sum that belongs to another mark is none.
    database.execute(
        "UPDATE marks SET sum = (SELECT sum FROM marks WHERE name = 'places') WHERE name = 'places low'"
    )
    for name in ("places low", "nothing"):
        with pytest.raises(DamagedStore):
            database.marked(name)


@pytest.mark.parametrize("point", ["store.commit", "store.committed"])
def test_a_transaction_is_whole_or_it_never_was(tmp_path: Path, point: str) -> None:
    def stops(at: str) -> None:
        if at == point and armed:
            raise InterruptedError(at)

    armed: list[bool] = []
    database = Database(tmp_path / "db", replace(DISK, reached=stops), read_only=False)
    armed.append(True)

    def write() -> None:
        with database.transaction():
            database.mark("flushed", 1)
            database.mark("places", 2)

    with pytest.raises(InterruptedError):
        write()
    kept = point == "store.committed"
    assert (database.marked("flushed"), database.marked("places")) == ((1, 2) if kept else (-1, 0))
    armed.clear()
    with database.transaction():  # the connection goes on
        database.mark("flushed", 5)
    assert database.marked("flushed") == 5
    database.close()


def test_one_that_another_holds_is_busy_and_not_damaged(database: Database) -> None:
    other = sqlite3.connect(database.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    database.execute("PRAGMA busy_timeout=1")
    with pytest.raises(StoreUnavailable, match="locked"), database.guarded("written"), database.transaction():
        pass
    database.checkpoint("TRUNCATE")  # the log is durable without it: it may fail
    other.execute("ROLLBACK")
    with database.guarded("written"), database.transaction():
        database.mark("flushed", 1)
    other.close()
    assert database.marked("flushed") == 1


@pytest.mark.parametrize(
    "error", [Malformed("odd"), ValueError("odd"), OverflowError("odd"), TypeError("odd")]
)
def test_what_cannot_be_read_is_damage_and_what_cannot_be_written_is_a_fault(
    database: Database, error: Exception
) -> None:
    with pytest.raises(DamagedStore, match="could not be read: odd"), database.guarded("read"):
        raise error
    with pytest.raises(type(error)) as raised, database.guarded("written"):
        raise error
    assert raised.value is error


@pytest.mark.parametrize(("name", "kind"), [
    *((name, StoreUnavailable) for name in WAITING),
    *((name, DamagedStore) for name in BROKEN),
])  # fmt: skip
def test_an_error_is_told_by_its_name(database: Database, name: str, kind: type[Exception]) -> None:
    error = sqlite3.OperationalError("odd")
    error.sqlite_errorname = name
    with pytest.raises(kind, match="could not be read: odd"), database.guarded("read"):
        raise error
