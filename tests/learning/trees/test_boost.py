"""Training goes on from a received forest as LightGBM would; what cannot be learnt is refused."""

from __future__ import annotations

import re
from pathlib import Path

import lightgbm
import numpy as np
import pytest

from tallystick.learning.trees import boost
from tallystick.learning.trees.arrays import empty, tensors_of
from tallystick.learning.trees.boost import TreeSettings, train
from tallystick.learning.trees.predict import predict
from tests.learning.trees.grown import TARGETS, X, Y, travelled


@pytest.mark.parametrize("objective", TARGETS)
def test_training_goes_on_from_a_received_forest(objective):
    outputs, y = TARGETS[objective]
    begun = empty(objective, outputs, 6)
    first = train(X[:750], y[:750], begun, TreeSettings(rounds=15))
    received = travelled(first, begun)
    second = train(X[750:], y[750:], received, TreeSettings(rounds=15))
    assert second.count == first.count + 15 * outputs

    def error(forest):
        found = predict(forest, X)
        return (
            np.abs(found - y).mean()
            if outputs == 1 and objective[0] == "l"
            else (found.argmax(1) != y).mean()
        )

    assert error(second) < error(first) < error(begun)


def test_going_on_equals_lightgbm_going_on():
    """`init_score` with our raw scores gives what LightGBM gives when it continues its own booster."""
    fixed = {"objective": "regression", "verbosity": -1, "num_threads": 1, "boost_from_average": False,
             "deterministic": True, "force_row_wise": True}  # fmt: skip
    base = Y[:750].mean()
    own = lightgbm.train(fixed, lightgbm.Dataset(X[:750], Y[:750], init_score=np.full(750, base)), 10)
    more = lightgbm.Dataset(X[750:], Y[750:], init_score=base + own.predict(X[750:], raw_score=True))
    wanted = base + own.predict(X) + lightgbm.train(fixed, more, 10).predict(X)
    ours = train(X[:750], Y[:750], empty("l2", 1, 6), TreeSettings(rounds=10))
    ours = train(X[750:], Y[750:], ours, TreeSettings(rounds=10))
    np.testing.assert_allclose(predict(ours, X), wanted, rtol=0, atol=1e-12)


def test_training_is_repeatable_and_rows_without_use_change_nothing():
    begun = empty("l2", 1, 6)
    one, other = (tensors_of(train(X, Y, begun, TreeSettings(columns=0.5, seed=9))) for _ in range(2))
    assert all(np.array_equal(one[name], other[name]) for name in one)
    assert train(X[:0], Y[:0], begun, TreeSettings()) is begun
    assert train(X, Y, begun, TreeSettings(rounds=0)) is begun
    np.testing.assert_array_equal(predict(begun, X), np.zeros(1500))
    np.testing.assert_array_equal(predict(empty("multiclass", 4, 6), X), np.full((1500, 4), 0.25))
    alone = train(X[:1], Y[:1], begun, TreeSettings())
    np.testing.assert_allclose(predict(alone, X[:1]), Y[:1])


def test_a_label_never_seen_does_not_become_impossible():
    outputs, y = TARGETS["multiclass"]
    seen = y != 2
    forest = train(X[seen], y[seen], empty("multiclass", outputs, 6), TreeSettings(rounds=5))
    share = predict(forest, X)[:, 2]
    assert share.min() > 0 and share.max() < 0.05
    both = train(X, y, forest, TreeSettings(rounds=20))
    assert (predict(both, X).argmax(1) == y).mean() > 0.85


@pytest.mark.parametrize(
    "x, y, objective, message",
    [
        (X, Y[:10], "l2", "1500 rows have 10 targets"),
        (np.full((30, 6), np.inf), np.zeros(30), "l2", "infinite"),
        (X, np.full(1500, np.nan), "l2", "not finite"),
        (X, Y, "binary", "labels must be the numbers 0 to 1"),
        (X, np.full(1500, 3.0), "multiclass", "labels must be the numbers 0 to 2"),
        (X[:, :4], Y, "l2", "4 features"),
    ],
)
def test_rows_that_cannot_be_learnt_are_refused(x, y, objective, message):
    with pytest.raises(ValueError, match=message):
        train(x, y, empty(objective, TARGETS[objective][0], 6), TreeSettings())


@pytest.mark.parametrize("wrong", [{"rounds": -1}, {"leaves": 1}, {"rate": 0}, {"columns": 2}, {"seed": -1}])
def test_settings_that_grow_nothing_are_refused(wrong):
    with pytest.raises(ValueError, match="grow no trees"):
        TreeSettings(**wrong)


def test_no_text_form_of_lightgbm_is_ever_read():
    source = Path(boost.__file__).resolve().parents[2]
    readers = re.compile(r"model_str|model_file|init_model|model_from_string|Booster\(")
    assert [path.name for path in source.rglob("*.py") if readers.search(path.read_text())] == []
