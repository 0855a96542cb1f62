"""Five rehabilitation clinics with smartwatch recordings: the demo's data, real, out of the package seglearn.

Each row is three seconds of a wrist's acceleration and turning, described by 30 numbers; the label is the
exercise. A clinic holds whole people: nobody's recordings are in two places, and the requester's test people
are in none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..base.task import Task, task
from ..data.datasets import load
from ..data.inputs import inputs
from ..data.table import Table
from ..data.unit import divide
from ..learning.learner import Rows
from .setting import Brought

AXES = ("ax", "ay", "az", "wx", "wy", "wz")
SAMPLES = 150  # three seconds at 50 Hz
CLINICS = ("north", "south", "east", "west", "harbour")
FEATURES = ("mean", "spread", "least", "most", "change")


@dataclass(frozen=True, eq=False)
class Watches:
    """What the demo learns, from whom, and whom the requester tries it on."""

    task: Task
    members: dict[str, Brought]
    test: Rows
    people: dict[str, int]
    exercises: tuple[str, ...]


def watches(clinics: Sequence[str] = CLINICS, test_people: int = 3, seed: int = 7) -> Watches:
    """Deal whole people to the clinics; keep some for the requester."""
    table = described(load("seglearn-watch")["all"])
    exercises = tuple(sorted(set(table["exercise"].tolist())))
    learnt = task([name for name in table.names if "_" in name], "exercise", exercises)
    people = np.random.default_rng(seed).permutation(np.unique(table["subject"]))
    held, dealt = people[:test_people], people[test_people:]
    shares = dict(zip(clinics, np.array_split(dealt, len(clinics)), strict=True))
    members = {name: _brought(table, share, learnt, seed) for name, share in shares.items()}
    test = _rows(table.where(np.isin(table["subject"], held)), learnt)
    return Watches(learnt, members, test, {name: len(share) for name, share in shares.items()}, exercises)


def _brought(table: Table, people: npt.NDArray[np.int64], learnt: Task, seed: int) -> Brought:
    unit = divide(table.where(np.isin(table["subject"], people)), judging=0.3, seed=seed)
    roots = (unit.training_root, unit.judging_root)
    return Brought(_rows(unit.training, learnt), _rows(unit.judging, learnt), roots)


def _rows(table: Table, learnt: Task) -> Rows:
    read = inputs(table, learnt)
    return Rows(read.x, read.y)


def described(samples: Table) -> Table:
    """Three seconds a row: mean, spread, least, most and mean change of each axis, in tens of its unit."""
    columns: dict[str, list[npt.NDArray[np.float64]]] = {
        f"{axis}_{name}": [] for axis in AXES for name in FEATURES
    }
    subjects, exercises = [], []
    for recording in np.unique(samples["recording"]):
        recorded = samples.where(samples["recording"] == recording)
        windows = len(recorded) // SAMPLES
        for axis in AXES:
            cut = recorded[axis][: windows * SAMPLES].reshape(windows, SAMPLES).astype(np.float64) / 10
            change = np.abs(np.diff(cut, axis=1)).mean(axis=1)
            parts = (cut.mean(axis=1), cut.std(axis=1), cut.min(axis=1), cut.max(axis=1), change)
            for name, part in zip(FEATURES, parts, strict=True):
                columns[f"{axis}_{name}"].append(part)
        subjects.append(recorded["subject"][: windows * SAMPLES : SAMPLES])
        exercises.append(recorded["exercise"][: windows * SAMPLES : SAMPLES])
    made = {name: np.concatenate(parts) for name, parts in columns.items()}
    return Table({**made, "subject": np.concatenate(subjects), "exercise": np.concatenate(exercises)})
