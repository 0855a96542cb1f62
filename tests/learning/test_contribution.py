"""Contribution: Shapley's axioms, drawn orders against all orders, and a model's own values."""

from __future__ import annotations

from itertools import permutations

import jax
import numpy as np
import pytest

from tallystick.base.measure import MEASURES
from tallystick.learning import models
from tallystick.learning.contribution import leave_one_out, shapley, shapley_drawn, values_of_means
from tallystick.learning.judge import judging
from tallystick.learning.learner import vector_of
from tests.learning.cohorts import Plan, invented_rows, invented_task

WORTH = np.array([3.0, 1.0, 0.0, 2.0, 0.5])


def game(subsets: np.ndarray) -> np.ndarray:
    """Members 0 and 3 are worth more together; member 2 never matters."""
    return subsets @ WORTH + 4.0 * (subsets[:, 0] & subsets[:, 3]) - 1.5 * (subsets[:, 1] & subsets[:, 4])


def by_orders(members: int) -> np.ndarray:
    gains = np.zeros(members)
    orders = list(permutations(range(members)))
    for order in orders:
        subset = np.zeros((1, members), bool)
        for member in order:
            before = game(subset)[0]
            subset[0, member] = True
            gains[member] += game(subset)[0] - before
    return gains / len(orders)


def test_shapley_is_the_mean_over_all_orders() -> None:
    found = shapley(game, 5)

    np.testing.assert_allclose(found, by_orders(5))
    np.testing.assert_allclose(found.sum(), game(np.ones((1, 5), bool))[0])
    assert found[2] == 0
    with pytest.raises(ValueError, match="13 members have"):
        shapley(game, 13)


def test_drawn_orders_come_close_and_say_how_close() -> None:
    found, error = shapley_drawn(game, 5, orders=400, seed=1)
    exact = shapley(game, 5)

    assert (np.abs(found - exact) <= 5 * error + 1e-9).all()
    assert found.sum() == pytest.approx(exact.sum())
    assert error[2] == 0 and error[0] > 0
    with pytest.raises(ValueError, match="at least 2"):
        shapley_drawn(game, 5, orders=1, seed=1)


def test_truncation_asks_for_fewer_values() -> None:
    asked = []

    def counted(subsets: np.ndarray) -> np.ndarray:
        asked.append(len(subsets))
        return np.minimum(subsets.sum(axis=1), 2).astype(float)

    shapley_drawn(counted, 8, orders=10, seed=0)
    full, asked[:] = sum(asked), []
    found, _ = shapley_drawn(counted, 8, orders=10, seed=0, tolerance=0.01)

    assert sum(asked) == 2 + 2 * 10 and full == 2 + 8 * 10
    assert found.sum() == pytest.approx(2.0)


def test_leaving_one_out_shows_what_it_adds_at_the_end() -> None:
    np.testing.assert_allclose(leave_one_out(game, 5), [7.0, -0.5, 0.0, 6.0, -1.0])


@pytest.mark.parametrize("labels, name", [(3, "accuracy"), (0, "mae")])
def test_subsets_are_valued_by_their_weighted_mean(labels: int, name: str) -> None:
    learner, rows = models.linear(), invented_rows(40, (4,), labels, 2)
    like = learner.init(Plan(invented_task((4,), labels)), jax.random.key(0))
    stack = np.random.default_rng(0).normal(size=(3, 5 * (labels or 1))).astype(np.float32)
    start = vector_of(like)
    values = values_of_means(judging(), learner, stack, [1, 2, 3], start, like, rows, MEASURES[name])
    found = values(np.array([[True, False, True], [False, False, False]]))

    mean = (stack[0] + 3 * stack[2]) / 4
    sign = 1 if name == "accuracy" else -1
    for value, vector in zip(found, (mean, start), strict=True):
        model = {
            "head/bias": vector[: labels or 1],
            "head/weight": vector[labels or 1 :].reshape(4, labels or 1),
        }
        want = float(learner.evaluate(model, rows, MEASURES[name]))
        assert value == pytest.approx(sign * want, rel=1e-5)
