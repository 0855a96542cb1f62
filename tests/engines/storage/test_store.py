"""The store: state and blocks come back as they were written, whatever has reached the tables yet."""

import random
import sqlite3
from collections.abc import Mapping
from pathlib import Path

import pytest

from tallystick.engines.storage.blocklog import seal
from tallystick.engines.storage.database import DamagedStore, StoreUnavailable
from tallystick.engines.storage.lookup import BlockPlace, Index
from tallystick.engines.storage.memory import Overlay, Recent, Watched, WholeState, after
from tallystick.engines.storage.store import Store, encode_writes

NO_INDEX = Index()


def add(store: Store, writes: Mapping[bytes, bytes | None], index: Index = NO_INDEX) -> None:
    height = store.height + 1
    previous = store.frame(height - 1).digest if height else bytes(32)
    store.append(height, seal(height, previous, b"block %d" % height), writes, encode_writes(writes), index)


def reopened(store: Store, behind: int = 4) -> Store:
    store.close()
    again = Store(store.path, behind=behind)
    again.load()
    return again


@pytest.mark.parametrize("behind", [1, 4, 100])
def test_the_state_is_the_sum_of_the_writes(tmp_path: Path, behind: int) -> None:
    chance = random.Random(behind)
    expected: dict[bytes, bytes] = {}
    store = Store(tmp_path / "db", behind=behind, cached=8)
    whole = WholeState({})
    for _ in range(60):
        writes: dict[bytes, bytes | None] = {}
        for _ in range(chance.randrange(6)):
            key = b"%s/%d" % (chance.choice([b"due", b"a", b"b\xff", b"\xff\xff"]), chance.randrange(9))
            writes[key] = None if chance.random() < 0.3 else b"%d" % chance.randrange(10**6)
        add(store, writes)
        whole.put(writes)
        for key, value in writes.items():
            expected.pop(key, None)
            if value is not None:
                expected[key] = value
        for prefix in (b"", b"a", b"a/", b"b\xff", b"due/", b"due/3", b"\xff", b"\xff\xff", b"none"):
            for limit in (1, 3, 1 << 62):
                wanted = sorted(item for item in expected.items() if item[0].startswith(prefix))
                assert store.scan(prefix, limit) == wanted[:limit], (prefix, limit)
                assert whole.scan(prefix, limit) == wanted[:limit], (prefix, limit)
        assert {key: store.get(key) for key in expected} == expected
        assert store.get(b"a/none") is None
        assert sorted(store.items()) == sorted(expected.items())
        if chance.random() < 0.2:
            store = reopened(store, behind)
    assert store.height == 59


def test_records_follow_behind(tmp_path: Path) -> None:
    store = Store(tmp_path / "db", behind=4)
    for number in range(7):
        add(store, {b"k%d" % number: b"v"})
    assert (store.height, store.flushed) == (6, 4)
    with sqlite3.connect(tmp_path / "db") as db:
        assert [row[0] for row in db.execute("SELECT key FROM records")] == [b"k%d" % n for n in range(5)]


def test_blocks_come_back(tmp_path: Path) -> None:
    store = Store(tmp_path / "db")
    for _ in range(3):
        add(store, {})
    assert reopened(store).frame(2).payload == b"block 2"


def test_transactions_and_parties_are_found(tmp_path: Path) -> None:
    store = Store(tmp_path / "db", behind=2)
    digests = [bytes([n]) * 32 for n in range(8)]
    for n in range(0, 8, 2):
        add(store, {}, Index(digests[n : n + 2], ("ann", "bob" if n else "")))
    assert store.flushed == 2
    assert store.places(digests[7]) == [BlockPlace(3, 1)]
    assert store.places(digests[2]) == [BlockPlace(1, 0)]
    assert store.places(b"x" * 32) == []
    assert store.places_of("bob", 2) == [BlockPlace(3, 1), BlockPlace(2, 1)]
    assert store.places_of("ann", 9) == [BlockPlace(h, 0) for h in (3, 2, 1, 0)]
    assert store.places_of("eve", 9) == []


def test_damage_to_a_row_is_seen(tmp_path: Path) -> None:
    store = Store(tmp_path / "db", behind=3)
    for number in range(6):
        add(store, {b"k%d" % number: b"v" * 50}, Index((bytes([number]) * 32,), ("ann",)))
    store.close()
    damages = {
        "UPDATE frames SET frame = x'00' WHERE height = 5": "frame",
        "UPDATE frames SET frame = (SELECT frame FROM frames WHERE height = 4) WHERE height = 5": "frame",
        "DELETE FROM frames WHERE height = 5": "short",
        "UPDATE writes SET data = x'90' WHERE height = 5": "load",
        "DELETE FROM writes WHERE height = 5": "load",
        "UPDATE marks SET value = 5": "load",
        "DELETE FROM marks": "load",
        "DROP TABLE writes": "load",
        "UPDATE places SET key = key + 4294967296 WHERE height = 2": "index",
        "UPDATE places SET height = 99 WHERE height = 2": "index",
        "DELETE FROM places WHERE height = 2": "index",
    }
    good = (tmp_path / "db").read_bytes()
    for statement, step in damages.items():
        with sqlite3.connect(tmp_path / "db", isolation_level=None) as db:
            db.execute(statement)
        db.close()
        assert lost(tmp_path / "db") == step, statement
        for file in tmp_path.iterdir():
            file.unlink()
        (tmp_path / "db").write_bytes(good)


def lost(path: Path) -> str:
    """The step at which reading six blocks stops."""
    step = "load"
    try:
        store = Store(path, behind=3)
        store.load()
        step = "index"
        store.ensure_index()
        step = "frame"
        store.frame(5)
    except DamagedStore:
        return "short" if step == "frame" and store.height < 5 else step
    return ""


def test_a_full_database_is_told_from_a_damaged_one(tmp_path: Path) -> None:
    store = Store(tmp_path / "db")
    add(store, {b"k": b"v"})
    pages = store._db.execute("PRAGMA page_count").fetchone()[0]
    store._db.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(StoreUnavailable, match="full"):
        add(store, {b"big": b"x" * 100_000})
    assert (store.height, store.get(b"big")) == (0, None)
    again = reopened(store)
    add(again, {b"big": b"x" * 100_000})
    assert again.get(b"big") == b"x" * 100_000


def test_memory_is_bounded() -> None:
    recent = Recent(10)
    recent.put({b"kept": b"1"})
    for number in range(100):
        recent.put({b"%d" % number: b"v"})
        assert recent.get(b"kept") == b"1"
        assert len(recent.young) + len(recent._old) <= 10
    assert recent.get(b"99") == b"v"
    assert not isinstance(recent.get(b"0"), bytes)


def test_the_overlay_is_in_order_and_the_end_of_a_prefix_is_known() -> None:
    overlay = Overlay()
    overlay.put({b"b": b"1", b"a": None})
    overlay.put({b"c": b"2", b"a": b"3"})
    assert overlay.within(b"a") == [b"a"]
    assert overlay.within(b"") == [b"a", b"b", b"c"]
    assert (after(b"a\xff"), after(b"\xff"), after(b"")) == (b"b", None, None)


def test_the_watched_prefix_stays_sorted() -> None:
    watched = Watched(b"due/", [(b"due/2", b"x")])
    watched.put({b"due/3": b"y", b"due/1": b"z", b"other": b"-", b"due/2": None, b"due/9": None})
    assert watched.scan(b"due/", 5) == [(b"due/1", b"z"), (b"due/3", b"y")]
    assert watched.scan(b"due/", 1) == [(b"due/1", b"z")]
