"""Who holds which rows: reproducible ways to divide one data set among members.

Chance comes from NumPy's `Generator` over PCG64 with a stated seed: the same seed, sizes and NumPy release
give the same rows everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from tallystick.data.refusals import DataError
from tallystick.data.schema import Array

Rows: TypeAlias = NDArray[np.int64]

# bp2p section 5: "0–20, 20–40, ... and 160–180 different data sizes"
BP2P_BINS = tuple((low, low + 20) for low in range(0, 180, 20))


def chance(seed: int, *path: int) -> np.random.Generator:
    """PCG64 seeded by a number and a path below it (round, member ...)."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, *path))))


def ensure_members(members: int) -> None:
    if members < 1:
        raise DataError(f"cannot divide rows among {members} members; name at least one")


def iid(rows: int, members: int, seed: int) -> list[Rows]:
    """Shuffled and dealt out evenly: sizes differ by one at most, every row has one holder."""
    ensure_members(members)
    shuffled = chance(seed).permutation(rows).astype(np.int64)
    return [np.sort(part) for part in np.array_split(shuffled, members)]


def dirichlet(labels: Array, members: int, alpha: float, seed: int, *, least: int = 0) -> list[Rows]:
    """Each label's rows divided in proportions drawn from Dirichlet(alpha); every row has one holder.

    The smaller alpha, the more one-sided the members. Members with fewer than `least` rows get rows from the
    largest ones, lowest row first, so that the result does not depend on how often a draw was repeated.
    """
    ensure_members(members)
    if not alpha > 0:
        raise DataError(
            f"alpha is {alpha}; Dirichlet needs a number above 0 (0.1 is very uneven, 100 is even)"
        )
    if least * members > len(labels):
        raise DataError(
            f"{members} members with at least {least} rows each need more than {len(labels)} rows"
        )
    generator = chance(seed)
    held: list[list[Rows]] = [[] for _ in range(members)]
    for label in np.unique(labels):
        rows = generator.permutation(np.flatnonzero(labels == label)).astype(np.int64)
        shares = generator.dirichlet(np.full(members, alpha))
        cuts = np.floor(np.cumsum(shares)[:-1] * len(rows)).astype(np.int64)
        for holder, part in zip(held, np.split(rows, cuts), strict=True):
            holder.append(part)
    parts = [np.sort(np.concatenate([np.empty(0, np.int64), *holder])) for holder in held]
    return topped_up(parts, least)


def topped_up(parts: list[Rows], least: int) -> list[Rows]:
    """The same rows with nobody below `least`: what is missing comes from whoever holds most."""
    parts = list(parts)
    for poor in range(len(parts)):
        while len(parts[poor]) < least:
            rich = max(range(len(parts)), key=lambda index: len(parts[index]))
            given = min(least - len(parts[poor]), len(parts[rich]) - least)
            parts[poor] = np.sort(np.concatenate([parts[poor], parts[rich][:given]]))
            parts[rich] = parts[rich][given:]
    return parts


def by_column(values: Array) -> dict[str, Rows]:
    """One member for each value of a column (a site, a subject, a machine), in the order of the values."""
    if any(value is None for value in values.tolist()):
        raise DataError("the column to split by has rows without a value; clean them first")
    groups, member = np.unique(
        values.astype(str) if values.dtype.kind == "O" else values, return_inverse=True
    )
    order = np.argsort(member.reshape(-1), kind="stable").astype(np.int64)
    bounds = np.cumsum(np.bincount(member.reshape(-1), minlength=len(groups)))[:-1]
    return {str(value): part for value, part in zip(groups, np.split(order, bounds), strict=True)}


def by_subject(subjects: Array, members: int, seed: int) -> list[Rows]:
    """Whole subjects dealt out evenly (fdc: 30 children over 5 schools, 6 each); nobody is split."""
    ensure_members(members)
    held = list(by_column(subjects).values())
    if len(held) < members:
        raise DataError(f"{len(held)} subjects cannot be dealt to {members} members; use {len(held)} at most")
    order = chance(seed).permutation(len(held))
    return [np.sort(np.concatenate([held[i] for i in part])) for part in np.array_split(order, members)]


def in_bins(rows: int, members: int, seed: int, bins: Sequence[tuple[int, int]] = BP2P_BINS) -> list[Rows]:
    """Sizes as in bp2p: a member draws a bin, then a size within it [low, high); no row has two holders."""
    ensure_members(members)
    if any(not 0 <= low < high for low, high in bins):
        raise DataError(f"bins are {list(bins)}; each needs 0 <= low < high")
    generator = chance(seed)
    drawn = generator.integers(0, len(bins), members)
    sizes = [int(generator.integers(*bins[index])) for index in drawn]
    if sum(sizes) > rows:
        raise DataError(f"the members drew {sum(sizes)} rows of {rows}; take fewer members or smaller bins")
    shuffled = generator.permutation(rows)[: sum(sizes)].astype(np.int64)
    return [np.sort(part) for part in np.split(shuffled, np.cumsum(sizes)[:-1])]
