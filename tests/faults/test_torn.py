"""Torn and flipped files are mended or refused, never taken for the truth (a share of faults/torn-store)."""

import re
from pathlib import Path
from typing import Any

import pytest

from tallystick.engines.engine import Machine
from tallystick.engines.storage import blocklog, opening
from tallystick.engines.storage.blocklog import DIGEST, HEAD, BlockLog, Frame
from tallystick.engines.storage.opening import DATABASE
from tallystick.engines.storage.store import Store
from tallystick.engines.storage.tree import StateTree
from tests.faults.subject import LEDGER, STANDIN
from tests.faults.torn import Damage, Image, Toll, sqlite_alone, sweep


def test_damaged_images_are_mended_or_refused(quick_path: Path) -> None:
    toll = sweep(quick_path, LEDGER, 120, seed=1)
    assert toll.wrong == []
    assert toll.images == 120 == toll.sound + toll.mended + toll.refused
    assert toll.mended > 40


def test_sqlite_alone_would_lose_blocks_silently(quick_path: Path) -> None:
    assert sqlite_alone(quick_path, STANDIN, 30, seed=1) > 0


def test_a_log_without_checksums_is_caught(quick_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def trusting(data: bytes) -> Frame:
        height, _, previous = blocklog._open_head(data[:HEAD])
        return Frame(height, previous, data[HEAD:-DIGEST], data[-DIGEST:])

    monkeypatch.setattr(blocklog, "unseal", trusting)
    assert sweep(quick_path, STANDIN, 60, seed=2, only=".log").wrong


def test_records_that_nobody_compares_with_the_root_are_caught(
    quick_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = opening.load_checked

    class Blind(StateTree):  # type: ignore[misc]
        root = property(lambda self: claimed[0])

    claimed = [b""]

    def trusting(store: Store, machine: Machine[Any, Any, Any, Any]) -> StateTree:
        noted = opening.note

        def note(*given: Any) -> bytes:
            claimed[0] = noted(*given)
            return claimed[0]

        with monkeypatch.context() as inner:
            inner.setattr(opening, "note", note)
            inner.setattr(opening, "StateTree", Blind)
            honest(store, machine)
        return StateTree.build(store.items())

    monkeypatch.setattr(opening, "load_checked", trusting)
    image, toll = Image.make(quick_path, STANDIN), Toll()
    intact = (image.folder / DATABASE).read_bytes()
    for place in [match.start() for match in re.finditer(rb"value \d", intact)][:20]:
        flipped = intact[:place] + b"w" + intact[place + 1 :]
        image.judge(Damage(Path(DATABASE), "flip", place, flipped), quick_path / "scratch", toll)
    assert any("other records" in wrong for wrong in toll.wrong)


def test_a_database_that_is_believed_over_the_log_is_caught(
    quick_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def believing(opened: opening.Opened, machine: Machine[Any, Any, Any, Any]) -> None:
        folder = opened.log.folder
        for file in folder.glob("*.log"):
            file.unlink()
        opened.log = BlockLog(folder)
        for height in range(opened.store.height + 1):
            opened.log.append(opened.store.frame(height).sealed(), height)

    monkeypatch.setattr(opening, "_catch_up", believing)
    toll = sweep(quick_path, STANDIN, 60, seed=4, only="ledger.db-wal")
    assert any("was acknowledged" in wrong for wrong in toll.wrong)
