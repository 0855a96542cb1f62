"""LightGBM trains; a received forest is continued by its raw scores, so that no text form is ever parsed.

The start is ours (smoothed shares of the labels, or the mean), not LightGBM's: where a member has never seen
a label, LightGBM would start it at ln(1e-15) and the next members could hardly undo that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .arrays import (
    LEFT,
    NAN_IS_MISSING,
    NAN_IS_ZERO,
    ZERO_IS_MISSING,
    Floats,
    Forest,
    empty,
    ensure_sound,
    extended,
)
from .predict import features_of, raw_scores

LIGHTGBM = {"l2": "regression", "l1": "regression_l1", "binary": "binary", "multiclass": "multiclass"}
MISSING = {"None": NAN_IS_ZERO, "Zero": ZERO_IS_MISSING, "NaN": NAN_IS_MISSING}


@dataclass(frozen=True, slots=True)
class TreeSettings:
    """How a member's trees are grown."""

    rounds: int = 20  # trees for each output
    leaves: int = 31
    rate: float = 0.1
    least: int = 20  # rows in a leaf
    l2: float = 0.0
    columns: float = 1.0  # share of the features that a tree may use
    seed: int = 0
    threads: int = 1

    def __post_init__(self) -> None:
        whole = (
            self.rounds >= 0,
            self.leaves >= 2,
            self.least >= 1,
            self.threads >= 1,
            0 <= self.seed < 2**31,
        )
        if not (all(whole) and 0 < self.rate <= 1 and self.l2 >= 0 and 0 < self.columns <= 1):
            raise ValueError(f"these settings grow no trees: {self}")


def ensure_rows(x: Floats, y: Floats, objective: str, outputs: int) -> None:
    """Targets must be finite and known; features may be missing (NaN) but not infinite."""
    if len(x) != len(y):
        raise ValueError(f"{len(x)} rows have {len(y)} targets")
    if np.isinf(x).any() or not np.isfinite(y).all():
        raise ValueError("a feature is infinite, or a target is not finite")
    labels = 2 if objective == "binary" else outputs
    if objective in ("binary", "multiclass") and len(y) and not np.isin(y, np.arange(labels)).all():
        raise ValueError(f"labels must be the numbers 0 to {labels - 1}")


def start_of(objective: str, outputs: int, y: Floats) -> Floats:
    """The raw score to begin from: the mean, the median, or the log of smoothed shares."""
    if objective == "l2":
        return np.array([y.mean()])
    if objective == "l1":
        return np.array([np.median(y)])
    labels = 2 if objective == "binary" else outputs
    counts = np.bincount(y.astype(np.int64), minlength=labels) + 1.0
    shares = np.log(counts / counts.sum())
    return np.array([shares[1] - shares[0]]) if objective == "binary" else shares


def alone(like: Forest, base: Floats) -> Forest:
    """One member's booster without trees, beginning from these raw scores."""
    none = empty(like.objective, like.outputs, like.features)
    ends, base = np.zeros(2, np.int32), np.asarray(base, np.float64).reshape(1, like.outputs)
    return replace(none, members=ends, weights=np.ones(1), base=base)


def train(x: Any, y: Any, start: Forest, settings: TreeSettings) -> Forest:
    """The start with `settings.rounds` more trees; without rows it stays as it is.

    Deterministic for one LightGBM version and one number of threads.
    """
    import lightgbm

    if len(start.weights) > 1:
        raise ValueError(
            f"a forest of {len(start.weights)} members cannot be continued: a mean of predictions has "
            "no raw score to go on from; continue one member's forest, or begin anew"
        )
    rows, target = features_of(x, start.features), np.asarray(y, np.float64).reshape(-1)
    ensure_rows(rows, target, start.objective, start.outputs)
    if not len(rows) or not settings.rounds:
        return start
    if not len(start.weights):
        start = alone(start, start_of(start.objective, start.outputs, target))
    scores = next(raw_scores(start, rows))
    begin = scores if start.outputs > 1 else scores[:, 0]
    data = lightgbm.Dataset(rows, target, init_score=begin, params={"verbosity": -1}, free_raw_data=True)
    booster = lightgbm.train(parameters(start, settings), data, num_boost_round=settings.rounds)
    return extended(start, forest_from(booster.dump_model(), start))


def parameters(start: Forest, settings: TreeSettings) -> dict[str, Any]:
    """LightGBM's own names for the settings; everything that could differ between two runs is fixed."""
    named = {
        "objective": LIGHTGBM[start.objective],
        "learning_rate": settings.rate,
        "num_leaves": settings.leaves,
        "min_data_in_leaf": settings.least,
        "lambda_l2": settings.l2,
        "feature_fraction": settings.columns,
        "seed": settings.seed,
        "num_threads": settings.threads,
        "boost_from_average": False,
        "deterministic": True,
        "force_row_wise": True,
        "zero_as_missing": False,
        "verbosity": -1,
    }
    return {**named, "num_class": start.outputs} if start.objective == "multiclass" else named


def forest_from(model: dict[str, Any], like: Forest) -> Forest:
    """The arrays of a booster of this process, as its `dump_model()` gives it; numerical splits only."""
    nodes: dict[str, list[Any]] = {
        name: [] for name in ("feature", "threshold", "left", "right", "missing", "value")
    }
    ends = [0]
    for tree in model["tree_info"]:
        for line in lines(tree["tree_structure"]):
            for name, number in zip(nodes, line, strict=True):
                nodes[name].append(number)
        ends.append(len(nodes["feature"]))
    forest = replace(
        alone(like, np.zeros(like.outputs)),
        members=np.array([0, len(ends) - 1], np.int32),
        trees=np.array(ends, np.int32),
        feature=np.array(nodes["feature"], np.int32),
        threshold=np.array(nodes["threshold"], np.float64),
        left=np.array(nodes["left"], np.int32),
        right=np.array(nodes["right"], np.int32),
        missing=np.array(nodes["missing"], np.uint8),
        value=np.array(nodes["value"], np.float64),
    )
    ensure_sound(forest)
    return forest


def lines(root: dict[str, Any]) -> Iterator[tuple[int, float, int, int, int, float]]:
    """The nodes of a tree, parents first: feature, threshold, left, right, missing, value."""
    waiting = [root]
    for node in waiting:  # grows while it is walked
        if "split_feature" not in node:
            yield -1, 0.0, 0, 0, 0, float(node["leaf_value"])
            continue
        if node["decision_type"] != "<=":
            raise ValueError(f"a split of kind {node['decision_type']!r}: code categories as numbers first")
        left = len(waiting)
        waiting += [node["left_child"], node["right_child"]]
        missing = MISSING[node["missing_type"]] | (LEFT if node["default_left"] else 0)
        yield int(node["split_feature"]), float(node["threshold"]), left, left + 1, missing, 0.0
