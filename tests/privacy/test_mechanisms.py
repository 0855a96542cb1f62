"""Every mechanism: its event, its noise, its sensitivity, and no low-order bit that tells."""

from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from tallystick.base.events import BadEvent, Gaussian, Pure
from tallystick.learning.learner import NotFinite
from tallystick.privacy import mechanisms
from tallystick.privacy.clipping import GRID
from tallystick.privacy.grid import discrete_laplace
from tallystick.privacy.printed import float_laplace
from tallystick.privacy.randomness import seeded

NANO = 10**9


def test_gaussian_names_its_event_and_adds_that_noise() -> None:
    """sigma 1.5 on a bound of 2: standard deviation 3 around the clipped vector."""
    apply, event = mechanisms.gaussian(2.0, 1500, steps=7)
    values = np.zeros(200_000)
    values[0] = 100.0
    out = apply(values, seeded("gaussian"))

    assert event == Gaussian(1500, 7)
    assert stats.kstest(out[1:] / 3.0, stats.norm.cdf).pvalue > 1e-4
    assert abs(out[0] - 2.0) < 6 * 3.0


def test_replacing_doubles_the_noise_at_the_same_event() -> None:
    """A member that always sends something changes the release by twice the bound."""
    apply, event = mechanisms.gaussian(2.0, 1500, replace=True)

    assert event == Gaussian(1500, 1)
    assert np.std(apply(np.zeros(100_000), seeded("replace"))) == pytest.approx(6.0, rel=0.02)


def test_laplace_scale_is_sensitivity_over_epsilon() -> None:
    """Epsilon 0.5: scale 2 bounds, 4 where one thing may replace another."""
    apply, event = mechanisms.laplace(3.0, NANO // 2)
    twice, same = mechanisms.member_update(3.0, NANO // 2)

    assert event == same == Pure(NANO // 2, 1)
    out = apply(np.zeros(200_000), seeded("laplace"))
    assert stats.kstest(out / 6.0, stats.laplace.cdf).pvalue > 1e-4
    out = twice(np.zeros(200_000), seeded("member"))
    assert stats.kstest(out / 12.0, stats.laplace.cdf).pvalue > 1e-4


def test_rows_are_perturbed_one_by_one() -> None:
    """poq: each row is clipped by itself, so a long one does not shorten the others."""
    rows = np.array([[1e9, 0.0], [0.25, 0.25], [0.0, 0.0]])
    for apply, _ in (
        mechanisms.perturbed_vectors(1.0, 10**12),
        mechanisms.perturbed_vectors_gaussian(1.0, 50),
    ):
        mean = np.mean([apply(rows, seeded("rows", turn)) for turn in range(400)], axis=0)
        assert mean == pytest.approx(np.array([[1.0, 0.0], [0.25, 0.25], [0.0, 0.0]]), abs=0.04)


def test_counts_stay_whole_and_follow_the_discrete_law() -> None:
    """No rounding in between: the draws themselves, shifted."""
    apply, event = mechanisms.counts(2, NANO)
    out = apply(np.full(100_000, 41), seeded("counts"))

    assert event == Pure(NANO, 1)
    assert np.array_equal(out - 41, discrete_laplace(Fraction(2)).sample(100_000, seeded("counts")))
    apply, event = mechanisms.counts_gaussian(3, 2000, steps=4)
    assert event == Gaussian(2000, 4)
    assert np.std(apply(np.zeros(100_000, np.int64), seeded("counts"))) == pytest.approx(6.0, rel=0.02)
    small = mechanisms.counts_gaussian(1, 500).apply(np.zeros(100_000, np.int64), seeded("rounded"))
    expected = np.diff(stats.norm.cdf([-np.inf, -1.5, -0.5, 0.5, 1.5, np.inf], scale=0.5)) * 100_000
    seen = [np.sum(np.clip(small, -2, 2) == value) for value in (-2, -1, 0, 1, 2)]
    assert stats.chisquare(seen, expected).pvalue > 1e-4
    with pytest.raises(TypeError, match="whole"):
        apply(np.zeros(3))
    with pytest.raises(OverflowError):
        apply(np.array([2**53]))
    with pytest.raises(ValueError, match="sensitivity 0"):
        mechanisms.counts(0, NANO)


def test_measured_privacy_loss_of_one_number_stays_within_epsilon() -> None:
    """Two neighbours, a million releases each: every half-line's odds stay under e^epsilon (and reach it)."""
    apply, _ = mechanisms.laplace(1.0, NANO)
    without = apply(np.zeros((1_000_000, 1)), seeded("without"))[:, 0]
    with_it = apply(np.ones((1_000_000, 1)), seeded("with"))[:, 0]
    cuts = np.linspace(-2, 3, 41)
    odds = np.log(np.mean(with_it[:, None] > cuts, axis=0) / np.mean(without[:, None] > cuts, axis=0))

    assert odds.max() < 1.0 + 0.02
    assert odds.max() > 0.95


def impossible(outputs: np.ndarray, candidate: float) -> np.ndarray:
    """Mironov's attack on low-order bits: no double n has candidate + n equal to the output."""
    return (outputs - candidate) + candidate != outputs


def test_plain_float_noise_gives_inputs_away() -> None:
    """The attack has power: it proves the input from more than a tenth of single outputs, without error."""
    words = seeded("leak")
    from_0, from_1 = 0.0 + float_laplace(200_000, 1.0, words), 1.0 + float_laplace(200_000, 1.0, words)

    assert impossible(from_0, 1.0).mean() > 0.10
    assert not impossible(from_1, 1.0).any()


@pytest.mark.parametrize(
    ("bound", "mechanism"),
    [
        (1.0, mechanisms.laplace(1.0, NANO)),
        (1.0, mechanisms.gaussian(1.0, 1000)),
        (0.3, mechanisms.laplace(0.3, NANO)),
        (0.3, mechanisms.gaussian(0.3, 700)),
    ],
    ids=["laplace", "gaussian", "laplace-odd-unit", "gaussian-odd-unit"],
)
def test_grid_noise_gives_nothing_away(bound: float, mechanism: mechanisms.Mechanism) -> None:
    """No output is impossible for the other input: all outputs are whole multiples of one unit."""
    values = {v: mechanism.apply(np.full((200_000, 1), v), seeded("grid", int(v > 0))) for v in (0.0, bound)}

    for outputs in values.values():
        units = np.rint(outputs / (bound / GRID))
        assert np.array_equal(units * (bound / GRID), outputs)
    if bound == 1.0:
        assert not impossible(values[0.0], 1.0).any() and not impossible(values[1.0], 0.0).any()


def test_bad_settings_and_values_are_refused() -> None:
    """Out-of-range events, NaN."""
    for make in (
        lambda: mechanisms.gaussian(1.0, 49),
        lambda: mechanisms.laplace(1.0, 0),
        lambda: mechanisms.gaussian(1.0, 1000, steps=0),
    ):
        with pytest.raises(BadEvent):
            make()
    with pytest.raises(NotFinite):
        mechanisms.gaussian(1.0, 1000).apply([np.nan])


def test_the_default_is_the_operating_system() -> None:
    """Without words, two releases differ."""
    apply, _ = mechanisms.gaussian(1.0, 1000)

    assert not np.array_equal(apply(np.zeros(8)), apply(np.zeros(8)))


def test_root_above() -> None:
    """The least root that is not too small."""
    assert [mechanisms.root_above(n) for n in (0, 1, 2, 4, 5, 9, 10)] == [0, 1, 2, 2, 3, 3, 4]
