"""Sensor streams as windows of per-second sums (fdc section V, eq. 1): 60 s of 3 axes are 180 floats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tallystick.data.partition import by_column
from tallystick.data.refusals import DataError
from tallystick.data.schema import Array, flat
from tallystick.data.table import Table

SECOND = 1_000_000_000  # nanoseconds


@dataclass(frozen=True, slots=True)
class Seconds:
    """Sums of whole seconds, in order of time: `at` is the second's start in nanoseconds."""

    at: NDArray[np.int64]
    sums: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows of consecutive seconds; where they overlap, protect the subject: a second is in many rows."""

    start: NDArray[np.int64]
    length: int  # nanoseconds
    values: NDArray[np.float32]
    overlap: bool


def per_second(times: Array, values: Array, interval: float | None = None, least: float = 0.5) -> Seconds:
    """A(s) = Σ a_i Δt over the samples in second s (fdc eq. 1).

    `interval` is Δt in seconds; by default the median step between samples, so that a gap does not count as
    one long sample. A second with fewer than `least` of the samples that Δt lets expect is left out.
    """
    at = np.asarray(times).astype(np.int64)
    samples = flat(np.asarray(values, dtype=np.float64))
    sound = np.isfinite(samples).all(axis=1)
    order = np.argsort(at[sound], kind="stable")
    at, samples = at[sound][order], samples[sound][order]
    if interval is None:
        steps = np.diff(at)
        steps = steps[steps > 0]
        if not len(steps):
            raise DataError(f"{len(at)} samples do not say how far apart they are; pass interval in seconds")
        interval = float(np.median(steps)) / SECOND
    if not interval > 0:
        raise DataError(f"the interval is {interval} s; it must be above 0")
    seconds, first, counts = np.unique(at // SECOND, return_index=True, return_counts=True)
    sums = np.add.reduceat(samples, first, axis=0) * interval if len(first) else samples
    full = counts >= least / interval
    return Seconds(seconds[full] * SECOND, sums[full])


def windows(seconds: Seconds, length: int = 60, step: int | None = None) -> Windows:
    """Windows of `length` seconds without a gap, a new one every `step` seconds (by default no overlap)."""
    step = length if step is None else step
    if length < 1 or step < 1:
        raise DataError(f"windows of {length} s every {step} s are not possible; both must be at least 1")
    number = seconds.at // SECOND
    breaks = np.flatnonzero(np.diff(number) != 1) + 1
    starts = [
        np.arange(low, high - length + 1, step)
        for low, high in zip([0, *breaks], [*breaks, len(number)], strict=True)
    ]
    begins = np.concatenate([np.empty(0, np.int64), *starts]).astype(np.int64)
    rows = begins[:, None] + np.arange(length)
    values = flat(seconds.sums[rows]).astype(np.float32)
    return Windows(seconds.at[begins], length * SECOND, values, step < length)


def recordings(
    table: Table,
    keys: Sequence[str],
    time: str,
    axes: Sequence[str],
    length: int = 60,
    step: int | None = None,
    interval: float | None = None,
) -> Table:
    """Windows of every recording: the rows that share the values of `keys` (subject and activity, say).

    No window crosses from one recording into another; the columns are the keys, `start` and `window`.
    """
    if not keys or not axes:
        raise DataError("name the columns that tell recordings apart, and the axes")
    parts = [np.arange(len(table))]
    for key in keys:
        parts = [part[rows] for part in parts for rows in by_column(table[key][part]).values()]
    columns: dict[str, list[Array]] = {name: [] for name in (*keys, "start", "window")}
    for part in parts:
        if len(part) < 2:
            continue
        rows = table.take(part)
        cut = windows(per_second(rows[time], rows.matrix(axes, np.float64), interval), length, step)
        for key in keys:
            columns[key].append(np.repeat(rows[key][:1], len(cut.start)))
        columns["start"].append(cut.start)
        columns["window"].append(cut.values)
    if not columns["start"]:
        raise DataError("no recording has two samples or more")
    return Table({name: np.concatenate(values) for name, values in columns.items()})
