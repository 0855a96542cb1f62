"""Devices: a device a core where JAX was not used before, and compiled programs that a second run finds."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TRAIN = """
from tallystick.learning import models
from tallystick.learning.scan import scan
from tests.learning.cohorts import invented_work
print(len(scan()(invented_work(models.mlp(40, 30), (9,), 3)).loss))
"""
LATE = """
import os, jax, jax.numpy as jnp
before = len(jax.devices())
from tallystick.learning.devices import devices
assert len(devices()) == before == 1, devices()
print(before)
"""
EARLY = """
import os, jax
from tallystick.learning.devices import devices
assert len(devices()) == len(os.sched_getaffinity(0)) == len(jax.devices())
assert devices() is devices()
jax.config.update("jax_compilation_cache_dir", "elsewhere")
from tallystick.learning.devices import keep_programs
keep_programs()
print(jax.config.jax_compilation_cache_dir)
"""


def told(code: str, home: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": f"src{os.pathsep}.", "XDG_CACHE_HOME": str(home)},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


@pytest.mark.parametrize("code, want", [(LATE, "1"), (EARLY, "elsewhere")], ids=["late", "early"])
def test_cores_become_devices_before_the_first_use_only(code: str, want: str, tmp_path: Path) -> None:
    assert told(code, tmp_path) == want


def test_a_second_run_finds_the_first_ones_programs(tmp_path: Path) -> None:
    told(TRAIN, tmp_path)
    kept = {path: path.stat().st_size for path in tmp_path.rglob("jit_on_device-*-cache")}
    told(TRAIN, tmp_path)

    assert kept
    assert kept == {path: path.stat().st_size for path in tmp_path.rglob("jit_on_device-*-cache")}
