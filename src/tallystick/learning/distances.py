"""Rules that look at how far members' models are from one another.

All of them need only products of pairs of models, so a round costs one product of matrices whatever the rule.
Only the geometric median of many does without: pairs grow with the square of the members, its steps do not.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from .posted import Floats, PostedModels, Rule, Step, Vectors, ensure_tolerates

ROUNDS = 1000  # of the geometric median's iteration; a few dozen are usual
CLOSE = 1e-12  # it stops where the sum of distances falls by less than this share
SMOOTH = 1e-6  # a distance below this share of the median one counts as that
MANY = 256  # members above which a few passes over the models cost less than the products of all pairs
PARTS = 8  # sums of so many parts of the members, added in order: the same bits on any number of cores
NOTHING = 1e-30  # no distance is smaller, so that shares stay finite
ROUNDED = 1e-7  # passes stop where the sum of distances falls by less than float32 tells apart


def products(models: Vectors) -> Floats:
    """Inner products of all pairs of models, counted from their mean so that nothing cancels."""
    apart = models - models.mean(axis=0, dtype=np.float64).astype(np.float32)
    inner: Floats = (apart @ apart.T).astype(np.float64)
    return inner


def squared_distances(models: Vectors) -> Floats:
    """Squared distances of all pairs of models."""
    inner = products(models)
    squares = np.diag(inner)
    distances: Floats = np.maximum(squares[:, None] + squares[None, :] - 2 * inner, 0)
    np.fill_diagonal(distances, 0)
    return distances


def geometric_median(weighted: bool = False) -> Rule:
    """argmin over z of Σ wᵢ·‖vᵢ - z‖, by smoothed Weiszfeld steps (RFA, Pillutla et al. 2022, algorithm 2).

    The median is a weighted mean of the models, so the iteration runs over the weights alone. Tolerates any
    minority of attackers. Weights are equal unless asked otherwise: rows are what members say they have.
    """

    def rule(posted: PostedModels) -> Vectors:
        alpha = posted.weights / posted.weights.sum() if weighted else np.full(len(posted), 1 / len(posted))
        if len(posted) > MANY:
            return by_passes(posted.models, alpha)
        shares = weiszfeld(products(posted.models), alpha)
        return shares.astype(np.float32) @ posted.models

    return rule


def weiszfeld(inner: Floats, alpha: Floats) -> Floats:
    """The shares of the vectors in their geometric median, from their inner products."""
    squares = np.diag(inner)
    shares, before = alpha, np.inf
    for _ in range(ROUNDS):
        along = inner @ shares
        distances = np.sqrt(np.maximum(squares - 2 * along + shares @ along, 0))
        total = float(alpha @ distances)
        if total == 0 or before - total <= CLOSE * total:
            break
        before = total
        pull = alpha / np.maximum(distances, SMOOTH * np.median(distances) + 1e-300)
        shares = pull / pull.sum()
    return shares


def by_passes(models: Vectors, alpha: Floats) -> Vectors:
    """The geometric median of many vectors: each step reads them once, for distances and next shares alike.

    A distance is floored by the median one of the step before.
    """
    parts = np.array_split(np.arange(len(models)), PARTS)
    middle: Any = None
    floor, before = NOTHING, np.inf
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for _ in range(ROUNDS):
            drawn = list(pool.map(partial(_drawn, models, alpha, middle, floor), parts))
            distances = np.concatenate([part.distances for part in drawn])
            total = float(alpha @ distances)
            if middle is not None:
                if total == 0 or before - total <= ROUNDED * total:
                    break
                before = total
            floor = max(SMOOTH * float(np.median(distances)), NOTHING)
            summed = np.sum([part.total for part in drawn], axis=0, dtype=np.float64)
            middle = (summed / sum(part.shares for part in drawn)).astype(np.float32)
    return np.asarray(middle, np.float32)


class _Drawn(NamedTuple):
    total: Vectors  # Σ shareᵢ·vᵢ
    shares: float
    distances: Floats


def _drawn(models: Vectors, alpha: Floats, middle: Any, floor: float, rows: Any) -> _Drawn:
    """How far some vectors pull: by their weights at first, then by weight over distance."""
    total, apart = np.zeros_like(models[0]), np.empty_like(models[0])
    distances, shares = np.zeros(len(rows)), 0.0
    for place, row in enumerate(rows):
        share = float(alpha[row])
        if middle is not None:
            np.subtract(models[row], middle, out=apart)
            distances[place] = np.sqrt(np.dot(apart, apart))
            share /= max(distances[place], floor)
        np.multiply(models[row], np.float32(share), out=apart)
        np.add(total, apart, out=total)
        shares += share
    return _Drawn(total, shares, distances)


def krum(attackers: int) -> Rule:
    """The model nearest to its n - f - 2 nearest others (Krum, Blanchard et al. 2017)."""
    return _krum("Krum", attackers, only=True)


def multi_krum(attackers: int) -> Rule:
    """The mean of the n - f models with the best Krum scores (multi-Krum, Blanchard et al. 2017)."""
    return _krum("multi-Krum", attackers, only=False)


def nearest_mixing(attackers: int) -> Step:
    """Each model becomes the mean of the n - f nearest to it, and itself (NNM, Allouah et al. 2023)."""

    def step(posted: PostedModels) -> PostedModels:
        ensure_tolerates("nearest-neighbour mixing", posted, attackers, 2 * attackers + 1)
        kept = len(posted) - attackers
        near = np.argsort(squared_distances(posted.models), axis=1, kind="stable")[:, :kept]
        mixing = np.zeros((len(posted), len(posted)), np.float32)
        np.put_along_axis(mixing, near, 1 / kept, axis=1)
        return replace(posted, models=mixing @ posted.models)

    return step


def _krum(name: str, attackers: int, only: bool) -> Rule:
    def rule(posted: PostedModels) -> Vectors:
        ensure_tolerates(name, posted, attackers, 2 * attackers + 3)
        size = len(posted)
        distances = np.sort(squared_distances(posted.models), axis=1)
        # The first is each model's distance to itself.
        scores = distances[:, 1 : size - attackers - 1].sum(axis=1)
        best = np.argsort(scores, kind="stable")[: 1 if only else size - attackers]
        chosen: Vectors = posted.models[np.sort(best)].mean(axis=0, dtype=np.float64).astype(np.float32)
        return chosen

    return rule
