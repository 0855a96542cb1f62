"""Attacks: known powers on known laws, bounds that hold, and planted bugs that are caught."""

import math

import numpy as np
import pytest
from scipy import stats

from tallystick.base.events import SubsampledGaussian
from tallystick.privacy.accounting import total
from tallystick.privacy.audit import (
    canary_scores,
    invert_first_layer,
    likelihood_ratio,
    log_odds,
    membership,
    one_run,
    one_run_bound,
    one_run_p_value,
    proportion_interval,
    recovered,
)
from tallystick.privacy.randomness import seeded
from tallystick.privacy.training import hop, poisson_sample

DELTA = 1e-5


def test_membership_of_a_known_law() -> None:
    """Members score one standard deviation higher: AUC and TPR have closed forms."""
    rng = np.random.default_rng(1)
    member = np.arange(40_000) % 2 == 0
    attack = membership(rng.normal(size=40_000) + member, member)
    tpr = stats.norm.sf(stats.norm.isf(0.01) - 1)

    assert attack.auc == pytest.approx(stats.norm.cdf(1 / math.sqrt(2)), abs=0.01)
    assert attack.tpr == pytest.approx(tpr, abs=0.015)
    assert attack.tpr_interval[0] < attack.tpr < attack.tpr_interval[1]
    assert attack.protection == pytest.approx(1 - 2 * (attack.auc - 0.5))


def test_membership_without_signal_finds_nobody() -> None:
    """Equal scores: no more than the false positives, protection 1."""
    member = np.arange(1000) % 2 == 0
    assert membership(np.zeros(1000), member).tpr == 0.0
    assert membership(np.zeros(1000), member).protection == 1.0
    assert membership(-member.astype(float), member).protection == 1.0
    with pytest.raises(ValueError, match="need members"):
        membership(np.zeros(3), np.ones(3, bool))


def test_likelihood_ratio_beats_one_threshold_for_all() -> None:
    """Examples of different difficulty: LiRA compares each with its own shadows."""
    rng = np.random.default_rng(2)
    hardness = rng.normal(size=2000) * 5
    inside = rng.random((16, 2000)) < 0.5
    shadows = hardness + inside + rng.normal(size=inside.shape) * 0.7
    member = rng.random(2000) < 0.5
    target = hardness + member + rng.normal(size=2000) * 0.7

    plain = membership(target, member)
    for pooled in (True, False):
        better = membership(likelihood_ratio(target, shadows, inside, pooled=pooled), member)
        assert better.auc > 0.75 > 0.6 > plain.auc
    with pytest.raises(ValueError, match="at least two"):
        likelihood_ratio(target, shadows, np.ones_like(inside))
    with pytest.raises(ValueError, match="shapes"):
        likelihood_ratio(target[:5], shadows, inside)


def test_log_odds() -> None:
    """Symmetric, finite at the ends."""
    assert log_odds([0.5, 0.9]) == pytest.approx([0.0, math.log(9)])
    assert np.isfinite(log_odds([0.0, 1.0])).all()


def test_one_run_p_value_by_hand() -> None:
    """Without delta it is the binomial tail; with delta never below it."""
    assert one_run_p_value(100, 10, 10, 0.0, 0.0) == pytest.approx(0.5**10)
    assert one_run_p_value(100, 10, 9, math.log(3), 0.0) == pytest.approx(10 * 0.75**9 * 0.25 + 0.75**10)
    assert one_run_p_value(100, 10, 9, 1.0, 1e-3) > one_run_p_value(100, 10, 9, 1.0, 0.0)
    assert one_run_p_value(100, 10, 0, 1.0, 1e-3) == 1.0
    with pytest.raises(ValueError, match="not possible"):
        one_run_p_value(5, 6, 1, 1.0, 0.0)


def test_the_bound_on_randomised_response_holds_and_is_close() -> None:
    """Epsilon 2 exactly: of 200 runs at 95 % few bounds lie above, and the mean is within a tenth below."""
    rng = np.random.default_rng(3)
    correct = rng.binomial(3000, 1 / (1 + math.exp(-2.0)), 200)
    bounds = np.array([one_run_bound(3000, 3000, int(c), 0.0) for c in correct])

    assert np.count_nonzero(bounds > 2.0) <= 20
    assert 1.85 < bounds.mean() < 2.0
    assert one_run_bound(3000, 3000, 1500, 0.0) == 0.0
    assert one_run_bound(3000, 3000, 3000, 0.0) == pytest.approx(math.log(3000 / 3), abs=0.1)


def gradient_canaries(
    sigma_milli: int, steps: int, *, norm: float = 1.0, rate: int = 10**9, count: int = 20_000
) -> float:
    """One run of noised sums over orthogonal canaries, each included by a fair coin; the bound."""
    words = seeded("canaries", sigma_milli, steps, int(norm), rate, count)
    included = words(count) % np.uint64(2) == 0
    apply, _ = hop(1.0, sigma_milli, slack_ppm=0)
    scores = np.zeros(count)
    for _ in range(steps):
        sums = np.zeros(count)
        drawn = poisson_sample(count, rate, words)
        sums[drawn] = included[drawn] * norm
        scores += apply(sums, words)
    return one_run(scores, included, DELTA)


def stated(sigma_milli: int, steps: int, rate: int = 10**9) -> float:
    """The accountant's epsilon for the same."""
    return total([SubsampledGaussian(rate, sigma_milli, steps)], DELTA, "record").epsilon


@pytest.mark.parametrize(
    ("sigma", "steps", "rate"), [(500, 1, 10**9), (1000, 1, 10**9), (2000, 4, 10**9), (1000, 20, 10**8)]
)
def test_the_bound_stays_below_the_accountant(sigma: int, steps: int, rate: int) -> None:
    """The real mechanism, its strongest canaries, several settings."""
    bound = gradient_canaries(sigma, steps, rate=rate)

    assert bound <= stated(sigma, steps, rate)
    if rate == 10**9:
        assert bound > stated(sigma, steps) / 4


def test_planted_bugs_push_the_bound_over_what_is_stated() -> None:
    """Half the noise that is said, no clipping, everybody instead of a Poisson sample."""
    assert gradient_canaries(1000, 1, count=50_000) > stated(2000, 1)
    assert gradient_canaries(1000, 1, norm=5.0) > stated(1000, 1)
    assert gradient_canaries(1000, 1) > stated(1000, 1, 10**8)


def test_one_run_needs_one_flag_per_score() -> None:
    """Shapes are checked."""
    with pytest.raises(ValueError, match="one flag per canary"):
        one_run([1.0, 2.0], np.array([True]), DELTA)


def test_canary_scores_are_inner_products() -> None:
    """Over all releases."""
    releases, canaries = np.arange(6.0).reshape(2, 3), np.eye(3)[:2] * 2

    assert np.array_equal(canary_scores(releases, canaries), [2 * 3.0, 2 * 5.0])


def test_proportion_interval_by_hand() -> None:
    """Clopper and Pearson's edges: the rule of three, and the ends."""
    assert proportion_interval(0, 100) == (0.0, pytest.approx(1 - 0.025 ** (1 / 100)))
    assert proportion_interval(100, 100) == (pytest.approx(0.025 ** (1 / 100)), 1.0)


def first_layer_gradients(rows: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Summed gradients of a dense ReLU layer under a random loss."""
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(rows.shape[1], 256)) / 8
    back = rng.normal(size=(len(rows), 256)) * (rows @ weights + rng.normal(size=256) * 0.1 > 0)
    return rows.T @ back, back.sum(axis=0)


def test_inversion_recovers_a_row_and_noise_stops_it() -> None:
    """One row is given away exactly, of 32 few are; with clip 1 and sigma 0.05 none."""
    rows = np.random.default_rng(4).random((32, 64))
    weights, bias = first_layer_gradients(rows[:1], 5)
    assert recovered(invert_first_layer(weights, bias), rows[:1]) == 1.0
    many = recovered(invert_first_layer(*first_layer_gradients(rows, 5)), rows)
    assert many < 0.5

    flat = np.concatenate([weights.ravel(), bias])
    noised = hop(1.0, 50).apply(flat / np.linalg.norm(flat), seeded("inversion"))
    assert recovered(invert_first_layer(noised[:-256].reshape(64, 256), noised[-256:]), rows[:1]) == 0.0


def test_inversion_of_silent_units_and_bad_shapes() -> None:
    """Units without a bias gradient say nothing."""
    assert invert_first_layer(np.zeros((3, 2)), np.zeros(2)).shape == (0, 3)
    assert recovered(np.zeros((0, 3)), np.ones((1, 3))) == 0.0
    with pytest.raises(ValueError, match="expected gradients"):
        invert_first_layer(np.zeros((3, 2)), np.zeros(3))
    with pytest.raises(ValueError, match="no rows"):
        recovered(np.zeros((1, 3)), np.zeros((0, 3)))
