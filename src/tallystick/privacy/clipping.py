"""Bounding what one thing can change: clipping to an L1 or L2 norm, and onto an integer grid that keeps it.

On the grid a bound is 2^20 units. Numbers are rounded toward zero, which never lengthens a vector, and the
integer norm is then checked exactly: the sensitivity stated is that of the very numbers that get noise.
"""

from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from ..learning.learner import NotFinite

GRID = 2**20  # units in a bound
Norm: TypeAlias = Literal["l1", "l2"]
Floats: TypeAlias = npt.NDArray[np.float64]
Int64s: TypeAlias = npt.NDArray[np.int64]

_SHRINK = 1 - 2.0**-30  # what rounding in the norm itself may have hidden


def ensure_bound(bound: float) -> float:
    """The bound as a positive number."""
    if not 0 < bound < float("inf"):
        raise ValueError(f"clipping bound {bound} must be finite and above 0")
    return float(bound)


def finite(values: npt.ArrayLike) -> Floats:
    """The values as doubles."""
    array = np.asarray(values, dtype=np.float64)
    if not np.isfinite(array).all():
        raise NotFinite(f"{np.count_nonzero(~np.isfinite(array))} of {array.size} values are NaN or infinite")
    return array


def clipped(values: npt.ArrayLike, bound: float, norm: Norm) -> Floats:
    """Each vector along the last axis, shortened to the bound where it is longer."""
    array, bound = finite(values), ensure_bound(bound)
    # Dividing by the largest first keeps squares from overflowing.
    largest = np.max(np.abs(array), axis=-1, keepdims=True, initial=0.0)
    shape = array / np.where(largest > 0, largest, 1.0)
    length = largest * (np.sum(np.abs(shape), -1, keepdims=True) if norm == "l1" else _euclid(shape))
    short: Floats = array * (bound / np.maximum(length, bound))
    return short


def clipped_on_grid(values: npt.ArrayLike, bound: float, norm: Norm) -> Int64s:
    """Each vector along the last axis in units of bound / 2^20, its integer norm at most 2^20."""
    scaled = clipped(values, bound, norm) / (ensure_bound(bound) / GRID) * _SHRINK
    whole = np.trunc(scaled).astype(np.int64)
    while (over := _too_long(whole, norm)).any():
        scaled = np.where(over, scaled * _SHRINK, scaled)
        whole = np.trunc(scaled).astype(np.int64)
    return whole


def _euclid(values: Floats) -> Floats:
    lengths: Floats = np.sqrt(np.sum(values * values, axis=-1, keepdims=True))
    return lengths


def _too_long(whole: Int64s, norm: Norm) -> npt.NDArray[np.bool_]:
    if norm == "l1":
        over: npt.NDArray[np.bool_] = np.sum(np.abs(whole), axis=-1, keepdims=True) > GRID
    else:
        over = np.sum(whole * whole, axis=-1, keepdims=True) > GRID * GRID
    return over
