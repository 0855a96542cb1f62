"""The index of transactions: newest first, whether noted or in the table, and no wrong row goes unnoticed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from tallystick.engines.storage.database import DamagedStore, Database
from tallystick.engines.storage.disk import DISK
from tallystick.engines.storage.lookup import BlockPlace, Index, Lookup, key_of, member_key


def digest(number: int) -> bytes:
    return sha256(b"%d" % number).digest()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(tmp_path / "db", DISK, read_only=False)
    yield made
    made.close()


def blocks() -> dict[int, Index]:
    """Three blocks of two transactions; bea's is nobody's second."""
    return {
        1: Index([digest(1), digest(2)], ["ann", "bea"]),
        2: Index([digest(3), digest(1)], ["ann", ""]),
        3: Index([digest(4), digest(5)], ["ann", "ann"]),
    }


@pytest.mark.parametrize("flushed", [0, 1, 2, 3])
def test_places_are_the_newest_first_wherever_they_are(database: Database, flushed: int):
    lookup = Lookup(database)
    for height, index in blocks().items():
        if height == flushed:
            lookup.flush(height, index)
            lookup.forget()
        else:
            lookup.note(height, index)
    ann = [BlockPlace(3, 1), BlockPlace(3, 0), BlockPlace(2, 0), BlockPlace(1, 0)]
    assert lookup.places(member_key("ann"), 100) == ann
    assert lookup.places(member_key("ann"), 2) == ann[:2]
    assert lookup.places(key_of(digest(1)), 100) == [BlockPlace(2, 1), BlockPlace(1, 0)]
    assert lookup.places(member_key(""), 100) == lookup.places(key_of(digest(9)), 100) == []
    lookup.ensure_sound()


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM places WHERE height = 1",
        "UPDATE places SET place = place + 1 WHERE height = 2 AND place = 1",
        "UPDATE places SET height = 7 WHERE height = 3",
        "UPDATE places SET key = key + 4294967296 WHERE height = 1 AND place = 0",
        "INSERT INTO places VALUES (1, 1, 1)",
        "UPDATE marks SET value = value + 1 WHERE name = 'places'",
    ],
)
def test_no_wrong_row_goes_unnoticed(database: Database, damage: str):
    lookup = Lookup(database)
    with database.transaction():
        for height, index in blocks().items():
            lookup.flush(height, index)
    lookup.ensure_sound()
    with sqlite3.connect(database.path) as other:
        other.execute(damage)
    with pytest.raises(DamagedStore):
        lookup.ensure_sound()
