"""Every rule of the table through one battery; means, medians and trimmed means against plain readings."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from tallystick.learning import fixed_point
from tallystick.learning.combine import RULES, coordinate_median, trimmed_mean, weighted_mean
from tallystick.learning.distances import (
    krum,
    multi_krum,
)
from tallystick.learning.posted import PostedModels
from tests.learning.posts import posted, with_models

EXACT = {"mean", "median", "trimmed_mean", "clipped_mean", "drop_worst"}  # the same bits in any order


@pytest.fixture(params=RULES)
def name(request) -> str:
    return request.param


def test_a_rule_gives_one_finite_model_and_leaves_its_input_alone(name: str) -> None:
    given = posted()
    before = given.models.copy()
    combined = RULES[name](2)(given)

    assert combined.shape == given.start.shape and combined.dtype == np.float32
    assert np.isfinite(combined).all()
    assert (given.models == before).all()
    assert combined.tobytes() == RULES[name](2)(posted()).tobytes()


def test_members_may_come_in_any_order(name: str) -> None:
    given = posted()
    mixed = given.chosen(np.random.default_rng(1).permutation(len(given)))
    one, other = RULES[name](2)(given), RULES[name](2)(mixed)

    if name in EXACT:
        assert one.tobytes() == other.tobytes()
    np.testing.assert_allclose(one, other, atol=1e-5)


def test_where_all_agree_so_does_the_rule(name: str) -> None:
    given = posted()
    agreed = with_models(given, np.tile(given.root, (9, 1)))

    np.testing.assert_allclose(RULES[name](2)(agreed), given.root, atol=1e-5)


def test_far_off_attackers_do_not_move_a_robust_rule(name: str) -> None:
    given = posted(members=11)
    spoilt = given.models.copy()
    spoilt[[3, 7]] = given.start - 500
    scores = given.scores.copy()
    scores[[3, 7]] = np.nan
    attacked = PostedModels(spoilt, given.start, given.weights, scores, given.root)
    honest = given.models[[m for m in range(11) if m not in (3, 7)]].mean(axis=0)
    off = np.linalg.norm(RULES[name](2)(attacked) - honest) / np.linalg.norm(honest - given.start)

    assert (off > 20) == (name == "mean")
    assert name == "mean" or off < 1.6


@pytest.mark.parametrize(
    "rule, needed", [(trimmed_mean, 5), (krum, 7), (multi_krum, 7), (RULES["mixing_geometric_median"], 5)]
)
def test_a_rule_says_how_many_members_it_needs(rule, needed: int) -> None:
    rule(2)(posted(needed))
    with pytest.raises(ValueError, match=f"at least {needed} members, not {needed - 1}"):
        rule(2)(posted(needed - 1))


def test_the_mean_is_that_of_the_fixed_point() -> None:
    given = posted()
    exact = np.average(given.models.astype(np.float64), axis=0, weights=given.weights)

    assert weighted_mean()(given).tobytes() == fixed_point.mean(given.models, given.weights).tobytes()
    np.testing.assert_allclose(weighted_mean()(given), exact, atol=1e-7)


@pytest.mark.parametrize("members", [1, 2, 8, 9])
def test_rules_by_coordinate_agree_with_numpy_and_scipy(members: int) -> None:
    given = posted(members, numbers=300_000 // members)
    np.testing.assert_allclose(coordinate_median()(given), np.median(given.models, axis=0), atol=1e-6)
    cut = (members - 1) // 2
    want = stats.trim_mean(given.models.astype(np.float64), cut / members + 1e-9, axis=0)
    np.testing.assert_allclose(trimmed_mean(cut)(given), want, atol=1e-6)


def test_one_of_two_rules_is_never_the_other() -> None:
    given = posted()
    results = {name: RULES[name](2)(given).tobytes() for name in RULES}
    alike = [pair for pair in combinations(RULES, 2) if results[pair[0]] == results[pair[1]]]

    assert alike == []
