"""What members' models are worth together: leave-one-out and Shapley values, beside the judges' scores.

Both ask for values of many subsets at once: `values(subsets)` takes [subsets, members], one value each.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from math import comb
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ..base.measure import Measure
from .cohort import Cohort, Stack
from .judge import Judge, Judging
from .learner import Learner, Model, Rows

Subsets: TypeAlias = npt.NDArray[np.bool_]  # [subsets, members]
Floats: TypeAlias = npt.NDArray[np.float64]
Values: TypeAlias = Callable[[Subsets], Floats]

EXACT = 12  # members up to which all subsets are looked at


def values_of_means(
    judge: Judge,
    learner: Learner,
    models: Stack,
    weights: npt.ArrayLike,
    start: Stack,
    like: Model,
    rows: Rows,
    measure: Measure,
) -> Values:
    """The value of the weighted mean of a subset's models on these rows; of nobody's, that of the start."""
    counts = np.asarray(weights, np.float64)
    judges = Cohort((rows,))

    def values(subsets: Subsets) -> Floats:
        shares = subsets * counts
        totals = shares.sum(axis=1, keepdims=True)
        means = (np.divide(shares, totals, out=np.zeros_like(shares), where=totals > 0) @ models).astype(
            np.float32
        )
        means[totals[:, 0] == 0] = start
        asked = Judging(learner, means, like, judges, (measure,))
        sign = 1.0 if measure.direction == "higher" else -1.0
        worth: Floats = judge(asked)[:, 0, 0].astype(np.float64) * sign
        return worth

    return values


def leave_one_out(values: Values, members: int) -> Floats:
    """By how much the value falls when a member is left out."""
    subsets = np.concatenate([np.ones((1, members), bool), ~np.eye(members, dtype=bool)])
    worth = values(subsets)
    lost: Floats = worth[0] - worth[1:]
    return lost


def shapley(values: Values, members: int) -> Floats:
    """Each member's mean gain over all orders in which the members could come (Shapley 1953)."""
    if members > EXACT:
        raise ValueError(f"{members} members have 2^{members} subsets; draw orders instead (shapley_drawn)")
    subsets = np.array([[(number >> m) & 1 for m in range(members)] for number in range(2**members)], bool)
    reached = values(subsets)
    worth = np.zeros(members)
    for size in range(members):
        for others in combinations(range(members), size):
            without = sum(1 << m for m in others)
            for member in set(range(members)) - set(others):
                gain = reached[without | (1 << member)] - reached[without]
                worth[member] += gain / (members * comb(members - 1, size))
    return worth


def shapley_drawn(
    values: Values, members: int, orders: int, seed: int, tolerance: float = 0.0
) -> tuple[Floats, Floats]:
    """Shapley values from drawn orders, and their standard errors (Ghorbani, Zou 2019, algorithm 1).

    An order is cut where the value is within `tolerance` of that of all members: who comes later gains 0.
    All orders go in step, so that each step is one call for many subsets.
    """
    if orders < 2:
        raise ValueError(f"{orders} orders show no spread; draw at least 2")
    chance = np.random.Generator(np.random.Philox(seed))
    places = np.argsort(chance.random((orders, members)), axis=1)
    ends = values(np.array([[False] * members, [True] * members]))
    gains = np.zeros((orders, members))
    subsets = np.zeros((orders, members), bool)
    reached = np.full(orders, ends[0])
    for step in range(members):
        going = np.flatnonzero(np.abs(ends[1] - reached) > tolerance) if tolerance else np.arange(orders)
        if not len(going):
            break
        joining = places[going, step]
        subsets[going, joining] = True
        worth = values(subsets[going])
        gains[going, joining] = worth - reached[going]
        reached[going] = worth
    return gains.mean(axis=0), gains.std(axis=0, ddof=1) / np.sqrt(orders)
