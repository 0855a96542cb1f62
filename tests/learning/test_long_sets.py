"""A learner trains a set four times as large as the memory that it is allowed."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

CHILD = """
import resource, sys
import numpy as np
from tallystick.learning import models
from tallystick.learning.batches import keys_of, pieces
from tallystick.learning.cohort import train_pieces
from tallystick.learning.learner import Rows

COLUMNS, CHUNK, CHUNKS = 1024, 1024, 64          # 4 MiB a chunk, 256 MiB in all
learner, key = models.linear(rate=0.001), keys_of([(1,)])[0]
start = {"head/weight": np.zeros((COLUMNS, 3), np.float32), "head/bias": np.zeros(3, np.float32)}


def chunk(number):
    x = np.random.default_rng(number).standard_normal((CHUNK, COLUMNS), np.float32)
    return Rows(x, (x[:, 0] > 0).astype(np.int32) + (x[:, 0] > 1))


def all_at_once():
    parts = [chunk(number) for number in range(CHUNKS)]
    yield Rows(np.concatenate([part.x for part in parts]), np.concatenate([part.y for part in parts]))


def one_by_one():
    return (chunk(number) for number in range(CHUNKS))


train_pieces(learner, start, (), pieces((chunk(n) for n in range(3)), 64), key)
used = int(next(line for line in open("/proc/self/status") if line.startswith("VmSize")).split()[1]) * 1024
resource.setrlimit(resource.RLIMIT_AS, (used + 64 * 2**20,) * 2)
chosen = {"whole": all_at_once, "pieces": one_by_one}[sys.argv[1]]()
done = train_pieces(learner, start, (), pieces(chosen, 64), key)
model = {name: np.asarray(part) for name, part in done.model.items()}
held = chunk(99)
scores = held.x @ model["head/weight"] + model["head/bias"]
print("accuracy", (scores.argmax(axis=1) == held.y).mean())
"""


def child(way: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", CHILD, way],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": "src", "OPENBLAS_NUM_THREADS": "1"},
    )


@pytest.mark.parametrize("way", ["whole", "pieces"])
def test_only_pieces_fit(way: str) -> None:
    done = child(way)

    if way == "whole":
        assert done.returncode != 0
        assert "MemoryError" in done.stderr or "allocate" in done.stderr
    else:
        assert done.returncode == 0, done.stderr[-2000:]
        assert float(done.stdout.split()[-1]) > 0.6
