"""What a forest predicts, vectorised over rows and trees; sums run in LightGBM's order and give its bits."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from .arrays import LEFT, NAN_IS_MISSING, ZERO_IS_MISSING, Floats, Forest

PLACES = 1 << 20  # rows × trees that are walked at once: bounds the memory
ZERO = float(np.float32(1e-35))  # what LightGBM takes for 0


def features_of(x: Any, features: int) -> Floats:
    """Rows as 64-bit features; bytes count as shares of 255, as they do for every learner."""
    rows = np.asarray(x)
    flat = rows.reshape(len(rows), math.prod(rows.shape[1:]))
    if flat.shape[1] != features:
        raise ValueError(f"rows have {flat.shape[1]} features; the forest knows {features}")
    if flat.dtype == np.uint8:
        return flat.astype(np.float64) / 255
    values = np.array(flat, np.float64)
    values[np.abs(values) <= ZERO] = 0
    return values


def predict(forest: Forest, x: Any) -> npt.NDArray[np.float64]:
    """Probabilities [rows, labels], or the values [rows] of a regression: the mean over members.

    A forest without members says 0, or that all labels are alike.
    """
    total = None
    for member, scores in enumerate(raw_scores(forest, x)):
        part = linked(forest, scores) * forest.weights[member]
        total = part if total is None else total + part
    return linked(forest, np.zeros((len(x), forest.outputs))) if total is None else total


def linked(forest: Forest, scores: Floats) -> Floats:
    """From raw scores to predictions."""
    if forest.objective == "binary":
        positive = 1 / (1 + np.exp(-np.clip(scores[:, 0], -700, 700)))
        return np.stack([1 - positive, positive], axis=1)
    if forest.objective == "multiclass":
        shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
        share: Floats = shifted / shifted.sum(axis=1, keepdims=True)
        return share
    if forest.objective == "shares":
        # Leaves hold shares of rows; where they say nothing all labels are alike.
        real = np.maximum(scores, 0)
        total = real.sum(axis=1, keepdims=True)
        even = np.full_like(real, 1 / forest.outputs)
        np.divide(real, total, out=even, where=total > 0)
        return even
    return scores[:, 0]


def raw_scores(forest: Forest, x: Any) -> Iterator[Floats]:
    """Each member's raw scores [rows, outputs]: its start and, tree by tree, its leaves."""
    rows = features_of(x, forest.features)
    for member in range(len(forest.members) - 1):
        first, last = forest.members[member], forest.members[member + 1]
        scores = np.tile(forest.base[member], (len(rows), 1))
        if last > first:
            step = max(1, PLACES // int(last - first))
            for start in range(0, len(rows), step):
                values = leaf_values(forest, rows[start : start + step], int(first), int(last))
                sums = np.zeros((len(values), forest.outputs))
                for tree in range(values.shape[1]):
                    sums[:, tree % forest.outputs] += values[:, tree]
                scores[start : start + step] += sums
        yield scores


def leaf_values(forest: Forest, rows: Floats, first: int, last: int) -> Floats:
    """The leaf that each row reaches in each of these trees: all walk down together, level by level."""
    root = forest.trees[first:last].astype(np.int64)
    at = np.tile(root, len(rows))
    root_of = at.copy()
    row_of = np.repeat(np.arange(len(rows)), len(root))
    walking = np.arange(len(at))
    while True:
        node = at[walking]
        feature = forest.feature[node]
        inner = feature >= 0
        if not inner.all():
            walking, node, feature = walking[inner], node[inner], feature[inner]
        if not len(walking):
            return forest.value[at].reshape(len(rows), -1)
        left = goes_left(rows[row_of[walking], feature], forest.threshold[node], forest.missing[node])
        at[walking] = root_of[walking] + np.where(left, forest.left[node], forest.right[node])


def goes_left(value: Floats, threshold: Floats, missing: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """LightGBM's rule: NaN is 0 unless the node says that it is missing; what is missing has its own side."""
    left = value <= threshold
    absent = np.isnan(value)
    way = missing & 3
    if absent.any():
        zero = absent & (way != NAN_IS_MISSING)
        left = np.where(zero, threshold >= 0, left)
        left = np.where(absent & (way == NAN_IS_MISSING), (missing & LEFT) > 0, left)
    if np.any(way == ZERO_IS_MISSING):
        nothing = (way == ZERO_IS_MISSING) & (absent | (value == 0))
        left = np.where(nothing, (missing & LEFT) > 0, left)
    return left
