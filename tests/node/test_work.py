"""What a node has on disk of its work: whole after a crash, with its learners' memory as it was."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tallystick.ledger.transactions import posts
from tallystick.node.work import (
    Duty,
    InFlight,
    Ready,
    SealedScores,
    WorkDamaged,
    WorkFolder,
    WorkInMemory,
    WorkStore,
)

DUTY, LATER = Duty("request-1", 1, "train"), Duty("request-1", 2, "train")
OTHER = Duty("request-2", 1, "train")


def work(duty: Duty, text: bytes = b"x") -> Ready:
    return Ready(duty, posts.Inline(text), SealedScores((posts.Score(7),), b"salt" * 8))


def memory(step: int) -> dict[str, object]:
    return {"step": np.asarray(step), "moment": (np.full(3, step, np.float32),)}


def flight(duty: Duty) -> InFlight:
    return InFlight(duty, b"d" * 32, 5_000, b"transaction")


@pytest.fixture(params=["folder", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> WorkStore:
    return WorkFolder(tmp_path) if request.param == "folder" else WorkInMemory()


def test_a_store_keeps_work_memory_and_flights(store: WorkStore):
    assert (dict(store.ready), dict(store.flying), store.memory("request-1", dict)) == ({}, {}, None)
    store.save(work(DUTY), memory(1))
    store.save(work(OTHER))
    store.sent([flight(DUTY), flight(OTHER)])
    store.landed([OTHER, LATER])
    assert set(store.ready) == {DUTY, OTHER} and store.ready[DUTY] == work(DUTY)
    assert dict(store.flying) == {DUTY: flight(DUTY)}
    assert store.memory("request-2", dict) is None
    store.forget("request-1")
    assert set(store.ready) == {OTHER} and not store.flying and store.memory("request-1", dict) is None


def test_another_process_finds_it_all(tmp_path: Path):
    first = WorkFolder(tmp_path)
    first.save(work(DUTY), memory(1))
    first.save(work(LATER, b"y"), memory(2))
    first.save(work(OTHER))
    first.sent([flight(LATER)])
    first.close()
    back = WorkFolder(tmp_path)
    assert dict(back.ready) == {DUTY: work(DUTY), LATER: work(LATER, b"y"), OTHER: work(OTHER)}
    assert dict(back.flying) == {LATER: flight(LATER)}
    kept = back.memory("request-1", lambda: memory(0))
    assert kept["step"] == 2 and kept["moment"][0].tolist() == [2, 2, 2]
    back.forget("request-1")
    back.close()
    assert set(WorkFolder(tmp_path).ready) == {OTHER}


def test_work_and_memory_are_kept_both_or_neither(tmp_path: Path):
    store = WorkFolder(tmp_path)
    store.save(work(DUTY), memory(1))
    with pytest.raises(ValueError, match="memory is a object"):
        store.save(work(LATER), object())
    assert set(store.ready) == {DUTY}
    store.close()
    back = WorkFolder(tmp_path)
    assert set(back.ready) == {DUTY} and back.memory("request-1", lambda: memory(0))["step"] == 1


def test_a_process_that_is_killed_loses_nothing_that_was_kept(tmp_path: Path):
    program = (
        "import os, sys; from pathlib import Path; from tests.node.test_work import DUTY, memory, work;"
        "from tallystick.node.work import WorkFolder; store = WorkFolder(Path(sys.argv[1]));"
        "store.save(work(DUTY), memory(3)); os.kill(os.getpid(), 9)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], env=os.environ, capture_output=True
    )
    assert ended.returncode == -9, ended.stderr.decode()
    back = WorkFolder(tmp_path)
    assert back.ready[DUTY] == work(DUTY) and back.memory("request-1", lambda: memory(0))["step"] == 3


def test_a_large_memory_lies_in_several_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tallystick.node.work.PART", 1000)
    large = {"numbers": np.arange(2_000, dtype=np.float64)}
    store = WorkFolder(tmp_path)
    store.save(work(DUTY), large)
    store.save(work(LATER), {"numbers": np.arange(10, dtype=np.float64)})
    store.save(work(DUTY), large)
    store.close()
    assert WorkFolder(tmp_path).memory("request-1", dict)["numbers"].tolist() == list(range(2_000))


def test_a_damaged_file_says_what_to_do(tmp_path: Path):
    store = WorkFolder(tmp_path)
    store.save(work(DUTY))
    store.close()
    (tmp_path / "work.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(WorkDamaged, match="move it away"):
        WorkFolder(tmp_path)
