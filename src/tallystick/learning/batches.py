"""The order in which a member's rows are taken: shuffled epochs, or Poisson samples for privacy."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from .learner import Batches, Rows

Key: TypeAlias = npt.NDArray[np.uint32]  # two words: the data of a JAX key, and the seed of an order
Order: TypeAlias = npt.NDArray[np.int32]  # [steps, size] numbers of rows; -1 marks an empty place


ROWS, STEPS = 64, 8  # the least for which a program is compiled: smaller members share one


def bucket(count: int, least: int = 1) -> int:
    """The next size for which a program is compiled: eight sizes a doubling, so at most an eighth is idle."""
    count = max(count, least)
    if count <= 8:
        return count
    step = 1 << (count.bit_length() - 4)
    return -(-count // step) * step


def keys_of(parts: Iterable[Sequence[int | str]]) -> tuple[Key, ...]:
    """A key for each member from what names the moment, such as (seed, round, member). For simulations.

    Where noise must stay secret the key comes from the operating system instead.
    """
    hashes = (hashlib.sha256(repr(tuple(part)).encode()).digest()[:8] for part in parts)
    return tuple(np.frombuffer(drawn, np.uint32) for drawn in hashes)


def shuffled(count: int, size: int, epochs: int, key: Key) -> Order:
    """Every row once an epoch, in batches of this size; the last batch of an epoch may be smaller."""
    return shuffles([count], size, epochs, [key])[0]


def shuffles(counts: Sequence[int], size: int, epochs: int, keys: Sequence[Key]) -> tuple[Order, ...]:
    """`shuffled` for many members; each one's order depends on its own rows and key alone."""
    if size < 1 or epochs < 0 or min(counts, default=0) < 0:
        raise ValueError(f"{epochs} epochs in batches of {size} cannot be taken of {min(counts)} rows")
    orders: list[Order] = [np.empty((0, size), np.int32)] * len(counts)
    number = np.array(counts, np.int64)
    for count in np.unique(number[number > 0]):
        chosen = np.flatnonzero(number == count)
        seeds = np.stack([keys[int(m)] for m in chosen]).view(np.uint64)
        steps = -(-int(count) // size)
        taken = np.full((len(chosen), epochs, steps * size), -1, np.int32)
        for epoch in range(epochs):
            places = np.arange(1 + epoch * int(count), 1 + (epoch + 1) * int(count), dtype=np.uint64)
            taken[:, epoch, :count] = np.argsort(_mixed(seeds + places * _GOLDEN), axis=1, kind="stable")
        for m, order in zip(chosen, taken.reshape(len(chosen), epochs * steps, size), strict=True):
            orders[m] = order
    return tuple(orders)


def poisson(count: int, rate: float, steps: int, seed: int) -> Order:
    """In each step every row by itself with this probability; no batch is cut short, as privacy needs.

    Outside simulations the seed is secret and comes from the operating system.
    """
    if count < 0 or steps < 0 or not 0 < rate <= 1:
        raise ValueError(f"{steps} samples of {count} rows at rate {rate} cannot be drawn")
    chance = np.random.Generator(np.random.Philox(np.random.SeedSequence(seed)))
    drawn = [np.flatnonzero(chance.random(count) < rate) for _ in range(steps)]
    order = np.full((steps, max((len(rows) for rows in drawn), default=0)), -1, np.int32)
    for row, rows in zip(order, drawn, strict=True):
        row[: len(rows)] = rows
    return widened(order)


def widened(order: Order) -> Order:
    """The same order in batches of a size for which a program is compiled, so that draws share programs."""
    wide = np.full((len(order), bucket(order.shape[1], 8)), -1, np.int32)
    wide[:, : order.shape[1]] = order
    return wide


def batches(rows: Rows, order: Order, first: int = 0) -> Batches:
    """These rows in this order, as a learner takes them."""
    if order.ndim != 2 or (order.size and not -1 <= order.min() <= order.max() < len(rows.y)):
        raise ValueError(f"the order names rows beyond the {len(rows.y)} there are")
    return Batches(rows, order, np.int32(len(order)), np.int32(first))


def pieces(chunks: Iterable[Rows], size: int) -> Iterator[Batches]:
    """Rows that do not fit into memory at once, in the order in which they come: each piece whole batches.

    Rows that do not fill the last batch of a chunk are taken first in the next one.
    """
    left: Rows | None = None
    first = 0
    for chunk in chunks:
        rows = chunk if left is None else _joined(left, chunk)
        whole = len(rows.y) // size * size
        left = Rows(*(None if part is None else np.asarray(part)[whole:] for part in rows))
        if whole:
            order = np.arange(whole, dtype=np.int32).reshape(-1, size)
            yield batches(rows, order, first)
            first += len(order)
    if left is not None and len(left.y):
        order = np.full((1, size), -1, np.int32)
        order[0, : len(left.y)] = np.arange(len(left.y))
        yield batches(left, order, first)


_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def _mixed(state: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """SplitMix64 (Steele, Lea, Flood 2014): a number for each place that needs no earlier one."""
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


def _joined(first: Rows, second: Rows) -> Rows:
    return Rows(
        np.concatenate([first.x, second.x]),
        np.concatenate([first.y, second.y]),
        None if first.subject is None else np.concatenate([first.subject, second.subject]),
    )
