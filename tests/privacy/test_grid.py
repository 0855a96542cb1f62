"""Grid samplers: chi-square against the true probabilities, exact decisions, speed."""

import dataclasses
import time
from collections.abc import Callable
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from scipy import stats

from tallystick.privacy.grid import LARGEST, Noise, discrete_gaussian, discrete_laplace
from tallystick.privacy.randomness import Words, seeded

SCALES = [Fraction(1, 3), Fraction(1), Fraction(27, 10), Fraction(40), Fraction(1000, 3)]


def gaussian_log(x: np.ndarray, sigma: Fraction) -> np.ndarray:
    """ln of the unnormalised density."""
    return -(x.astype(float) ** 2) / float(2 * sigma * sigma)


def laplace_log(x: np.ndarray, scale: Fraction) -> np.ndarray:
    """ln of the unnormalised density."""
    return -np.abs(x.astype(float)) / float(scale)


def p_value(drawn: np.ndarray, log_density: Callable[..., np.ndarray], scale: Fraction) -> float:
    """Chi-square over cells of a quarter of the scale; cells that expect fewer than 20 draws are pooled."""
    reach = int(60 * scale) + 3
    support = np.arange(-reach, reach + 1)
    chance = np.exp(log_density(support, scale))
    width = max(1, int(scale / 4))
    cell = (support + reach) // width
    expected = np.bincount(cell, weights=chance / chance.sum()) * len(drawn)
    seen = np.bincount(np.clip(drawn + reach, 0, 2 * reach) // width, minlength=len(expected))
    common = expected >= 20
    observed = np.append(seen[common], seen[~common].sum())
    wanted = np.append(expected[common], expected[~common].sum())
    return float(stats.chisquare(observed, wanted).pvalue)


@pytest.mark.parametrize("scale", SCALES, ids=str)
@pytest.mark.parametrize(
    ("make", "log_density"), [(discrete_gaussian, gaussian_log), (discrete_laplace, laplace_log)]
)
def test_draws_have_the_stated_distribution(
    make: Callable[[Fraction], Noise], log_density: Callable[..., np.ndarray], scale: Fraction
) -> None:
    """400,000 draws at each scale; a fixed seed, so the threshold only says how rare a bad seed is."""
    drawn = make(scale).sample(400_000, seeded("chi-square", make.__name__, str(scale)))

    assert p_value(drawn, log_density, scale) > 1e-4


def test_far_below_one_only_zero_is_left() -> None:
    """At a scale of 1/20 even 1 has a chance of 2e-9 (Laplace) and 1e-87 (Gaussian)."""
    for make in (discrete_gaussian, discrete_laplace):
        assert not make(Fraction(1, 20)).sample(10_000, seeded("tiny")).any()


def test_chi_square_has_the_power_to_find_a_wrong_scale() -> None:
    """Two percent less noise is found at once."""
    drawn = discrete_gaussian(Fraction(98, 100) * 40).sample(400_000, seeded("power"))

    assert p_value(drawn, gaussian_log, Fraction(40)) < 1e-12


@pytest.mark.parametrize("make", [discrete_gaussian, discrete_laplace])
def test_large_scales_follow_the_continuous_law_inside_blocks_too(make: Callable[[Fraction], Noise]) -> None:
    """At 2^20 grid units: quantiles by Kolmogorov-Smirnov, and low bits that are uniform."""
    scale = Fraction(1420 * 2**20, 1000)
    drawn = make(scale).sample(400_000, seeded("large", make.__name__))
    law = stats.norm if make is discrete_gaussian else stats.laplace

    assert stats.kstest(drawn / float(scale), law.cdf).pvalue > 1e-4
    assert stats.chisquare(np.bincount(drawn & 255, minlength=256)).pvalue > 1e-4


@pytest.mark.parametrize("make", [discrete_gaussian, discrete_laplace])
def test_the_exact_comparison_decides_as_the_float_one(make: Callable[[Fraction], Noise]) -> None:
    """Doubt widened to 2 %: thousands of decisions are then made in `decimal`, none may differ."""
    noise = make(Fraction(10**6))
    doubtful = dataclasses.replace(noise, doubt=0.02)
    words = seeded("doubt")
    start = (words(4000) % np.uint64(40)).astype(np.int64) << noise.shift
    place = (words(4000) & np.uint64((1 << noise.shift) - 1)).astype(np.int64)
    drawn = words(4000)
    by_float = noise._accepts(drawn, start, place, seeded("more"))

    assert np.array_equal(by_float, doubtful._accepts(drawn, start, place, seeded("more")))
    assert (
        np.count_nonzero(np.abs((drawn >> np.uint64(11)) * 2.0**-53 - noise.ratio(start, place)) < 0.02) > 50
    )


def test_words_on_a_boundary_are_decided_by_more_bits() -> None:
    """The first 64 bits equal a block's end: the next 128 put the draw before or behind it."""
    noise = discrete_gaussian(Fraction(3))
    edge = int(noise.floors[2])
    rest = noise.tops[2] - (edge << 128)

    def words_saying(more: int) -> Words:
        return lambda count: np.array([more >> 64, more & (2**64 - 1)][:count], np.uint64)

    drawn = np.array([edge], np.uint64)
    assert noise._blocks(drawn, words_saying(rest - 1))[0] == 2
    assert noise._blocks(drawn, words_saying(rest))[0] == 3
    assert noise._blocks(np.array([edge - 1], np.uint64), words_saying(0))[0] == 2
    assert noise._blocks(np.array([edge + 1], np.uint64), words_saying(0))[0] == 3


@pytest.mark.parametrize("make", [discrete_gaussian, discrete_laplace])
def test_tables_hold_the_true_probabilities_to_the_stated_distance(make: Callable[[Fraction], Noise]) -> None:
    """Total variation of the table from 70-digit sums, where blocks are single numbers: below 2^-128."""
    scale = Fraction(5, 2)
    noise = make(scale)
    assert noise.shift == 0
    with mpmath.workdps(70):
        s = mpmath.mpf(5) / 2
        density = [
            mpmath.exp(-(mpmath.mpf(x) ** 2) / (2 * s * s))
            if make is discrete_gaussian
            else mpmath.exp(-x / s)
            for x in range(2000)
        ]
        total = mpmath.fsum(density)
        table = [b - a for a, b in zip((0, *noise.tops), noise.tops, strict=False)]
        table += [0] * (2000 - len(table))
        distance = mpmath.fsum(
            abs(mpmath.mpf(t) / 2**192 - d / total) for t, d in zip(table, density, strict=True)
        )

        assert distance < mpmath.mpf(2) ** -128


def test_scales_outside_the_grid_are_refused() -> None:
    """Nothing overflows silently."""
    for bad in (Fraction(0), Fraction(-1), Fraction(LARGEST + 1)):
        with pytest.raises(ValueError, match="grid"):
            discrete_gaussian(bad)
        with pytest.raises(ValueError, match="grid"):
            discrete_laplace(bad)
    assert np.abs(discrete_laplace(Fraction(LARGEST)).sample(100_000, seeded("far"))).max() < 2**52


@pytest.mark.parametrize("make", [discrete_gaussian, discrete_laplace])
def test_a_million_samples_a_second(make: Callable[[Fraction], Noise]) -> None:
    """Best of five; a busy machine does not decide, and quiet figures are 10 to 30 million."""
    noise = make(Fraction(2**20))
    took = []
    for turn in range(5):
        words = seeded("speed", turn)
        started = time.process_time()
        noise.sample(500_000, words)
        took.append(time.process_time() - started)

    assert min(took) < 0.5
