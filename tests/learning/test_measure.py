"""Values of measures against scikit-learn's, and their figures."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn import metrics

from tallystick.base.measure import MEASURES, BadMeasure, Measure, named, worst
from tallystick.base.task import Column, task
from tallystick.learning.measure import figure, spread_of, value_of


def drawn(rows: int, labels: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(seed)
    raw = np.round(chance.random((rows, labels)), 1) + 0.05  # rounded, so that there are ties
    return (raw / raw.sum(axis=1, keepdims=True)).astype(np.float32), chance.integers(0, labels, rows)


@pytest.mark.parametrize("labels", [2, 4])
@pytest.mark.parametrize("seed", range(3))
def test_classification_measures_agree_with_scikit_learn(labels: int, seed: int) -> None:
    p, y = drawn(60, labels, seed)
    hard = p.argmax(axis=1)
    areas = [metrics.roc_auc_score(y == label, p[:, label]) for label in range(labels)]
    want = {
        "accuracy": metrics.accuracy_score(y, hard),
        "macro_f1": metrics.f1_score(y, hard, average="macro"),
        "auc": areas[1] if labels == 2 else np.mean(areas),
        "loss_gain": math.log(labels) - metrics.log_loss(y, p, labels=list(range(labels))),
    }

    for name, value in want.items():
        assert float(value_of(MEASURES[name], p, y)) == pytest.approx(value, abs=1e-5), name


def test_regression_measures_agree_with_scikit_learn() -> None:
    chance = np.random.default_rng(4)
    y, p = chance.normal(size=50).astype(np.float32), chance.normal(size=50).astype(np.float32)

    assert float(value_of(MEASURES["mae"], p, y)) == pytest.approx(
        metrics.mean_absolute_error(y, p), rel=1e-5
    )
    assert float(value_of(MEASURES["rmse"], p, y)) == pytest.approx(
        metrics.root_mean_squared_error(y, p), rel=1e-5
    )
    assert float(value_of(MEASURES["loss_gain"], y, y)) == pytest.approx(float(np.mean(y**2)), rel=1e-5)


@pytest.mark.parametrize("name", MEASURES)
def test_padding_changes_nothing_and_nan_is_the_worst(name: str) -> None:
    measure = MEASURES[name]
    p, y = drawn(30, 3, 9)
    if name in ("mae", "rmse"):
        p, y = p[:, 0], y.astype(np.float32)
    mask = (np.arange(30) < 20).astype(np.float32)
    spoilt = p.copy()
    spoilt[25] = np.nan

    assert float(value_of(measure, spoilt, y, mask)) == pytest.approx(
        float(value_of(measure, p[:20], y[:20]))
    )
    broken = p.copy()
    broken[3] = np.inf
    assert figure(measure, float(value_of(measure, broken, y, mask))) == worst(measure)
    assert math.isnan(float(value_of(measure, p, y, np.zeros(30, np.float32))))


def test_one_confident_mistake_costs_a_bounded_loss() -> None:
    sure = np.array([[1.0, 0.0]], np.float32)

    assert float(value_of(MEASURES["loss_gain"], sure, np.array([1]))) == pytest.approx(
        math.log(2) - math.log(1e7), rel=1e-5
    )
    assert math.isnan(float(value_of(MEASURES["auc"], sure, np.array([1]))))


def test_figures_count_in_the_dimension_of_the_target() -> None:
    wear = task(["a"], Column("rul", "cycles", "75", "40"), measure=named("mae", "cycles", 125))

    assert spread_of(wear) == 40.0
    assert figure(wear.measure, 0.5, spread_of(wear)) == 160_000
    assert figure(wear.measure, 100.0, spread_of(wear)) == figure(wear.measure, math.nan) == 1_000_000
    assert figure(MEASURES["accuracy"], 0.25) == 250_000
    assert figure(MEASURES["accuracy"], math.inf) == 0
    assert spread_of(task(["a"], "b", [0, 1])) == 1.0


def test_a_measure_that_nothing_computes_is_refused() -> None:
    with pytest.raises(BadMeasure, match="nothing here computes 'r2'"):
        value_of(Measure("r2", "higher", "", 1, 0, 1), np.zeros(2), np.zeros(2))
