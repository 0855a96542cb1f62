"""Noise for published scores: a mean over m judging rows moves by (high - low) / m with one row (erratum 24).

Protects a judging row. The number of judging rows is public (their Merkle root is on the ledger); a row that
is taken away counts as `low`.
"""

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from ..base.events import Gaussian, Pure, checked
from .clipping import GRID, Floats, finite
from .grid import Noise, discrete_gaussian, discrete_laplace
from .mechanisms import NANO, Mechanism, noised, root_above
from .randomness import Words


def scores(low: float, high: float, epsilon_nano: int, *, models: int = 1) -> Mechanism:
    """Mean figures of `models` models on the same rows, Laplace noise on each: epsilon is per model."""
    event = checked(Pure(epsilon_nano, models))
    noise = discrete_laplace(Fraction(NANO * GRID, epsilon_nano))
    return Mechanism(_noised_means(low, high, models, noise), event)


def scores_gaussian(
    low: float, high: float, sigma_milli: int, *, models: int = 1, steps: int = 1
) -> Mechanism:
    """As `scores`, Gaussian noise on all figures of a round at once: one row moves them by sqrt(models)."""
    event = checked(Gaussian(sigma_milli, steps))
    noise = discrete_gaussian(Fraction(sigma_milli * root_above(max(models, 1) * GRID * GRID), 1000))
    return Mechanism(_noised_means(low, high, models, noise), event)


def _noised_means(low: float, high: float, models: int, noise: Noise) -> Callable[..., Floats]:
    if not -np.inf < low < high < np.inf:
        raise ValueError(f"scores need finite limits, low {low} below high {high}")
    unit = (high - low) / GRID

    def apply(figures: npt.ArrayLike, words: Words | None = None) -> Floats:
        """Figures of single rows [rows] or [rows, models] → one noised mean per model, inside the limits."""
        table = finite(figures)
        table = table[:, None] if table.ndim == 1 else table
        if table.ndim != 2 or table.shape[0] == 0 or table.shape[1] != models:
            raise ValueError(f"expected figures [rows, {models}] of at least one row, got {table.shape}")
        share = np.floor((np.clip(table, low, high) - low) / unit).astype(np.int64)
        sums = np.clip(share, 0, GRID).sum(axis=0)
        means = low + noised(sums, noise, words) * (unit / table.shape[0])
        return np.asarray(np.clip(means, low, high), np.float64)

    return apply
