"""Noise on vectors: each mechanism is a function and the event that says what the function did.

All noise is drawn on an integer grid and only then becomes a float, so the low-order bits of an output say
nothing about the input. Randomness comes from the operating system unless words are passed in.

Every Gaussian here has a deviation of at least 52,000 grid units. At whole orders its Renyi divergences are
those of the continuous Gaussian exactly, after Poisson sampling too, because moves on the grid are whole; its
privacy-loss distribution differs by less than a part in 10^8 of delta.
"""

from collections.abc import Callable
from fractions import Fraction
from math import isqrt
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..base.events import Event, Gaussian, Pure, checked
from .clipping import GRID, Floats, Int64s, Norm, clipped_on_grid, ensure_bound
from .grid import Noise, discrete_gaussian, discrete_laplace
from .randomness import Words, system


class Mechanism(NamedTuple):
    """What is done, and what it costs whom it protects each time that it is done."""

    apply: Callable[..., Floats]
    event: Event


NANO = 10**9


def gaussian(bound: float, sigma_milli: int, *, steps: int = 1, replace: bool = False) -> Mechanism:
    """Clip a vector to L2 norm `bound` and add Gaussian noise to each number.

    One thing's presence or absence changes the vector by `bound`; `replace` says that one thing may stand in
    for another (a member that always sends something), which changes it by twice as much.
    """
    event = checked(Gaussian(sigma_milli, steps))
    noise = discrete_gaussian(Fraction(sigma_milli * GRID * (2 if replace else 1), 1000))
    return Mechanism(_release(bound, "l2", noise), event)


def laplace(bound: float, epsilon_nano: int, *, steps: int = 1, replace: bool = False) -> Mechanism:
    """Clip a vector to L1 norm `bound` and add Laplace noise: pure privacy, for few numbers only."""
    event = checked(Pure(epsilon_nano, steps))
    noise = discrete_laplace(Fraction(NANO * GRID * (2 if replace else 1), epsilon_nano))
    return Mechanism(_release(bound, "l1", noise), event)


def member_update(bound: float, epsilon_nano: int, *, steps: int = 1) -> Mechanism:
    """bp2p eq. 5 made sound (erratum 4): an update relative to a public starting point, L1 norm `bound`.

    Laplace noise of scale 2 bound / epsilon. Protects a member; models so released are no better than chance.
    """
    return laplace(bound, epsilon_nano, steps=steps, replace=True)


def perturbed_vectors(bound: float, epsilon_nano: int) -> Mechanism:
    """Input perturbation (poq Algorithm 1): every row clipped to L1 norm `bound` and noised by itself.

    Protects a record against everybody, the collector included; how many rows there are is public.
    """
    return laplace(bound, epsilon_nano, replace=True)


def perturbed_vectors_gaussian(bound: float, sigma_milli: int) -> Mechanism:
    """As `perturbed_vectors`, in L2 norm with Gaussian noise: less noise for long vectors."""
    return gaussian(bound, sigma_milli, replace=True)


def counts(sensitivity: int, epsilon_nano: int, *, steps: int = 1) -> Mechanism:
    """Whole numbers of which one thing changes at most `sensitivity` in all, with discrete Laplace noise."""
    event = checked(Pure(epsilon_nano, steps))
    noise = discrete_laplace(Fraction(NANO * _whole(sensitivity), epsilon_nano))
    return Mechanism(_noised_whole(noise, 1), event)


def counts_gaussian(sensitivity: int, sigma_milli: int, *, steps: int = 1) -> Mechanism:
    """Whole numbers that one thing changes by L2 norm `sensitivity` at most, Gaussian noise, then rounded.

    Noise on the whole numbers themselves would lose more than the event says where sigma is small.
    """
    event = checked(Gaussian(sigma_milli, steps))
    noise = discrete_gaussian(Fraction(sigma_milli * _whole(sensitivity) * GRID, 1000))
    return Mechanism(_noised_whole(noise, GRID), event)


def noised(whole: Int64s, noise: Noise, words: Words | None) -> Int64s:
    """Integers plus one draw each."""
    drawn = noise.sample(whole.size, system() if words is None else words)
    return whole + drawn.reshape(whole.shape)


def in_units(whole: Int64s, unit: float | Floats) -> Floats:
    """Grid integers as real numbers."""
    return np.asarray(whole * unit, np.float64)


def root_above(square: int) -> int:
    """The least whole number whose square is not below `square`."""
    return isqrt(square - 1) + 1 if square > 0 else 0


def _release(bound: float, norm: Norm, noise: Noise) -> Callable[..., Floats]:
    unit = ensure_bound(bound) / GRID

    def apply(values: npt.ArrayLike, words: Words | None = None) -> Floats:
        return in_units(noised(clipped_on_grid(values, bound, norm), noise, words), unit)

    return apply


def _noised_whole(noise: Noise, finer: int) -> Callable[..., Floats]:
    def apply(values: npt.ArrayLike, words: Words | None = None) -> Floats:
        whole = np.asarray(values)
        if not np.issubdtype(whole.dtype, np.integer):
            raise TypeError(f"counts must be whole numbers, not {whole.dtype}")
        if whole.size and max(abs(int(whole.max())), abs(int(whole.min()))) * finer > 2**52:
            raise OverflowError(f"counts above {2**52 // finer} cannot be released as doubles")
        return np.rint(noised(whole.astype(np.int64) * finer, noise, words) / finer)

    return apply


def _whole(sensitivity: int) -> int:
    if sensitivity < 1:
        raise ValueError(f"sensitivity {sensitivity} must be a whole number from 1")
    return sensitivity
