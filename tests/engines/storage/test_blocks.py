"""Looking things up in kept blocks: which of several answers counts, and what is said of a damaged block."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tallystick.base import light
from tallystick.engines.embedded.engine import EmbeddedEngine
from tallystick.engines.engine import EngineError
from tests.engines.standin import VALIDATOR, engine, put


def made(path: Path) -> EmbeddedEngine:
    """A ledger with a transaction, another of that member, one of somebody else, and a refused one."""
    ledger = engine(path)
    for transaction in (
        put(1, b"a", b"1"),
        put(2, b"b", b"2"),
        put(1, b"c", b"3", member="bea"),
        put(3, b"", b""),
    ):
        ledger.wait(ledger.submit(transaction))
    return ledger


def test_a_transaction_is_found_with_its_place_and_time(tmp_path: Path):
    with made(tmp_path / "a") as ledger:
        name = ledger._machine.name(put(2, b"b", b"2"))
        answer = ledger._blocks.find(name)
        assert answer is not None and answer.accepted
        block = ledger.block(answer.height or 0)
        assert block.transactions[answer.place or 0] == put(2, b"b", b"2") and answer.time == block.time
        assert ledger._blocks.find(bytes(32)) is None
        assert ledger._blocks.find(name[:8] + bytes(24)) is None, "eight bytes in common are not enough"


def test_a_members_transactions_are_its_own_newest_first(tmp_path: Path):
    with made(tmp_path / "a") as ledger:
        codes = [answer.receipt.code for answer in ledger._blocks.history("ann", 10)]
        assert codes == [3, 0, 0]
        assert [answer.receipt.code for answer in ledger._blocks.history("ann", 1)] == [3]
        assert len(ledger._blocks.history("bea", 10)) == 1 and ledger._blocks.history("eve", 10) == []


def test_blocks_that_are_not_there_are_said_so(tmp_path: Path):
    with made(tmp_path / "a") as ledger:
        newest = ledger.status().height
        for height in (0, newest + 1):
            with pytest.raises(EngineError, match=f"there is no block {height}; this ledger has blocks 1 to"):
                ledger.block(height)


def test_a_receipt_is_proven_by_two_headers(tmp_path: Path):
    with made(tmp_path / "a") as ledger:
        name = ledger._machine.name(put(1, b"a", b"1"))
        proof = ledger.prove_receipt(name)
        first, second = proof.signed
        assert second.header.height == first.header.height + 1
        light.verify_receipt(first.header, second.header, proof.transaction, proof.result, proof.paths)
        with pytest.raises(light.NotProven):
            light.verify_receipt(first.header, second.header, b"other", proof.result, proof.paths)
        with pytest.raises(EngineError, match="no block holds a transaction"):
            ledger.prove_receipt(bytes(32))


def test_a_block_that_the_database_lost_comes_from_the_log(tmp_path: Path):
    with made(tmp_path / "a") as ledger:
        before = ledger.block(2)
        with sqlite3.connect(ledger._store.path) as other:
            other.execute("UPDATE frames SET frame = ? WHERE height = 2", (b"damaged",))
        assert ledger.block(2) == before
    with engine(tmp_path / "a", genesis=None, keys=[VALIDATOR]) as again:
        assert again.block(2) == before
