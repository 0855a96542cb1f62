"""Small cohorts for tests: invented rows, tasks and one way to ask for a training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from tallystick.base.task import Task, task
from tallystick.learning.batches import keys_of, shuffles
from tallystick.learning.cohort import Cohort, Work
from tallystick.learning.learner import Gradient, Learner, Rows

COUNTS = (40, 7, 0, 1, 33, 64)  # unequal sizes, an empty member, one with a single row


@dataclass(frozen=True)
class Plan:
    """A plan as far as learners look at it."""

    task: Task


def invented_task(shape: tuple[int, ...], labels: int) -> Task:
    """A task whose rows have this shape; without labels a regression."""
    columns = [f"c{number}" for number in range(int(np.prod(shape)))]
    return task(columns, "aim", range(labels), shape=shape)


def invented_rows(count: int, shape: tuple[int, ...], labels: int, seed: int, subjects: int = 0) -> Rows:
    """Rows whose aim depends on their first numbers, so that there is something to learn."""
    chance = np.random.default_rng([seed, count, labels])
    x = chance.normal(size=(count, *shape)).astype(np.float32)
    signal = x.reshape(count, int(np.prod(shape)))[:, :3] @ np.array([1.0, -2.0, 0.5], np.float32)
    y: Any = signal + chance.normal(0, 0.1, count).astype(np.float32)
    if labels:
        y = np.digitize(signal, np.linspace(-2, 2, labels - 1)).astype(np.int32)
    subject = np.sort(chance.integers(0, subjects, count)).astype(np.int32) if subjects else None
    return Rows(x, y.astype(np.int32 if labels else np.float32), subject)


def invented_work(
    learner: Learner,
    shape: tuple[int, ...],
    labels: int,
    members: tuple[int, ...] = tuple(range(len(COUNTS))),
    size: int = 16,
    gradient: Gradient | None = None,
    subjects: int = 0,
    **more: Any,
) -> Work:
    """The training of those members: a member's rows, order and key depend on its number alone."""
    start = learner.init(Plan(invented_task(shape, labels)), jax.random.key(5))
    rows = tuple(invented_rows(COUNTS[m], shape, labels, m, subjects) for m in members)
    keys = keys_of((11, 0, m) for m in members)
    orders = shuffles([COUNTS[m] for m in members], size, 2, keys)
    given = {"models": True} | more
    return Work(learner, Cohort(rows), start, start, orders, keys, gradient=gradient, **given)
