"""Five members with a share of scikit-learn's digits each."""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_digits

from tallystick.base.ids import digest
from tallystick.base.task import task
from tallystick.learning.learner import Rows
from tallystick.learning.models import mlp
from tallystick.learning.scan import scan
from tallystick.protocols.composing import composed
from tallystick.protocols.request_plan import RequestPlan
from tallystick.simulation.setting import Brought, Setting

LEARNER = mlp(32)
TASK = task([f"p{number}" for number in range(64)], "digit", range(10))


def brought(members: int = 5) -> dict[str, Brought]:
    x, y = load_digits(return_X_y=True)
    x, y = (x / 16).astype(np.float32), y.astype(np.int32)
    parts = np.array_split(np.random.default_rng(0).permutation(len(y)), members)
    found = {}
    for number, part in enumerate(parts):
        cut = len(part) * 7 // 10
        training, judging = (Rows(x[rows], y[rows]) for rows in (part[:cut], part[cut:]))
        roots = (digest(b"training", bytes([number])), digest(b"judging", bytes([number])))
        found[f"site-{number}"] = Brought(training, judging, roots)
    return found


def setting(name: str, rounds: int = 3, deposit: int = 0, **more: object) -> Setting:
    """A small request under the preset of this name."""
    plan = RequestPlan(TASK, name, "1", LEARNER.name, LEARNER.version, digest(b"source"), epochs=2)
    # Each judges by some hundred rows, where a real member has 200 at least.
    judging = {"fewest": 50} if name in ("relay", "mutual") else {}
    protocol = composed(name, {"size": 5, "deposit": deposit, **judging}).protocol
    return Setting(plan, protocol, LEARNER, scan(), brought(), rounds, **more)  # type: ignore[arg-type]
