"""Noise inside training: Poisson samples, noised sums, and a sensitivity that rounding cannot break."""

import numpy as np
import pytest
from scipy import stats

from tallystick.base.events import Gaussian, SubsampledGaussian
from tallystick.learning.learner import NotFinite
from tallystick.privacy.clipping import GRID
from tallystick.privacy.randomness import seeded
from tallystick.privacy.training import (
    dp_sgd,
    grid_sensitivity,
    hop,
    over_arrays,
    poisson_batches,
    poisson_sample,
)


def test_events_say_rate_noise_and_steps() -> None:
    """The event of a round counts its steps; a hop uses all rows."""
    assert dp_sgd(0.5, 64_000_000, 1420, steps=16).event == SubsampledGaussian(64_000_000, 1420, 16)
    assert hop(1.0, 900).event == Gaussian(900, 1)


def test_the_noise_has_the_stated_deviation() -> None:
    """sigma x clip, and a little more for what rounding may add."""
    apply, _ = dp_sgd(0.5, 64_000_000, 1420, steps=1)
    sums = np.linspace(-30, 30, 100_000)
    noise = apply(sums, seeded("sgd")) - sums
    deviation = 1.42 * 0.5 * grid_sensitivity(len(sums), 1000) / GRID

    assert 1.42 * 0.5 < deviation < 1.42 * 0.5 * 1.002
    assert stats.kstest(noise / deviation, stats.norm.cdf).pvalue > 1e-4


def test_rounded_sums_of_neighbours_stay_within_the_sensitivity() -> None:
    """A row of length clip, added in float32 to a sum of 1,000 others in any order, on the grid."""
    rng = np.random.default_rng(5)
    rows = rng.normal(size=(1000, 500)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    longest = 0.0
    for out in range(20):
        full = rng.permutation(rows).sum(axis=0)
        less = np.delete(rows, out, axis=0).sum(axis=0)
        difference = np.trunc(full.astype(float) * GRID) - np.trunc(less.astype(float) * GRID)
        longest = max(longest, float(np.linalg.norm(difference)))

    assert longest <= grid_sensitivity(500, 1000)
    assert longest > GRID * 0.999


def test_integer_sums_need_no_slack() -> None:
    """Only the rounding of the sums themselves remains."""
    assert grid_sensitivity(100, 0) == GRID + 15
    assert grid_sensitivity(100, 1000) == GRID + 15 + 1049
    with pytest.raises(ValueError, match="slack"):
        dp_sgd(1.0, 10**9, 1000, steps=1, slack_ppm=-1)


def test_unclipped_and_infinite_sums_are_refused() -> None:
    """What the noise could not cover is not released."""
    apply, _ = hop(1.0, 1000)
    with pytest.raises(NotFinite):
        apply([np.inf])
    with pytest.raises(OverflowError, match="was it clipped"):
        apply([2.0**26])


def test_poisson_samples_are_independent_per_row() -> None:
    """Sizes are binomial, each row comes at the rate, and pairs meet at its square."""
    words = seeded("poisson")
    samples = [poisson_sample(200, 64_000_000, words) for _ in range(20_000)]
    sizes = np.bincount([len(sample) for sample in samples], minlength=40)[:40]
    expected = stats.binom.pmf(np.arange(40), 200, 0.064) * 20_000
    common = expected > 10
    hits = np.zeros((20_000, 200))
    for line, sample in zip(hits, samples, strict=True):
        line[sample] = 1

    assert (
        stats.chisquare(sizes[common], expected[common] * sizes[common].sum() / expected[common].sum()).pvalue
        > 1e-4
    )
    assert np.abs(hits.mean(axis=0) - 0.064).max() < 5 * np.sqrt(0.064 * 0.936 / 20_000)
    assert (hits[:, 0] * hits[:, 1]).mean() == pytest.approx(0.064**2, abs=5 * 0.064 / np.sqrt(20_000))


def test_poisson_batches_drop_nobody() -> None:
    """The index is as wide as the longest sample, the rest is -1."""
    index = poisson_batches(50, 200_000_000, 30, seeded("batches"))
    words = seeded("batches")
    for line in index:
        assert np.array_equal(line[line >= 0], poisson_sample(50, 200_000_000, words))
    assert (index >= 0).sum(axis=1).max() == index.shape[1]
    assert poisson_batches(0, 10**9, 3).shape == (3, 1)
    assert np.array_equal(poisson_sample(5, 10**9), np.arange(5))
    with pytest.raises(ValueError, match="rate"):
        poisson_sample(5, 0)


def test_a_models_arrays_are_one_vector() -> None:
    """The pieces come back in their shapes, noised as the whole would be."""
    apply, _ = hop(1.0, 1000)
    arrays = [np.ones((3, 4)), np.zeros(5), np.full((), 2.0)]
    pieces = over_arrays(apply)(arrays, seeded("model"))
    whole = apply(np.concatenate([np.ravel(array) for array in arrays]), seeded("model"))

    assert [piece.shape for piece in pieces] == [(3, 4), (5,), ()]
    assert np.array_equal(np.concatenate([np.ravel(piece) for piece in pieces]), whole)
