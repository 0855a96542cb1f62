"""Every rule of the table through one battery, and each against a plain reading of its formula."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from tallystick.learning import fixed_point
from tallystick.learning.combine import RULES, coordinate_median, trimmed_mean, weighted_mean
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
from tallystick.learning.learner import NotFinite
from tallystick.learning.posted import PostedModels, after
from tallystick.learning.weighting import clip_norms, drop_worst, trust_root

EXACT = {"mean", "median", "trimmed_mean", "clipped_mean", "drop_worst"}  # the same bits in any order


def posted(members: int = 9, numbers: int = 700, seed: int = 0, **more) -> PostedModels:
    chance = np.random.default_rng(seed)
    start = chance.normal(size=numbers).astype(np.float32)
    models = start + chance.normal(0.3, 0.5, (members, numbers)).astype(np.float32)
    given = {
        "weights": chance.integers(1, 50, members),
        "scores": chance.normal(size=members),
        "root": start + np.float32(0.2),
    } | more
    return PostedModels(models, start, **given)


def with_models(given: PostedModels, models: np.ndarray) -> PostedModels:
    return PostedModels(models.astype(np.float32), given.start, given.weights, given.scores, given.root)


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


def test_values_that_are_not_finite_never_reach_a_rule() -> None:
    given = posted()
    for bad in (np.nan, np.inf, -np.inf):
        spoilt = given.models.copy()
        spoilt[4, 5] = bad
        with pytest.raises(NotFinite, match="members 4 hold"):
            with_models(given, spoilt)
    spoilt = given.models.copy()
    spoilt[2, 0], spoilt[2, 1] = np.inf, -np.inf
    with pytest.raises(NotFinite, match="members 2 hold"):
        with_models(given, spoilt)
    with pytest.raises(NotFinite, match="the root"):
        posted(root=np.full(700, np.nan, np.float32))


@pytest.mark.parametrize("wrong, word", [
    ({"weights": np.zeros(9, np.int64)}, "one of them above"),
    ({"weights": np.ones(3, np.int64)}, "of those sizes"),
    ({"scores": np.ones(3)}, "as many scores"),
])  # fmt: skip
def test_what_does_not_belong_together_is_refused(wrong, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        posted(**wrong)
    with pytest.raises(ValueError, match="nobody posted"):
        posted(members=0)


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


def test_krum_by_its_definition() -> None:
    given, f = posted(9), 2
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


def test_clipping_shortens_long_steps_only() -> None:
    given = posted()
    lengths = np.linalg.norm(given.updates(), axis=1)
    for bound, limit in ((None, np.median(lengths)), (float(lengths.min()) * 0.5, lengths.min() * 0.5)):
        clipped = clip_norms(bound)(given)
        np.testing.assert_allclose(
            np.linalg.norm(clipped.updates(), axis=1), np.minimum(lengths, limit), rtol=1e-5
        )
        kept = lengths <= limit
        assert (clipped.models[kept] == given.models[kept]).all()
    with pytest.raises(ValueError, match="finite and above 0"):
        clip_norms(0.0)


def test_trust_weighs_by_the_cosine_and_takes_the_roots_length() -> None:
    given = posted()
    steps, aim = given.updates().astype(np.float64), given.root.astype(np.float64) - given.start
    cosines = steps @ aim / np.linalg.norm(steps, axis=1) / np.linalg.norm(aim)
    scaled = steps / np.linalg.norm(steps, axis=1, keepdims=True) * np.linalg.norm(aim)
    want = given.start + np.maximum(cosines, 0) @ scaled / np.maximum(cosines, 0).sum()

    np.testing.assert_allclose(trust_root()(given), want, atol=1e-5)
    turned = with_models(given, 2 * given.start - np.abs(given.updates()) - given.start + 0 * given.models)
    assert (trust_root()(turned) == given.start).all()
    with pytest.raises(ValueError, match="needs a root"):
        trust_root()(posted(root=None))


def test_the_worst_by_score_are_dropped_and_the_unscored_first() -> None:
    given = posted(4, scores=np.array([0.3, np.nan, 0.1, 0.2]))

    assert drop_worst(1)(given).scores.tolist() == [0.3, 0.1, 0.2]
    assert drop_worst(2)(given).scores.tolist() == [0.3, 0.2]
    assert after(drop_worst(3), rule=weighted_mean())(given) == pytest.approx(given.models[0], abs=1e-7)
    for wrong in (4, -1):
        with pytest.raises(ValueError, match="cannot be dropped"):
            drop_worst(wrong)(given)
    with pytest.raises(ValueError, match="needs the judges' scores"):
        drop_worst(1)(posted(scores=None))


def test_one_of_two_rules_is_never_the_other() -> None:
    given = posted()
    results = {name: RULES[name](2)(given).tobytes() for name in RULES}
    alike = [pair for pair in combinations(RULES, 2) if results[pair[0]] == results[pair[1]]]

    assert alike == []


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
