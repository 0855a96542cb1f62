"""Noised scores: one judging row moves the sum by the stated width at most."""

import numpy as np
import pytest
from scipy import stats

from tallystick.base.events import Gaussian, Pure
from tallystick.privacy.randomness import seeded
from tallystick.privacy.scores import scores, scores_gaussian

NANO = 10**9


def test_accuracy_on_m_rows_gets_noise_of_one_over_m_epsilon() -> None:
    """100 rows, epsilon 2 per model: Laplace of scale 1/200 around the mean."""
    apply, event = scores(0.0, 1.0, 2 * NANO, models=20_000)
    hits = np.zeros((100, 20_000))
    hits[:70] = 1.0
    out = apply(hits, seeded("accuracy"))

    assert event == Pure(2 * NANO, 20_000)
    assert stats.kstest((out - 0.7) * 200, stats.laplace.cdf).pvalue > 1e-4


def test_gaussian_scores_share_one_event() -> None:
    """A round's 49 figures: noise sqrt(49) x sigma x width / rows each, one step."""
    apply, event = scores_gaussian(-1.0, 3.0, 500, models=49, steps=80)
    out = np.array([apply(np.ones((400, 49)), seeded("round", turn)) for turn in range(400)])

    assert event == Gaussian(500, 80)
    assert np.std(out) == pytest.approx(0.5 * 7 * 4 / 400, rel=0.03)
    assert out.mean() == pytest.approx(1.0, abs=0.002)


def test_limits_hold_before_and_after_the_noise() -> None:
    """A row's figure is clipped into the limits, and so is what is published."""
    apply, _ = scores(0.0, 1.0, 10**12, models=1)
    assert apply(np.array([1e9, -1e9, 0.5, 0.5]), seeded("limits")) == pytest.approx([0.5], abs=0.01)
    apply, _ = scores(0.0, 1.0, NANO // 100, models=1)
    out = np.array([apply(np.array([1.0, 0.0]), seeded("out", turn))[0] for turn in range(50)])
    assert set(out[(out <= 0) | (out >= 1)]) == {0.0, 1.0}


def test_wrong_shapes_and_limits_are_refused() -> None:
    """As many columns as models, at least one row, finite limits in order."""
    apply, _ = scores(0.0, 1.0, NANO, models=2)
    for bad in (np.zeros((3, 1)), np.zeros((0, 2)), np.zeros(3), np.zeros((1, 2, 2))):
        with pytest.raises(ValueError, match="expected figures"):
            apply(bad)
    with pytest.raises(ValueError, match="NaN"):
        apply(np.full((3, 2), np.nan))
    for low, high in ((1.0, 1.0), (0.0, np.inf), (np.nan, 1.0)):
        with pytest.raises(ValueError, match="limits"):
            scores(low, high, NANO)
