"""Readers see what is durable, beside a writer, and never change anything."""

import sqlite3
from pathlib import Path

import pytest

from tallystick.base import light
from tallystick.engines.embedded.reader import open_reader
from tallystick.engines.engine import LedgerDamaged, NoLedger
from tests.engines.standin import MACHINE, START, Clock, engine, put


@pytest.mark.parametrize("check", [True, False])
def test_a_reader_follows_the_writer(tmp_path: Path, check: bool) -> None:
    clock = Clock()
    with engine(tmp_path / "a", clock) as ledger, open_reader(tmp_path / "a", MACHINE, check=check) as reader:
        assert reader.get(b"first") == b"record"
        assert reader.status() == ledger.status()
        for number in range(30):
            due = START + 10**6 + number if number % 3 else 0
            ticket = ledger.submit(put(number, b"k%d" % (number % 7), b"%d" % number, due=due))
            answer = ledger.wait(ticket)
            assert reader.scan(b"", 10**6) == ledger.scan(b"", 10**6)
            assert reader.scan(b"due/", 2) == ledger.scan(b"due/", 2)
            if number % 4 == 0:
                assert reader.find(ticket.digest) == answer
                assert reader.history("ann", 5) == ledger.history("ann", 5)
                assert reader.block(answer.height or 0) == ledger.block(answer.height or 0)
            if number % 5 == 0:
                shown = reader.prove(b"k1")
                light.verify_state_proof(shown.signed.header, b"k1", shown.value, shown.proof)
                assert reader.prove_receipt(ticket.digest) == ledger.prove_receipt(ticket.digest)
        clock.now = START + 2 * 10**6
        ledger.tick()
        assert reader.scan(b"due/", 9) == []
        assert reader.status() == ledger.status()


def test_a_reader_works_without_a_writer_and_leaves_no_trace(tmp_path: Path) -> None:
    with engine(tmp_path / "a") as ledger:
        for number in range(9):
            ledger.wait(ledger.submit(put(number, b"k", b"%d" % number)))
    before = {path: path.read_bytes() for path in (tmp_path / "a").rglob("*") if path.is_file()}
    with open_reader(tmp_path / "a", MACHINE) as reader:
        assert reader.get(b"k") == b"8"
    after = {path: path.read_bytes() for path in (tmp_path / "a").rglob("*") if path in before}
    assert after == before


def test_within_at_head_nothing_moves(tmp_path: Path) -> None:
    with engine(tmp_path / "a") as ledger, open_reader(tmp_path / "a", MACHINE) as reader:
        ledger.wait(ledger.submit(put(1, b"k", b"old")))
        with reader.at_head():
            height = reader.status().height
            for number in range(2, 12):
                ledger.wait(ledger.submit(put(number, b"k", b"new%d" % number)))
            assert (reader.get(b"k"), reader.status().height) == (b"old", height)
        assert reader.get(b"k") == b"new11"


def test_a_reader_says_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(NoLedger, match="there is no ledger"):
        open_reader(tmp_path / "none", MACHINE)
    with engine(tmp_path / "a") as ledger:
        ledger.wait(ledger.submit(put(1, b"k", b"v")))
        for number in range(2, 9):
            ledger.wait(ledger.submit(put(number, b"k%d" % number, b"v")))
    with sqlite3.connect(tmp_path / "a" / "ledger.db") as db:
        db.execute("UPDATE records SET value = x'00' WHERE key = ?", (b"k",))
    db.close()
    with pytest.raises(LedgerDamaged, match="open the ledger for writing"):
        open_reader(tmp_path / "a", MACHINE)
    with engine(tmp_path / "a") as ledger:
        assert "made again from the log" in ledger.status().repairs[0]
    with open_reader(tmp_path / "a", MACHINE) as reader:
        assert reader.get(b"k") == b"v"
