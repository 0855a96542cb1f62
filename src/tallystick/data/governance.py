"""Cleaning and standardising a table before it is offered, with a report of what was done to how many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tallystick.base.task import Column, number
from tallystick.data.canonical import row_bytes
from tallystick.data.refusals import DataError
from tallystick.data.schema import flat
from tallystick.data.table import Table

Missing: TypeAlias = Literal["drop", "mean", "median", "keep"]
Beyond: TypeAlias = Literal["drop", "clip", "missing"]
ROWS = 65_536


@dataclass(frozen=True, slots=True)
class Cleaning:
    """What to do with what is missing, out of range or repeated; empty text counts as missing."""

    missing: Missing = "drop"
    columns: Mapping[str, Missing] = field(default_factory=dict)  # where a column is treated otherwise
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)  # what a sensor can mean
    beyond: Beyond = "drop"
    absent: Sequence[float] = ()  # numbers that mean "no value", such as -999
    duplicates: bool = True  # remove rows that repeat an earlier one


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What cleaning did: rows before and after, and how many values or rows for each reason."""

    before: int
    after: int
    counts: Mapping[str, int]

    def __str__(self) -> str:
        lines = [f"{self.before:,} rows came in, {self.after:,} are left"]
        return "\n".join([*lines, *(f"  {count:,} {reason}" for reason, count in self.counts.items())])


def clean(table: Table, rules: Cleaning = Cleaning()) -> tuple[Table, Cleaned]:
    """The table after the rules, and what they did."""
    for name in (*rules.columns, *rules.ranges):
        table.ensure(name)
    counts: dict[str, int] = {}
    columns: dict[str, NDArray[Any]] = {}
    kept = np.ones(len(table), bool)
    for name in table.names:
        values = stripped(table[name]) if table[name].dtype.kind in "OUT" else table[name]
        if name in rules.ranges or rules.absent:
            values, outside = ranged(name, values, rules, counts)
            kept &= ~outside
        treatment = rules.columns.get(name, rules.missing)
        values, gone = filled(name, values, treatment, kept, counts)
        kept &= ~gone
        columns[name] = values
    cleaned = Table(columns).where(kept)
    if rules.duplicates and len(cleaned):
        seen: dict[bytes, None] = {}
        fresh = np.fromiter(
            (row not in seen and seen.setdefault(row) is None for row in row_bytes(cleaned)),
            bool,
            len(cleaned),
        )
        if repeated := int(np.count_nonzero(~fresh)):
            counts["rows repeated an earlier one and were removed"] = repeated
            cleaned = cleaned.where(fresh)
    return cleaned, Cleaned(len(table), len(cleaned), counts)


def stripped(values: NDArray[Any]) -> NDArray[Any]:
    """Text without spaces around it; what is then empty is missing."""
    texts = [None if value is None else value.strip() or None for value in values.tolist()]
    return np.array([*texts, None], object)[:-1]


def ranged(
    name: str, values: NDArray[Any], rules: Cleaning, counts: dict[str, int]
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Numbers with absent ones and those out of range as NaN or clipped, and the rows to drop."""
    nobody = np.zeros(len(values), bool)
    if values.dtype.kind not in "iuf":
        if name in rules.ranges:
            raise DataError(f"column {name!r} is no numbers; it cannot have a range")
        return values, nobody
    absent = (
        np.isin(values, np.asarray(rules.absent, np.float64))
        if rules.absent
        else np.zeros(values.shape, bool)
    )
    if absent.any():
        values = np.where(absent, np.nan, values.astype(np.float64))
    if name not in rules.ranges:
        return values, nobody
    low, high = rules.ranges[name]
    if not low <= high:
        raise DataError(f"the range of {name!r} is {low} to {high}; the first must not be above the second")
    outside: NDArray[np.bool_] = np.asarray((values < low) | (values > high))
    if not outside.any():
        return values, nobody
    rows: NDArray[np.bool_] = np.asarray(flat(outside).any(axis=1))
    done = {"drop": "removed", "clip": "clipped", "missing": "treated as missing"}[rules.beyond]
    counts[f"rows had {name!r} outside {low:g} to {high:g} and were {done}"] = int(rows.sum())
    if rules.beyond == "drop":
        return values, rows
    if rules.beyond == "clip":
        return np.clip(values, low, high), nobody
    return np.where(outside, np.nan, values.astype(np.float64)), nobody


def filled(
    name: str, values: NDArray[Any], treatment: Missing, kept: NDArray[np.bool_], counts: dict[str, int]
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """The values with gaps filled, or the rows to drop; constants come from the rows that are kept."""
    gaps = missing_in(values)
    rows: NDArray[np.bool_] = np.asarray(flat(gaps).any(axis=1))
    nobody = np.zeros(len(values), bool)
    hit = int(np.count_nonzero(rows & kept))
    if not hit or treatment == "keep":
        return values, nobody
    if treatment == "drop":
        counts[f"rows had no {name!r} and were removed"] = hit
        return values, rows
    if values.dtype.kind != "f":
        raise DataError(f"column {name!r} is no numbers; it has no {treatment}; drop or keep its gaps")
    sound = values[kept][~gaps[kept]]
    if not len(sound):
        raise DataError(f"column {name!r} has no values at all; leave it out")
    constant = float(np.mean(sound) if treatment == "mean" else np.median(sound))
    counts[f"rows had no {name!r} and got its {treatment} {constant:.6g}"] = hit
    return np.where(gaps, values.dtype.type(constant), values), nobody


def missing_in(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Where there is no value: None, NaN, infinity, no time."""
    if values.dtype.kind == "f":
        return np.asarray(~np.isfinite(values))
    if values.dtype.kind == "M":
        return np.asarray(np.isnat(values))
    if values.dtype.kind == "O":
        return np.array([value is None for value in values.tolist()], bool)
    return np.zeros(values.shape, bool)


@dataclass(frozen=True, slots=True)
class Standard:
    """Constants by which columns become (value - centre) / spread; they say something about the rows."""

    centre: Mapping[str, float]
    spread: Mapping[str, float]

    def apply(self, table: Table) -> Table:
        columns = {name: (table[name] - self.centre[name]) / self.spread[name] for name in self.centre}
        return table.replace(**columns)

    def undo(self, table: Table) -> Table:
        columns = {name: table[name] * self.spread[name] + self.centre[name] for name in self.centre}
        return table.replace(**columns)

    def columns(self) -> tuple[Column, ...]:
        """The columns of a task with these constants."""
        return tuple(
            Column(name, "", decimal(self.centre[name]), decimal(self.spread[name])) for name in self.centre
        )


def decimal(value: float) -> str:
    """A constant to nine significant digits, as tasks spell it."""
    return number(Decimal(f"{value:.9g}"))


def standard(table: Table, names: Sequence[str] = ()) -> Standard:
    """Mean and standard deviation of number columns, in pieces; a constant column keeps spread 1."""
    chosen = names or [name for name in table.names if table[name].dtype.kind in "iuf"]
    centre, spread = {}, {}
    for name in chosen:
        values = table[name]
        if values.dtype.kind not in "biuf":
            raise DataError(f"column {name!r} is no numbers; it has no mean")
        count, mean, squares = 0, 0.0, 0.0
        for start in range(0, len(values), ROWS):
            part = values[start : start + ROWS].astype(np.float64).reshape(-1)
            part = part[np.isfinite(part)]
            if not len(part):
                continue
            total = count + len(part)
            step = float(part.mean()) - mean
            squares += float(((part - part.mean()) ** 2).sum()) + step * step * count * len(part) / total
            mean += step * len(part) / total
            count = total
        if not count:
            raise DataError(f"column {name!r} has no finite value; leave it out")
        deviation = (squares / count) ** 0.5
        centre[name] = mean
        spread[name] = deviation if deviation > 1e-9 * max(1.0, abs(mean)) else 1.0
    return Standard(centre, spread)
