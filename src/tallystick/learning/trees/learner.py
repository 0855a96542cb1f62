"""Boosted trees as a learner: no gradients to hook into, continued from a forest, averaged by prediction."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import numpy as np

from ...base.measure import Measure
from ...base.task import Task
from ..learner import (
    Batches,
    Capabilities,
    Gradient,
    Learner,
    Memory,
    Planned,
    Rows,
    Trained,
    ensure_no_gradient,
)
from ..measure import value_of
from .arrays import Floats, Forest, empty, forest_of, tensors_of
from .boost import TreeSettings, train
from .predict import predict

CAPABILITIES = Capabilities(parameters=False, continues=True, per_example_gradients=False, predictions=True)
LOSS_FLOOR = 1e-7


def begun(task: Task) -> Forest:
    """The forest without trees that a task asks for."""
    features = int(np.prod(task.shape))
    if not task.labels:
        return empty("l1" if task.measure.name == "mae" else "l2", 1, features)
    if len(task.labels) == 2:
        return empty("binary", 1, features)
    return empty("multiclass", len(task.labels), features)


def rows_taken(batches: Batches) -> tuple[Any, Floats]:
    """The rows that an order names, each once: trees see all of them together."""
    places = np.asarray(batches.index)[: int(batches.steps)]
    rows = np.unique(places[places >= 0])
    return np.asarray(batches.rows.x)[rows], np.asarray(batches.rows.y, np.float64)[rows]


def loss_of(forest: Forest, predicted: Floats, y: Floats) -> np.float32:
    """The mean loss, in the objective's own terms."""
    if not len(y):
        return np.float32(0)
    if forest.objective in ("binary", "multiclass"):
        chance = predicted[np.arange(len(y)), y.astype(np.int64)]
        return np.float32(-np.log(np.maximum(chance, LOSS_FLOOR)).mean())
    wrong = np.abs(predicted - y)
    return np.float32(wrong.mean() if forest.objective == "l1" else (wrong**2).mean())


def boosted_trees(
    rounds: int = 20,
    leaves: int = 31,
    rate: float = 0.1,
    least: int = 20,
    l2: float = 0.0,
    columns: float = 1.0,
) -> Learner:
    """LightGBM's trees: `rounds` more for each output and training; a model is a forest's arrays."""
    settings = TreeSettings(rounds, leaves, rate, least, l2, columns)

    def init(plan: Planned, key: Any) -> dict[str, Any]:
        return tensors_of(begun(plan.task))

    def go_on(model: Any, memory: Memory, batches: Batches, key: Any, gradient: Gradient | None) -> Trained:
        ensure_no_gradient("boosted-trees", gradient)
        x, y = rows_taken(batches)
        drawn = int(np.asarray(key).reshape(-1)[-1]) & 0x7FFFFFFF
        forest = train(x, y, forest_of(model), replace(settings, seed=drawn))
        grown: Any = tensors_of(forest)
        metrics: Any = {"loss": loss_of(forest, predict(forest, x), y)}
        return Trained(grown, memory, metrics)

    def foretell(model: Any, x: Any) -> Any:
        return predict(forest_of(model), x)

    def evaluate(model: Any, rows: Rows, measure: Measure) -> Any:
        return value_of(measure, foretell(model, rows.x), rows.y)

    chosen = {name: number for name, number in asdict(settings).items() if name not in ("seed", "threads")}
    return Learner(
        "boosted-trees", "1", CAPABILITIES, False, init, lambda model: (), go_on, foretell, evaluate, chosen
    )
