"""One rich history gives the same roots and receipts in every process, whatever seeds its hashes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.architecture.source import ROOT
from tests.ledger.model.replay import replayed, write_history


def replay_elsewhere(path, hash_seed: str) -> list[str]:
    """The same history in another process."""
    told = subprocess.run(
        [sys.executable, "-m", "tests.ledger.model.replay", str(path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    return told.stdout.splitlines()


@pytest.mark.parametrize("seed", [1, 2])
def test_a_history_is_the_same_everywhere(tmp_path, seed):
    path = tmp_path / "history.json"
    written = write_history(path, seed, 200)
    assert written["blocks"] > 150 and written["kinds"] > 40
    here = replayed(path)
    assert len(here) == written["blocks"] + 1
    assert here[-1].startswith(written["root"])
    assert replay_elsewhere(path, "1") == here
    assert replay_elsewhere(path, "2") == here


def test_another_history_is_another_state(tmp_path):
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    write_history(first, 1, 20)
    write_history(second, 2, 20)
    assert replayed(first)[-1] != replayed(second)[-1]
