"""A try before anybody depends on it: a learner trains two steps on a unit's own rows, and is measured."""

from __future__ import annotations

import time
from dataclasses import dataclass

import jax
import numpy as np

from ..base.task import Task
from ..engines.errors import ClientError
from ..learning.batches import keys_of, widened
from ..learning.cohort import Cohort, Work, loop
from ..learning.learner import Learner, Rows, ensure_finite, model_of

ROWS = 32


@dataclass(frozen=True)
class _Tried:
    task: Task


def preflight(learner: Learner, task: Task, rows: Rows) -> str:
    """Two steps; what a learner cannot do with these rows is said, and nothing is sent."""
    learner, some = learner.on(task), min(ROWS, len(rows.y))
    if not some:
        raise ClientError(f"learner {learner.name}: there are no rows to train on")
    order = widened(np.tile(np.arange(some, dtype=np.int32), (2, 1)))
    begun = time.perf_counter()
    try:
        first = learner.init(_Tried(task), jax.random.key(0))
        keys = keys_of([("preflight", 0, learner.name)])
        work = Work(learner, Cohort((rows,)), first, first, (order,), tuple(keys), models=True, total=False)
        trained = loop(work).models
        made = first if trained is None else trained[0]
        model = made if isinstance(made, dict) else model_of(made, first)
        for name, part in model.items():
            ensure_finite(part, f"the model of {learner.name}, {name}:")
        value = float(learner.evaluate(model, rows, task.measure))
    except (TypeError, ValueError, ArithmeticError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ClientError(f"learner {learner.name} cannot train on these rows: {reason}") from None
    taken = time.perf_counter() - begun
    return f"{learner.name} trains ({taken:.1f} s for two steps); {task.measure.name} {value:.3f} on own rows"
