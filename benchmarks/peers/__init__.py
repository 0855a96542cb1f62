"""Other libraries on the same rows, in an environment of their own (three minutes, 6 GB to set up)."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / "build" / "peers" / "bin" / "python"
READY = PYTHON.parents[1] / "ready"
MISSING = "the peers are not installed: python -m benchmarks.peers.set_up"


def ready() -> bool:
    """Whether the peers' environment was set up."""
    return PYTHON.exists() and READY.exists()


def rounds(name: str, setting: Any, count: int, progress: Any) -> dict[str, Any]:
    """Seconds of a round of a peer, and its accuracy after the last."""
    given = {
        "x": setting.pixels,
        "y": setting.labels,
        "test_x": setting.test[0],
        "test_y": setting.test[1],
        "rounds": np.array(count),
    }
    return _answer(f"{name}_rounds", given, progress)


def private(setting: Any, size: int, progress: Any) -> dict[str, Any]:
    """Rows a second of Opacus' ghost clipping."""
    given = {"x": setting.pixels[0], "y": setting.labels[0], "size": np.array(size)}
    return _answer("opacus_sgd", given, progress)


def rules(models: Any, attackers: int, ours: dict[str, Any], progress: Any) -> dict[str, Any]:
    """How far byzfl's combined models lie from ours, in lengths of ours."""
    return _answer("byzfl_rules", {"models": models, "attackers": np.array(attackers), **ours}, progress)


def _answer(script: str, given: dict[str, Any], progress: Any) -> dict[str, Any]:
    """What a script printed as its last line, given these arrays."""
    progress(f"{script} runs in its own environment")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "given.npz"
        np.savez(path, **given)
        command = [str(PYTHON), str(Path(__file__).with_name(f"{script}.py")), str(path)]
        # Workers import the script by its name: what is sent to them by value forgets the rows between calls.
        alone = {
            "PYTHONPATH": str(Path(__file__).parent),
            "FLWR_TELEMETRY_ENABLED": "0",
            "RAY_USAGE_STATS_ENABLED": "0",
        }
        done = subprocess.run(
            command, capture_output=True, text=True, env=os.environ | alone, cwd=folder, check=False
        )
    if done.returncode:
        raise RuntimeError(f"{script} failed:\n{done.stderr[-2000:]}")
    answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    progress(f"{script}: {answer}")
    return answer
