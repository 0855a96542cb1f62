"""Numbers as integers of one step size, so that sums do not depend on order and can be masked.

A value v becomes round(v · 2^bits), times an integer weight, modulo 2^width; sums wrap and come back exact as
long as |v| ≤ bound and the weights' total stays within `capacity`. A mean over members in one process and a
secure sum over machines thereby are the same bits.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Words: TypeAlias = npt.NDArray[np.unsignedinteger[Any]]
Floats: TypeAlias = npt.NDArray[np.float32]


class Overflow(ValueError):
    """A value or a total does not fit into the fixed point."""


@dataclass(frozen=True)
class FixedPoint:
    """Steps of 2^-bits for values up to ±bound, summed modulo 2^width."""

    bits: int = 28
    bound: int = 1024
    width: int = 64

    def __post_init__(self) -> None:
        if self.width not in (32, 64):
            raise ValueError(f"the width is 32 or 64 bits, not {self.width}")
        if not (0 <= self.bits <= 52 and 1 <= self.bound <= 2**30) or self.capacity < 1:
            raise ValueError(f"±{self.bound} in steps of 2^-{self.bits} does not fit into {self.width} bits")

    @property
    def capacity(self) -> int:
        """The largest total weight whose sum cannot wrap."""
        return int((2 ** (self.width - 1) - 1) // (self.bound << self.bits))

    @property
    def dtype(self) -> npt.DTypeLike:
        """The unsigned words that sums are made of."""
        return np.uint64 if self.width == 64 else np.uint32


DEFAULT = FixedPoint()


def encode(values: Any, weight: int = 1, form: FixedPoint = DEFAULT) -> Words:
    """The words of float32 values times a whole weight; what is not finite or beyond the bound is refused."""
    numbers = np.asarray(values, np.float32)
    if not 0 <= weight <= form.capacity:
        raise Overflow(f"a weight lies between 0 and {form.capacity}, not {weight}")
    unfit = ~(np.abs(numbers) <= form.bound)
    if unfit.any():
        place = int(np.argmax(unfit))
        raise Overflow(f"value {numbers.ravel()[place]} at place {place} is not within ±{form.bound}")
    # Scaling by a power of two is exact; int64 holds every scaled value times any allowed weight.
    scaled = np.rint(numbers * np.float32(2.0**form.bits)).astype(np.int64)
    words: Words = (scaled * weight).astype(form.dtype)
    return words


def add(parts: Iterable[Words], form: FixedPoint = DEFAULT) -> Words:
    """The sum of words, wrapping; any order gives the same."""
    total: Words | None = None
    for part in parts:
        total = part.astype(form.dtype) if total is None else total + part
    if total is None:
        raise ValueError("nothing to add")
    return total


def decode(total: Words, weight: int, form: FixedPoint = DEFAULT) -> Floats:
    """The mean that a sum of words stands for: signed value / (weight · 2^bits), rounded once to float32."""
    if not 1 <= weight <= form.capacity:
        raise Overflow(f"the weights add up to {weight}; a sum is exact from 1 to {form.capacity}")
    signed = total.astype(form.dtype).view(np.int64 if form.width == 64 else np.int32)
    mean: Floats = (signed.astype(np.float64) / (float(weight) * 2.0**form.bits)).astype(np.float32)
    return mean


def mean(vectors: Iterable[Any], weights: Iterable[int], form: FixedPoint = DEFAULT) -> Floats:
    """The weighted mean Σ wᵢ·vᵢ / Σ wᵢ (bpcv eq. 5 with n = Σ nᵢ: errata row 6)."""
    counts = [int(weight) for weight in weights]
    words = add((encode(v, w, form) for v, w in zip(vectors, counts, strict=True)), form)
    return decode(words, sum(counts), form)
