"""Noise for trees (erratum 14): sums of clipped gradients per leaf or per histogram bin, with their counts.

Protects a training row, in what is computed from these sums alone. Leaf values are private only if the tree's
splits do not depend on private rows (drawn at random, or found from the noised histograms).
"""

from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from ..base.events import Gaussian, Pure, checked
from .clipping import GRID, Floats, Int64s, clipped_on_grid, ensure_bound
from .grid import discrete_gaussian, discrete_laplace
from .mechanisms import NANO, Mechanism, in_units, noised, root_above
from .randomness import Words


def leaf_sums(clip: float, leaves: int, epsilon_nano: int, *, steps: int = 1) -> Mechanism:
    """Sum of gradients clipped to [-clip, clip], and number of rows, of each leaf [leaves, 2]; Laplace noise.

    A row is in one leaf and moves its sum by `clip` and its count by 1: half of epsilon for each.
    """
    event = checked(Pure(epsilon_nano, steps))
    noise = discrete_laplace(Fraction(2 * NANO * GRID, epsilon_nano))

    def apply(leaf: npt.ArrayLike, gradients: npt.ArrayLike, words: Words | None = None) -> Floats:
        sums = _binned(np.asarray(leaf), gradients, clip, leaves)
        return in_units(noised(sums, noise, words), _units(clip))

    return Mechanism(apply, event)


def histogram(clip: float, bins: int, features: int, sigma_milli: int, *, steps: int = 1) -> Mechanism:
    """Gradient sums and counts of every feature's bins [features, bins, 2]; Gaussian noise.

    A row is in one bin of each feature: its L2 share is sqrt(2 features) in units of clip and of one row.
    """
    event = checked(Gaussian(sigma_milli, steps))
    noise = discrete_gaussian(Fraction(sigma_milli * root_above(2 * features * GRID * GRID), 1000))

    def apply(codes: npt.ArrayLike, gradients: npt.ArrayLike, words: Words | None = None) -> Floats:
        table = np.asarray(codes)
        if table.ndim != 2 or table.shape[1] != features:
            raise ValueError(f"expected bin codes [rows, {features}], got {table.shape}")
        sums = np.stack([_binned(column, gradients, clip, bins) for column in table.T])
        return in_units(noised(sums, noise, words), _units(clip))

    return Mechanism(apply, event)


def leaf_values(noised_sums: Floats, ridge: float = 1.0) -> Floats:
    """Newton steps out of noised sums: -sum / (max(count, 0) + ridge). Costs nothing more."""
    values: Floats = -noised_sums[..., 0] / (np.maximum(noised_sums[..., 1], 0.0) + ridge)
    return values


def _units(clip: float) -> Floats:
    return np.array([ensure_bound(clip) / GRID, 1 / GRID])


def _binned(places: npt.NDArray[Any], gradients: npt.ArrayLike, clip: float, bins: int) -> Int64s:
    whole = clipped_on_grid(np.asarray(gradients, dtype=np.float64)[:, None], clip, "l2")[:, 0]
    if not np.issubdtype(places.dtype, np.integer) or places.shape != whole.shape:
        raise ValueError(f"expected one whole place per gradient, got {places.dtype} {places.shape}")
    if places.size and not 0 <= int(places.min()) <= int(places.max()) < bins:
        raise ValueError(f"places must lie in 0..{bins - 1}")
    # Doubles hold these whole numbers exactly: 2^20 units a row, fewer than 2^33 rows.
    sums = np.bincount(places, weights=whole.astype(np.float64), minlength=bins)
    rows = np.bincount(places, minlength=bins) * GRID
    return np.stack([sums.astype(np.int64), rows], axis=-1)
