"""Discrete Gaussian and Laplace noise on the integers, exact and fast (Canonne, Kamath, Steinke 2020).

Magnitudes are cut into blocks of a power of two: a table draws the block, a comparison accepts the place in
it. Both comparisons are made on 64 bits first and, where those cannot decide, again on 192 bits in `decimal`.
So a sample's distribution differs from the true one by less than 2^-128 in total variation, which is what the
cut tails (2^-140) and the 75-digit table leave; no floating-point rounding reaches an outcome.
"""

import bisect
from collections.abc import Callable
from dataclasses import dataclass
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, localcontext
from fractions import Fraction
from functools import lru_cache
from itertools import accumulate
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from .randomness import Uint64s, Words

Int64s: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]

_BITS, _EXTRA = 192, 128
_CONTEXT = Context(prec=75, Emin=MIN_EMIN, Emax=MAX_EMAX)
_GAUSSIAN_TAIL = Fraction(142, 10)  # e^(-14.2^2 / 2) < 2^-145
_LAPLACE_TAIL = 98  # e^-98 < 2^-141
_PREFIX = 16
# The float ratios below are right to 2^-50; 64-bit words that come nearer than this are compared exactly.
_DOUBT = 2.0**-44
LARGEST = 2**44  # scale: six times below what would leave 63 bits or doubles' whole numbers in a tail


@dataclass(frozen=True, eq=False)
class Noise:
    """A symmetric distribution on the integers, falling away from 0, as a table of blocks."""

    name: str
    shift: int  # blocks hold 2^shift integers
    tops: tuple[int, ...]  # where each block ends, in 2^-192 of the whole
    floors: Uint64s  # the same in 2^-64, rounded down, without the last
    guide: npt.NDArray[np.int16]  # block by the word's first 16 bits, -1 where a block ends among them
    ratio: Callable[[Int64s, Int64s], Floats]  # p(start + place) / p(start)
    exact_ratio: Callable[[int, int], Decimal]
    doubt: float = _DOUBT

    def sample(self, count: int, words: Words) -> Int64s:
        """Independent draws."""
        out = np.empty(count, np.int64)
        filled = 0
        while filled < count:
            drawn = self._candidates((count - filled) * 9 // 8 + 64, words)[: count - filled]
            out[filled : filled + len(drawn)] = drawn
            filled += len(drawn)
        return out

    def _candidates(self, count: int, words: Words) -> Int64s:
        start = self._blocks(words(count), words) << self.shift
        bits = words(count)
        negative = (bits >> np.uint64(63)).astype(bool)
        if self.shift:
            place = (bits & np.uint64((1 << self.shift) - 1)).astype(np.int64)
            keep = self._accepts(words(count), start, place, words)
            start += place
        else:
            keep = np.ones(count, bool)
        keep &= ~(negative & (start == 0))  # else 0 would count twice
        return np.asarray(np.where(negative, -start, start)[keep], np.int64)

    def _blocks(self, drawn: Uint64s, words: Words) -> Int64s:
        blocks: Int64s = self.guide[drawn >> np.uint64(64 - _PREFIX)].astype(np.int64)
        open_ = np.flatnonzero(blocks < 0)
        blocks[open_] = np.searchsorted(self.floors, drawn[open_], side="right")
        # A word that equals a rounded boundary may lie on either side of the true one.
        on_edge = open_[(blocks[open_] > 0) & (self.floors[blocks[open_] - 1] == drawn[open_])]
        for index in on_edge:
            blocks[index] = bisect.bisect_right(self.tops, _lengthened(drawn[index], words))
        return blocks

    def _accepts(self, drawn: Uint64s, start: Int64s, place: Int64s, words: Words) -> npt.NDArray[np.bool_]:
        distance = (drawn >> np.uint64(11)).astype(np.float64) * 2.0**-53 - self.ratio(start, place)
        keep: npt.NDArray[np.bool_] = distance < 0
        for index in np.flatnonzero(np.abs(distance) < self.doubt):
            with localcontext(_CONTEXT):
                exact = self.exact_ratio(int(start[index]), int(place[index])) * 2**_BITS
                keep[index] = _lengthened(drawn[index], words) < exact
        return keep


def _lengthened(word: np.uint64, words: Words) -> int:
    more = words(_EXTRA // 64)
    return (int(word) << _EXTRA) | (int(more[0]) << 64) | int(more[1])


@lru_cache(maxsize=64)
def discrete_gaussian(sigma: Fraction) -> Noise:
    """P(x) in proportion to e^(-x^2 / (2 sigma^2))."""
    _ensure_scale("sigma", sigma)
    shift = max(0, int(sigma / 16).bit_length() - 1)
    twice_square = 2 * sigma * sigma
    rounded = float(twice_square)

    def ratio(start: Int64s, place: Int64s) -> Floats:
        near = place.astype(np.float64)
        return np.exp(near * (2.0 * start + near) / -rounded)

    def exact_ratio(start: int, place: int) -> Decimal:
        return (
            -Decimal(place * (2 * start + place) * twice_square.denominator) / twice_square.numerator
        ).exp()

    blocks = int(_GAUSSIAN_TAIL * sigma) // 2**shift + 2
    return _table(
        f"discrete Gaussian {sigma}", shift, blocks, lambda x: exact_ratio(0, x), ratio, exact_ratio
    )


@lru_cache(maxsize=64)
def discrete_laplace(scale: Fraction) -> Noise:
    """P(x) in proportion to e^(-|x| / scale)."""
    _ensure_scale("scale", scale)
    shift = max(0, int(scale / 8).bit_length() - 1)
    rounded = float(scale)

    def ratio(start: Int64s, place: Int64s) -> Floats:
        return np.exp(place / -rounded)

    def exact_ratio(start: int, place: int) -> Decimal:
        return (-Decimal(place * scale.denominator) / scale.numerator).exp()

    blocks = int(_LAPLACE_TAIL * scale) // 2**shift + 2
    return _table(f"discrete Laplace {scale}", shift, blocks, lambda x: exact_ratio(0, x), ratio, exact_ratio)


def _ensure_scale(name: str, value: Fraction) -> None:
    if not 0 < value <= LARGEST:
        raise ValueError(
            f"{name} {float(value)} of noise on the grid is not in (0, 2^44]: choose a coarser unit"
        )


def _table(
    name: str,
    shift: int,
    blocks: int,
    density: Callable[[int], Decimal],
    ratio: Callable[[Int64s, Int64s], Floats],
    exact_ratio: Callable[[int, int], Decimal],
) -> Noise:
    with localcontext(_CONTEXT):
        ends = list(accumulate(density(block << shift) for block in range(blocks)))
        tops = [int((end / ends[-1] * 2**_BITS).to_integral_value()) for end in ends]
    floors = np.array([top >> _EXTRA for top in tops if top < 2**_BITS], dtype=np.uint64)
    prefixes = np.arange(2**_PREFIX, dtype=np.uint64)
    blocks_at = np.searchsorted(floors, prefixes << np.uint64(64 - _PREFIX), "right")
    split = np.isin(prefixes, floors >> np.uint64(64 - _PREFIX))
    guide = np.where(split, -1, blocks_at).astype(np.int16)
    return Noise(name, shift, tuple(tops), floors, guide, ratio, exact_ratio)
