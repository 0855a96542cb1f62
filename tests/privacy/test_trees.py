"""Leaf sums and histograms: right sums, right noise, one row within its share."""

import numpy as np
import pytest
from scipy import stats

from tallystick.base.events import Gaussian, Pure
from tallystick.privacy.randomness import seeded
from tallystick.privacy.trees import histogram, leaf_sums, leaf_values

NANO = 10**9
RNG = np.random.default_rng(11)
LEAF = RNG.integers(0, 8, 1000)
GRADIENTS = RNG.normal(size=1000)


def test_leaf_sums_are_those_of_clipped_gradients() -> None:
    """At an epsilon of 1,000 the noise is a few thousandths."""
    apply, event = leaf_sums(0.5, 8, 10**12, steps=3)
    out = apply(LEAF, GRADIENTS, seeded("leaf"))
    short = np.clip(GRADIENTS, -0.5, 0.5)

    assert event == Pure(10**12, 3)
    assert out[:, 0] == pytest.approx(np.bincount(LEAF, weights=short), abs=0.03)
    assert out[:, 1] == pytest.approx(np.bincount(LEAF), abs=0.05)
    assert leaf_values(out, ridge=2.0) == pytest.approx(-out[:, 0] / (out[:, 1] + 2.0))


def test_leaf_noise_splits_epsilon_in_two() -> None:
    """Epsilon 1: Laplace of scale 2 clip on sums and of 2 on counts."""
    apply, _ = leaf_sums(0.5, 100_000, NANO)
    out = apply(np.zeros(0, np.int64), np.zeros(0), seeded("empty"))

    assert stats.kstest(out[:, 0], stats.laplace(scale=1.0).cdf).pvalue > 1e-4
    assert stats.kstest(out[:, 1], stats.laplace(scale=2.0).cdf).pvalue > 1e-4
    assert np.isfinite(leaf_values(out)).all()


def test_histograms_count_every_feature() -> None:
    """Three features, sixteen bins, noise sqrt(6) sigma in units of clip and of one row."""
    codes = RNG.integers(0, 16, (1000, 3))
    apply, event = histogram(0.5, 16, 3, 50)
    out = apply(codes, GRADIENTS, seeded("histogram"))
    short = np.clip(GRADIENTS, -0.5, 0.5)

    assert event == Gaussian(50, 1)
    for feature in range(3):
        sums = np.bincount(codes[:, feature], weights=short, minlength=16)
        assert out[feature, :, 0] == pytest.approx(sums, abs=0.5)
        assert out[feature, :, 1] == pytest.approx(np.bincount(codes[:, feature], minlength=16), abs=1)
    apply, _ = histogram(0.5, 20_000, 3, 2000)
    noise = apply(np.zeros((0, 3), np.int64), np.zeros(0), seeded("noise"))
    assert np.std(noise[..., 1]) == pytest.approx(2 * np.sqrt(6), rel=0.02)
    assert np.std(noise[..., 0]) == pytest.approx(0.5 * 2 * np.sqrt(6), rel=0.02)


def test_wrong_places_are_refused() -> None:
    """A place outside the leaves, a fraction, a missing one."""
    apply, _ = leaf_sums(1.0, 4, NANO)
    for places, match in (
        ([0, 4], "0..3"),
        ([0, -1], "0..3"),
        ([0.5, 1.0], "whole"),
        ([0], "one whole place"),
    ):
        with pytest.raises(ValueError, match=match):
            apply(np.array(places), np.zeros(2))
    with pytest.raises(ValueError, match="bin codes"):
        histogram(1.0, 4, 2, 1000).apply(np.zeros((3, 1), int), np.zeros(3))
