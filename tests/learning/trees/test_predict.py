"""Our predictor gives LightGBM's numbers, whatever the types, shapes and sizes of the rows."""

from __future__ import annotations

import lightgbm
import numpy as np
import pytest

from tallystick.learning.trees.arrays import empty
from tallystick.learning.trees.boost import LIGHTGBM, TreeSettings, forest_from, train
from tallystick.learning.trees.predict import PLACES, features_of, predict, raw_scores
from tests.learning.trees.grown import CLEAN, TARGETS, X, Y


def native(objective: str, **parameters: object) -> lightgbm.Booster:
    outputs, y = TARGETS[objective]
    named = {"objective": LIGHTGBM[objective], "verbosity": -1, "num_threads": 1, **parameters}
    if outputs > 1:
        named["num_class"] = outputs
    return lightgbm.train(named, lightgbm.Dataset(X, y, params={"verbosity": -1}), 25)


@pytest.mark.parametrize("objective", TARGETS)
@pytest.mark.parametrize(
    "parameters", [{}, {"use_missing": False}, {"zero_as_missing": True}, {"num_leaves": 2}]
)
def test_predictions_equal_lightgbm(objective, parameters):
    booster = native(objective, **parameters)
    forest = forest_from(booster.dump_model(), empty(objective, TARGETS[objective][0], 6))
    np.testing.assert_array_equal(next(raw_scores(forest, X)).squeeze(), booster.predict(X, raw_score=True))
    found, wanted = predict(forest, X), booster.predict(X)
    np.testing.assert_allclose(found[:, 1] if objective == "binary" else found, wanted, rtol=0, atol=1e-12)


def test_rows_that_lie_on_a_threshold_go_left_as_in_lightgbm():
    booster = native("l2")
    forest = forest_from(booster.dump_model(), empty("l2", 1, 6))
    inner = np.flatnonzero(forest.feature >= 0)
    rows = CLEAN[np.arange(len(inner)) % len(CLEAN)].copy()
    rows[np.arange(len(inner)), forest.feature[inner]] = forest.threshold[inner]
    np.testing.assert_array_equal(predict(forest, rows), booster.predict(rows))


def test_rows_in_other_types_and_shapes_are_the_same_rows():
    forest = train(CLEAN, Y, empty("l2", 1, 6), TreeSettings(rounds=5))
    single = CLEAN.astype(np.float32)
    np.testing.assert_array_equal(predict(forest, single), predict(forest, single.astype(float)))
    np.testing.assert_array_equal(predict(forest, CLEAN), predict(forest, CLEAN.reshape(-1, 2, 3)))
    np.testing.assert_array_equal(features_of(np.array([[0, 255]], np.uint8), 2), [[0, 1]])
    assert predict(forest, CLEAN[:0]).shape == (0,)
    with pytest.raises(ValueError, match="5 features"):
        predict(forest, CLEAN[:, :5])


def test_many_rows_and_trees_are_walked_in_pieces():
    forest = train(CLEAN, Y, empty("l2", 1, 6), TreeSettings(rounds=40))
    rows = np.tile(CLEAN, (20, 1))
    assert len(rows) * forest.count > PLACES
    np.testing.assert_array_equal(predict(forest, rows), np.tile(predict(forest, CLEAN), 20))
