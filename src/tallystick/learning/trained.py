"""A model that a request recorded, with its learner and its task: it predicts and is evaluated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..base.task import Task
from ..data.inputs import features
from ..data.table import Table
from .learner import Learner, Model, Rows
from .measure import spread_of
from .rows import rows_of


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """The recorded model, ready to be used."""

    learner: Learner
    task: Task
    arrays: Model

    def predict(self, rows: Table | Rows | Any) -> Any:
        """A label for each row, or the predicted number in its own dimension."""
        x = features(rows, self.task) if isinstance(rows, Table) else getattr(rows, "x", rows)
        predicted = np.asarray(self.learner.predict(self.arrays, x))
        if self.task.labels:
            return np.array(self.task.labels)[predicted.argmax(axis=-1)]
        return predicted * float(self.task.target.spread) + float(self.task.target.centre)

    def evaluate(self, rows: Table | Rows) -> float:
        """The task's measure on these rows."""
        given = rows_of(rows, self.task) if isinstance(rows, Table) else rows
        return float(self.learner.evaluate(self.arrays, given, self.task.measure)) * spread_of(self.task)
