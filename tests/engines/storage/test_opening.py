"""Opening: each copy mends the other; what cannot be mended is refused, with the file and the way out."""

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tallystick.engines.engine import EngineError, LedgerDamaged, NoLedger
from tallystick.engines.storage.blocklog import BlockLog
from tallystick.engines.storage.opening import DATABASE, LOG
from tests.engines.standin import GENESIS, START, Beginning, engine, patched, put


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """A closed ledger of 21 blocks in several log files."""
    with engine(tmp_path / "a") as running:
        for number in range(10):
            running.wait(running.submit(put(number, b"k%d" % number, b"%d" % number)))
        assert running.status().height == 21
    return tmp_path / "a"


def files(ledger: Path) -> list[Path]:
    return sorted((ledger / LOG).glob("*.log"))


def flip(file: Path, place: int) -> None:
    data = bytearray(file.read_bytes())
    data[place] ^= 1
    file.write_bytes(data)


def ensure_whole(ledger: Path, *said: str) -> None:
    with engine(ledger, genesis=None) as running:
        assert running.status().height == 21
        assert [running.get(b"k%d" % n) for n in range(10)] == [b"%d" % n for n in range(10)]
        assert len(running.status().repairs) == len(said)
        for repair, words in zip(running.status().repairs, said, strict=True):
            assert words in repair
        assert running.wait(running.submit(put(10, b"more", b"v"))).accepted
    with engine(ledger, genesis=None) as running:
        assert running.status().repairs == ()


def test_a_sound_ledger_needs_no_mending(ledger: Path) -> None:
    ensure_whole(ledger)


def test_a_lost_log_is_written_again(ledger: Path) -> None:
    shutil.rmtree(ledger / LOG)
    ensure_whole(ledger, "blocks to 21 came from")


def test_a_log_damaged_in_the_middle_is_mended(ledger: Path) -> None:
    flip(files(ledger)[1], 100)
    ensure_whole(ledger, "is damaged at byte 0", "blocks to 21 came from")
    assert list((ledger / LOG).glob("*.damaged-1"))


def test_a_torn_tail_that_nobody_was_told_of_is_cut(ledger: Path) -> None:
    with files(ledger)[-1].open("ab") as file:
        file.write(b"TLY1 half a block")
    ensure_whole(ledger, "cut there")


def test_a_lost_database_is_made_again(ledger: Path) -> None:
    (ledger / DATABASE).unlink()
    ensure_whole(ledger, "made again from the log", "blocks to 21 came from the log")


@pytest.mark.parametrize("change", ["value = x'00'", "key = x'00'"])
def test_a_database_with_other_records_is_made_again(ledger: Path, change: str) -> None:
    with sqlite3.connect(ledger / DATABASE) as db:
        db.execute(f"UPDATE records SET {change} WHERE key = ?", (b"k3",))
    db.close()
    ensure_whole(ledger, "not the state that block 21 left", "blocks to 21 came from the log")
    assert (ledger / "damaged-1" / DATABASE).exists()


def test_a_database_that_is_behind_catches_up(ledger: Path) -> None:
    with sqlite3.connect(ledger / DATABASE) as db:
        db.execute("DELETE FROM frames WHERE height > 20")
        db.execute("DELETE FROM writes WHERE height > 20")
    db.close()
    ensure_whole(ledger, "ended at height 20; blocks to 21 came from the log")


def both(ledger: Path) -> None:
    flip(files(ledger)[-1], 60)
    (ledger / DATABASE).write_bytes(b"x" * 10_000)


def strangers(ledger: Path) -> None:
    with engine(ledger.parent / "b", genesis=Beginning("standin", START + 1)) as other:
        for number in range(10):
            other.wait(other.submit(put(number, b"k", b"v")))
    shutil.rmtree(ledger / LOG)
    shutil.copytree(ledger.parent / "b" / LOG, ledger / LOG)


def behind_the_damage(ledger: Path) -> None:
    with sqlite3.connect(ledger / DATABASE) as db:
        db.execute("DELETE FROM frames WHERE height > 20")
        db.execute("DELETE FROM writes WHERE height > 20")
    db.close()
    flip(files(ledger)[0], 60)


def an_unreadable_block(ledger: Path) -> None:
    with sqlite3.connect(ledger / DATABASE) as db:
        db.execute("UPDATE frames SET frame = x'00' WHERE height = 9")
    db.close()
    shutil.rmtree(ledger / LOG)


@pytest.mark.parametrize(
    "damage, said",
    [
        (both, r"neither copy.*ledger.db.*\.log is damaged at byte \d+, after height \d+"),
        (strangers, "hold different blocks 2[01], each intact"),
        (behind_the_damage, "lacks blocks that stand behind the damage"),
        (an_unreadable_block, "ends at height 8, the other copy cannot mend it"),
    ],
)
def test_what_cannot_be_mended_is_refused(ledger: Path, damage: Callable[[Path], None], said: str) -> None:
    damage(ledger)
    before = {file: file.read_bytes() for file in ledger.rglob("*.log")}
    for _ in range(2):
        with pytest.raises(LedgerDamaged, match=said):
            engine(ledger)
    if damage is not an_unreadable_block:
        assert {file: file.read_bytes() for file in ledger.rglob("*.log")} == before


def test_a_program_with_other_rules_does_not_mend(ledger: Path) -> None:
    (ledger / DATABASE).unlink()
    changed = patched(first_writes=lambda genesis: {b"first": b"other"})
    with pytest.raises(LedgerDamaged, match="a program with other rules wrote it"):
        engine(ledger, machine=changed)


def test_an_interrupted_creation_is_repeated(tmp_path: Path) -> None:
    engine(tmp_path / "a").close()
    (whole,) = files(tmp_path / "a")
    frame = whole.read_bytes()
    first = BlockLog(tmp_path / "a" / LOG)._offsets[1]
    for length in (0, 10, first // 2, first - 1, first):
        shutil.rmtree(tmp_path / "b", ignore_errors=True)
        (tmp_path / "b" / LOG).mkdir(parents=True)
        (tmp_path / "b" / LOG / whole.name).write_bytes(frame[:length])
        if length < first:
            with pytest.raises(NoLedger, match="create one with a genesis"):
                engine(tmp_path / "b", genesis=None)
        else:
            engine(tmp_path / "b", genesis=None).close()
        with engine(tmp_path / "b", genesis=GENESIS) as running:
            assert running.wait(running.submit(put(1, b"k", b"v"))).accepted


def test_a_genesis_never_replaces_a_damaged_ledger(ledger: Path) -> None:
    both(ledger)
    with pytest.raises(EngineError, match="neither copy"):
        engine(ledger, genesis=GENESIS)
