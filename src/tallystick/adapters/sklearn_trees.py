"""scikit-learn's trees and forests of them, as the validated arrays in which trees travel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone, is_classifier

from ..base.measure import Measure
from ..base.task import Task
from ..learning.learner import (
    Batches,
    Gradient,
    Memory,
    Model,
    Planned,
    Rows,
    Trained,
    ensure_finite,
    ensure_no_gradient,
)
from ..learning.measure import value_of
from ..learning.trees.arrays import Forest, empty, forest_of, tensors_of
from ..learning.trees.predict import predict
from . import own

TREES = (
    "RandomForestClassifier", "RandomForestRegressor", "ExtraTreesClassifier", "ExtraTreesRegressor",
    "DecisionTreeClassifier", "DecisionTreeRegressor",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Trees:
    """A tree or a forest for one task: a training fits a new one, whatever it received."""

    estimator: Any
    name: str
    task: Task

    def init(self, plan: Planned, key: Any) -> Model:
        """A forest without trees."""
        own.ensure_kind(self.name, is_classifier(self.estimator), self.task)
        return tensors_of(self._none())

    def remember(self, model: Model) -> Memory:
        return ()

    def train(
        self, model: Model, memory: Memory, batches: Batches, key: Any, gradient: Gradient | None
    ) -> Trained:
        """Fit on the rows that the order names, each once."""
        ensure_no_gradient(self.name, gradient)
        taken = own.rows_taken(batches)
        if not len(taken.y):
            return Trained(tensors_of(self._none()), memory, {"loss": np.float32(0)})
        rows = _flat(taken.x)
        ensure_finite(rows, f"rows of a member of {self.name}")
        made = clone(self.estimator).set_params(random_state=own.seed_of(key))
        made.fit(rows, np.asarray(taken.y))
        forest = forest_from(made, len(self.task.labels), self._features)
        return Trained(tensors_of(forest), memory, {"loss": own.loss_of(predict(forest, rows), taken.y)})

    def predict(self, model: Model, x: Any) -> Any:
        """Probabilities [rows, labels], or values [rows]."""
        return predict(forest_of(model), _flat(x))

    def evaluate(self, model: Model, rows: Rows, measure: Measure) -> Any:
        return value_of(measure, self.predict(model, rows.x), rows.y)

    @property
    def _features(self) -> int:
        return int(np.prod(self.task.shape))

    def _none(self) -> Forest:
        labels = len(self.task.labels)
        return empty("shares" if labels else "l2", labels or 1, self._features)


def forest_from(made: Any, labels: int, features: int) -> Forest:
    """The arrays of a fitted estimator: for each tree one a label, whose leaves hold that label's share."""
    trees = [tree.tree_ for tree in getattr(made, "estimators_", [made])]
    outputs = max(labels, 1)
    known = np.asarray(made.classes_, np.int64) if labels else np.zeros(1, np.int64)
    parts: dict[str, list[Any]] = {name: [] for name in ("feature", "threshold", "left", "right", "value")}
    sizes = []
    for tree in trees:
        leaf = tree.children_left < 0
        shares = np.zeros((len(leaf), outputs))
        shares[:, known] = tree.value[:, 0, :]
        if labels:
            shares /= shares.sum(axis=1, keepdims=True)
        for output in range(outputs):
            sizes.append(len(leaf))
            parts["feature"].append(np.where(leaf, -1, tree.feature))
            parts["threshold"].append(np.where(leaf, 0.0, tree.threshold))
            parts["left"].append(np.where(leaf, 0, tree.children_left))
            parts["right"].append(np.where(leaf, 0, tree.children_right))
            parts["value"].append(np.where(leaf, shares[:, output] / len(trees), 0.0))
    joined = {name: np.concatenate(some) for name, some in parts.items()}
    whole = {name: joined[name].astype(np.int32) for name in ("feature", "left", "right")}
    return Forest(
        "shares" if labels else "l2",
        outputs,
        features,
        members=np.array([0, len(sizes)], np.int32),
        weights=np.ones(1),
        base=np.zeros((1, outputs)),
        trees=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32),
        threshold=joined["threshold"],
        missing=np.zeros(len(joined["value"]), np.uint8),
        value=joined["value"],
        **whole,
    )


def _flat(x: Any) -> Any:
    rows = own.floats_of(x)
    return rows.reshape(len(rows), int(np.prod(rows.shape[1:])))
