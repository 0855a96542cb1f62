"""Rules by distance against plain readings of their formulas: geometric medians, Krum, mixing."""

from __future__ import annotations

import numpy as np
import pytest

from tallystick.learning.distances import (
    MANY,
    by_passes,
    geometric_median,
    krum,
    multi_krum,
    nearest_mixing,
    products,
    squared_distances,
    weiszfeld,
)
from tests.learning.posts import posted, with_models


@pytest.mark.parametrize("weighted", [False, True])
def test_no_point_near_the_geometric_median_is_better(weighted: bool) -> None:
    given = posted(numbers=6)
    weights = given.weights if weighted else np.ones(9)
    found = geometric_median(weighted)(given)

    def total(z: np.ndarray) -> float:
        return float(weights @ np.linalg.norm(given.models.astype(np.float64) - z, axis=1))

    for seed in range(200):
        step = np.random.default_rng(seed).normal(size=6)
        assert total(found) <= total(found + 1e-3 * step) + 1e-9


def test_the_geometric_median_may_be_one_of_the_models() -> None:
    given = posted(5, 3)
    corner = np.tile(given.models[0], (5, 1))
    corner[4] += 100

    np.testing.assert_allclose(geometric_median()(with_models(given, corner)), given.models[0], atol=1e-3)


@pytest.mark.parametrize("seed", range(8))
def test_krum_by_its_definition(seed: int) -> None:
    given, f = posted(9, seed=seed), 2
    n = len(given)
    distances = ((given.models[:, None].astype(np.float64) - given.models[None]) ** 2).sum(axis=2)
    scores = [sum(sorted(np.delete(distances[i], i))[: n - f - 2]) for i in range(n)]
    best = np.argsort(scores)

    np.testing.assert_allclose(squared_distances(given.models), distances, rtol=1e-4, atol=1e-3)
    assert (krum(f)(given) == given.models[best[0]]).all()
    np.testing.assert_allclose(multi_krum(f)(given), given.models[best[: n - f]].mean(axis=0), atol=1e-6)


def test_mixing_takes_the_nearest() -> None:
    given = posted(5, 40)
    distances = ((given.models[:, None].astype(np.float64) - given.models[None]) ** 2).sum(axis=2)
    want = [given.models[np.argsort(row)[:4]].mean(axis=0) for row in distances]

    np.testing.assert_allclose(nearest_mixing(1)(given).models, want, atol=1e-5)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_geometric_median_of_many_is_the_one_of_few(weighted: bool) -> None:
    given = posted(members=MANY + 60, numbers=500)
    attacked = given.models.copy()
    attacked[::4] = given.start - 20 * (attacked[::4] - given.start)
    given = with_models(given, attacked)
    alpha = given.weights / given.weights.sum() if weighted else np.full(len(given), 1 / len(given))
    want = weiszfeld(products(given.models), alpha) @ given.models
    found = geometric_median(weighted)(given)

    np.testing.assert_allclose(found, want, atol=2e-4)
    assert found.tobytes() == by_passes(given.models, alpha).tobytes()
    assert np.linalg.norm(found - given.models.mean(axis=0)) > 100 * np.linalg.norm(found - want)


def test_the_geometric_median_of_many_equal_models_is_that_model() -> None:
    given = posted(members=MANY + 1, numbers=50)
    equal = np.tile(given.models[0], (MANY + 1, 1))
    found = geometric_median()(with_models(given, equal))
    np.testing.assert_allclose(found, equal[0], rtol=1e-6)

    equal[7] += 100
    np.testing.assert_allclose(geometric_median()(with_models(given, equal)), equal[0], rtol=1e-5, atol=1e-5)
