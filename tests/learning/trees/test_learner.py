"""Boosted trees as a learner among others, without gradients to clip."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from tallystick.base.measure import named
from tallystick.base.task import task
from tallystick.learning.learner import Batches, CannotClipPerExample, Rows, plain
from tallystick.learning.trees.learner import boosted_trees
from tests.learning.trees.grown import CLEAN, TARGETS, Y

KEY = np.array([0, 7], np.uint32)


def given_rows(x: np.ndarray, y: np.ndarray, epochs: int = 1) -> Batches:
    order = np.tile(np.arange(-(-len(x) // 32) * 32).reshape(-1, 32), (epochs, 1))
    return Batches(Rows(x, y), np.where(order < len(x), order, -1), len(order))


@pytest.mark.parametrize("labels", [(), ("no", "yes"), ("low", "middle", "high")])
def test_trees_are_a_learner(labels):
    about = task([f"c{i}" for i in range(6)], "y", labels, None)
    plan = SimpleNamespace(task=about)
    objective = {0: "l1", 2: "binary", 3: "multiclass"}[len(labels)]
    y = TARGETS[objective][1].astype(np.float32 if not labels else np.int32)
    learner = boosted_trees(rounds=15, rate=0.2)
    model = learner.init(plan, KEY)
    rows = Rows(CLEAN.astype(np.float32), y)
    measure = named("mae") if not labels else named("accuracy")
    start = float(learner.evaluate(model, rows, measure))
    batches = given_rows(rows.x, y)
    trained = learner.train(model, learner.remember(model), batches, KEY, None)
    end = float(learner.evaluate(trained.model, rows, measure))
    assert end < start / 2 if not labels else end > 0.9 > start
    assert np.isfinite(trained.metrics["loss"])
    assert learner.predict(trained.model, rows.x).shape == ((1500, len(labels)) if labels else (1500,))
    again = learner.train(model, (), given_rows(rows.x, y, epochs=3), KEY, None)
    assert all(np.array_equal(trained.model[name], again.model[name]) for name in model)
    nothing = learner.train(model, (), given_rows(rows.x[:0], y[:0]), KEY, None)
    assert all(np.array_equal(nothing.model[name], model[name]) for name in model)


def test_trees_have_no_gradients_to_clip():
    learner = boosted_trees()
    assert not learner.capabilities.per_example_gradients and not learner.capabilities.parameters
    plan = SimpleNamespace(task=task(["a"], "y"))
    with pytest.raises(CannotClipPerExample, match="boosted-trees"):
        learner.train(learner.init(plan, KEY), (), given_rows(CLEAN[:, :1], Y), KEY, plain)
    assert replace(learner, name="x").settings["leaves"] == 31
