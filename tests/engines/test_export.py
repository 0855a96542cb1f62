"""Exports: executing them again finds a flipped byte anywhere, and a producer that did not keep the rules."""

import random
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tallystick.base.keys import SigningKey
from tallystick.engines.engine import EngineError, Machine, NoLedger
from tallystick.engines.export import AuditReport, export, verify
from tests.engines.standin import MACHINE, START, Beginning, Clock, Outcome, Receipt, engine, patched, put


def played(path: Path, machine: Machine = MACHINE, **others: Any) -> Path:
    """An export of a small ledger that ran on this machine."""
    clock = Clock()
    with engine(path / "ledger", clock, machine=machine, **others) as ledger:
        for number in range(6):
            clock.now += 100
            ledger.submit(put(number, b"k%d" % (number % 4), b"%d" % number, due=START + 900))
            ledger.submit(put(number, b"k", b"twice"))
            ledger.tick()
        clock.now = START + 1000
        ledger.tick()
        status = ledger.status()
    assert export(path / "ledger", path / "export") == status.height
    return path / "export"


def test_a_sound_export_passes(tmp_path: Path) -> None:
    report = verify(played(tmp_path), MACHINE)
    assert report.sound, report.problem
    assert (report.chain, report.transactions, report.refused) == ("standin", 12, 6)
    with engine(tmp_path / "ledger") as ledger:
        status = ledger.status()
    assert (report.height, report.app_hash, report.time) == (status.height, status.app_hash, status.time)
    assert report.validators == status.validators


def test_every_flipped_or_missing_byte_is_found(tmp_path: Path) -> None:
    keys = [SigningKey(bytes([n]) * 32) for n in range(2)]
    file = played(tmp_path, keys=keys)
    intact, wrong = file.read_bytes(), tmp_path / "wrong"
    chance = random.Random(3)
    places = chance.sample(range(len(intact)), 150)
    for place in [*places, 0, len(intact) - 1]:
        flipped = bytearray(intact)
        flipped[place] ^= 1 << chance.randrange(8)
        wrong.write_bytes(flipped)
        assert not verify(wrong, MACHINE).sound, place
    for length in [*chance.sample(range(len(intact)), 40), 0, len(intact) - 1]:
        wrong.write_bytes(intact[:length])
        assert not verify(wrong, MACHINE).sound, length
    wrong.write_bytes(intact + b"\x00")
    assert not verify(wrong, MACHINE).sound


def cheating(change: Any) -> Machine:
    """A machine that runs the rules and then changes what they decided in the block with `k3`."""

    def apply_block(reader: Any, transactions: Any, block: Any, verify: Any) -> Any:
        outcome = MACHINE.apply_block(reader, transactions, block, verify)
        if b"k3" in outcome.writes and outcome.receipts:
            outcome = change(outcome)
        return outcome

    return patched(apply_block=apply_block)


def richer(outcome: Outcome) -> Outcome:
    return replace(outcome, writes={**outcome.writes, b"k3": b"1000000"})


def forgiving(outcome: Outcome) -> Outcome:
    changed = [Receipt(one.transaction, 0, one.member, one.notices) for one in outcome.receipts]
    return replace(outcome, receipts=changed)


def silent(outcome: Outcome) -> Outcome:
    return replace(outcome, writes={key: value for key, value in outcome.writes.items() if key != b"k3"})


@pytest.mark.parametrize(
    "change, said", [(richer, "writes"), (forgiving, "transaction 1"), (silent, "writes")]
)
def test_a_producer_with_patched_rules_is_found(tmp_path: Path, change: Any, said: str) -> None:
    report = verify(played(tmp_path, cheating(change)), MACHINE)
    assert not report.sound
    assert said in report.problem
    assert report.problem.startswith("block 8")
    assert report.height == 7


def test_the_same_export_passes_by_the_patched_rules(tmp_path: Path) -> None:
    machine = cheating(richer)
    assert verify(played(tmp_path, machine), machine).sound


def test_a_producer_with_another_beginning_is_found(tmp_path: Path) -> None:
    def first_writes(genesis: Beginning) -> Mapping[bytes, bytes]:
        return {**MACHINE.first_writes(genesis), b"gift": b"1000000"}

    report = verify(played(tmp_path, patched(first_writes=first_writes)), MACHINE)
    assert report == AuditReport("", -1, 0, 0, 0, b"", b"", (), report.problem)
    assert "another first state" in report.problem


def test_what_cannot_be_exported_or_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(NoLedger):
        export(tmp_path / "none", tmp_path / "file")
    with pytest.raises(EngineError, match="could not be read"):
        verify(tmp_path / "none", MACHINE)
    (tmp_path / "text").write_text("hello")
    assert "not an export" in verify(tmp_path / "text", MACHINE).problem
    engine(tmp_path / "a").close()
    with pytest.raises(EngineError, match="could not be exported"):
        export(tmp_path / "a", tmp_path / "no" / "such" / "folder")
    (tmp_path / "file.part").touch()
    with pytest.raises(EngineError, match="remove it"):
        export(tmp_path / "a", tmp_path / "file")


def test_an_export_can_be_made_while_the_ledger_is_written(tmp_path: Path) -> None:
    with engine(tmp_path / "a") as ledger:
        ledger.wait(ledger.submit(put(1, b"k", b"v")))
        height = export(tmp_path / "a", tmp_path / "file")
        ledger.wait(ledger.submit(put(2, b"k", b"w")))
    assert verify(tmp_path / "file", MACHINE).height == height
