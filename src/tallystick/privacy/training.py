"""Noise inside training: DP-SGD with Poisson sampling (Abadi et al. 2016; errata 4 and 5), and hop by hop.

Clipping happens where gradients are (`learning`); here clipped sums get noise. What is protected is whatever
was clipped together: a row, or all rows of a subject.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from ..base.events import Gaussian, SubsampledGaussian, checked
from .clipping import GRID, Floats, ensure_bound, finite
from .grid import discrete_gaussian
from .mechanisms import NANO, Mechanism, in_units, noised, root_above
from .randomness import Words, system

SLACK_PPM = 1000


def dp_sgd(
    clip: float, rate_nano: int, sigma_milli: int, *, steps: int, slack_ppm: int = SLACK_PPM
) -> Mechanism:
    """Noise for the sum of clipped gradients of one Poisson sample; the event counts all `steps` of a round.

    `slack_ppm`: how much further than `clip` one row may move the sum because floats round while they are
    added up (0 for sums of integers). The noise grows with it, the event stays true.
    """
    event = checked(SubsampledGaussian(rate_nano, sigma_milli, steps))
    return Mechanism(_noised_sums(clip, sigma_milli, slack_ppm), event)


def hop(clip: float, sigma_milli: int, *, steps: int = 1, slack_ppm: int = SLACK_PPM) -> Mechanism:
    """A relay's hop (bp2p eq. 5, erratum 4): the clipped gradient sum over all rows of the holder, noised."""
    event = checked(Gaussian(sigma_milli, steps))
    return Mechanism(_noised_sums(clip, sigma_milli, slack_ppm), event)


def poisson_sample(rows: int, rate_nano: int, words: Words | None = None) -> npt.NDArray[np.int64]:
    """Which rows take part: each drawn by itself, with at most the stated probability."""
    _ensure_rate(rows, rate_nano)
    if rate_nano == NANO:
        return np.arange(rows)
    drawn = (system() if words is None else words)(rows)
    return np.flatnonzero(drawn < np.uint64((rate_nano << 64) // NANO))


def poisson_batches(
    rows: int, rate_nano: int, steps: int, words: Words | None = None
) -> npt.NDArray[np.int32]:
    """Row numbers [steps, longest sample], -1 where a sample is shorter: no drawn row is ever dropped."""
    words = system() if words is None else words
    samples = [poisson_sample(rows, rate_nano, words) for _ in range(steps)]
    index = np.full((steps, max((len(sample) for sample in samples), default=0) or 1), -1, np.int32)
    for line, sample in zip(index, samples, strict=True):
        line[: len(sample)] = sample
    return index


def over_arrays(apply: Callable[..., Floats]) -> Callable[..., list[Floats]]:
    """The mechanism of one vector, for a model's arrays: they are one vector, cut into pieces."""

    def apply_to_all(arrays: Sequence[npt.ArrayLike], words: Words | None = None) -> list[Floats]:
        pieces = [np.asarray(array, dtype=np.float64) for array in arrays]
        flat = apply(np.concatenate([piece.ravel() for piece in pieces] or [np.zeros(0)]), words)
        ends = np.cumsum([piece.size for piece in pieces])[:-1]
        return [part.reshape(piece.shape) for part, piece in zip(np.split(flat, ends), pieces, strict=True)]

    return apply_to_all


def grid_sensitivity(numbers: int, slack_ppm: int) -> int:
    """By how many grid units one row can move a rounded sum of this many numbers.

    Rounding two sums that differ by a clipped row may add one unit to each number's difference, and scaling
    them to units a small part of one.
    """
    if slack_ppm < 0:
        raise ValueError(f"slack of {slack_ppm} parts per million is negative")
    return GRID + -(-GRID * slack_ppm // 10**6) + root_above(2 * numbers)


def _noised_sums(clip: float, sigma_milli: int, slack_ppm: int) -> Callable[..., Floats]:
    unit = ensure_bound(clip) / GRID
    grid_sensitivity(1, slack_ppm)

    def apply(sums: npt.ArrayLike, words: Words | None = None) -> Floats:
        array = finite(sums)
        scaled = array / unit
        if array.size and float(np.abs(scaled).max()) > 2.0**45:
            raise OverflowError(f"a sum is more than 2^25 times the clipping bound {clip}: was it clipped?")
        noise = discrete_gaussian(Fraction(sigma_milli * grid_sensitivity(array.size, slack_ppm), 1000))
        return in_units(noised(np.trunc(scaled).astype(np.int64), noise, words), unit)

    return apply


def _ensure_rate(rows: int, rate_nano: int) -> None:
    if not 1 <= rate_nano <= NANO or rows < 0:
        raise ValueError(f"cannot draw from {rows} rows at a rate of {rate_nano} parts per 10^9")
