"""Rules that make one model of many: the mean, rules coordinate by coordinate, and a table of all rules."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from . import fixed_point
from .distances import geometric_median, krum, multi_krum, nearest_mixing
from .fixed_point import FixedPoint
from .posted import PostedModels, Rule, Vectors, after, ensure_tolerates
from .weighting import clip_norms, drop_worst, trust_root

BLOCK = 2**21  # numbers that are sorted at once: they stay in a core's cache


def weighted_mean(form: FixedPoint = fixed_point.DEFAULT) -> Rule:
    """Σ wᵢ·vᵢ / Σ wᵢ in fixed point: FedAvg (McMahan et al. 2017), bpcv eq. 5 with n = Σ nᵢ (errata row 6).

    The same bits as the running sum of a cohort and as a secure sum. Tolerates no attacker.
    """
    return lambda posted: fixed_point.mean(posted.models, posted.weights.tolist(), form)


def coordinate_median() -> Rule:
    """In each coordinate the median of the members' values, weights aside (Yin et al. 2018, definition 1)."""

    def middle(ordered: Vectors) -> Vectors:
        size = ordered.shape[1]
        pair = ordered[:, (size - 1) // 2].astype(np.float64) + ordered[:, size // 2]
        median: Vectors = (pair / 2).astype(np.float32)
        return median

    return lambda posted: _by_coordinate(posted.models, middle)


def trimmed_mean(attackers: int) -> Rule:
    """In each coordinate the mean without the f lowest and f highest (Yin et al. 2018, definition 2)."""

    def inner(ordered: Vectors) -> Vectors:
        kept = ordered[:, attackers : ordered.shape[1] - attackers]
        mean: Vectors = kept.mean(axis=1, dtype=np.float64).astype(np.float32)
        return mean

    def rule(posted: PostedModels) -> Vectors:
        ensure_tolerates("the trimmed mean", posted, attackers, 2 * attackers + 1)
        return _by_coordinate(posted.models, inner)

    return rule


# By name, against so many attackers; rules that need scores or a root say so when they lack them.
RULES: dict[str, Callable[[int], Rule]] = {
    "mean": lambda attackers: weighted_mean(),
    "median": lambda attackers: coordinate_median(),
    "trimmed_mean": trimmed_mean,
    "geometric_median": lambda attackers: geometric_median(),
    "krum": krum,
    "multi_krum": multi_krum,
    "mixing_geometric_median": lambda attackers: after(nearest_mixing(attackers), rule=geometric_median()),
    "mixing_trimmed_mean": lambda attackers: after(nearest_mixing(attackers), rule=trimmed_mean(attackers)),
    "clipped_mean": lambda attackers: after(clip_norms(), rule=weighted_mean()),
    "clipped_geometric_median": lambda attackers: after(clip_norms(), rule=geometric_median()),
    "trust_root": lambda attackers: trust_root(),
    "drop_worst": lambda attackers: after(drop_worst(attackers), rule=weighted_mean()),
    "drop_worst_geometric_median": lambda attackers: after(drop_worst(attackers), rule=geometric_median()),
}


def _by_coordinate(models: Vectors, inner: Callable[[Vectors], Vectors]) -> Vectors:
    """Sort every coordinate's values and reduce them, a block of coordinates at a time on each core."""
    size, numbers = models.shape
    width = max(1, BLOCK // size // 16)
    combined = np.empty(numbers, np.float32)

    def block(first: int) -> None:
        last = min(first + width, numbers)
        combined[first:last] = inner(np.sort(np.ascontiguousarray(models[:, first:last].T), axis=1))

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        list(pool.map(block, range(0, numbers, width)))
    return combined
