"""Training rows and judging rows: disjoint, fixed before any round, each under its own Merkle root.

Which part a row goes to follows from its content and the seed alone, so that equal rows are never in both
parts, and the order in which a file lists its rows does not matter.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from tallystick.base.task import Task
from tallystick.data.canonical import content_root, row_bytes
from tallystick.data.partition import by_column
from tallystick.data.refusals import DataError
from tallystick.data.schema import Columns, Field, schema_digest, schema_of

T = TypeVar("T", bound=Columns)


@dataclass(frozen=True, slots=True)
class DividedRows(Generic[T]):
    """What an owner registers: two parts, their roots, and the schema they share."""

    training: T
    judging: T
    training_root: bytes
    judging_root: bytes
    schema: tuple[Field, ...]
    subject: str = ""  # the column whose values are kept whole, where there is one

    @property
    def rows(self) -> int:
        return len(self.training) + len(self.judging)

    @property
    def schema_digest(self) -> bytes:
        return schema_digest(self.schema)


def place(seed: int, content: bytes) -> int:
    """Where content stands in the order that a seed gives all content."""
    digest = hashlib.sha256(b"part" + seed.to_bytes(16, "big", signed=True) + content).digest()
    return int.from_bytes(digest[:8], "big")


def places(columns: Columns, seed: int, subject: str) -> NDArray[np.uint64]:
    """The place of every row; rows of one subject, or of equal content, share theirs."""
    if not subject:
        return np.fromiter((place(seed, row) for row in row_bytes(columns)), np.uint64, len(columns))
    placed = np.empty(len(columns), np.uint64)
    for value, rows in by_column(columns[subject]).items():
        placed[rows] = place(seed, value.encode())
    return placed


def divide(columns: T, judging: float = 0.2, seed: int = 0, subject: str = "") -> DividedRows[T]:
    """Put about a share `judging` of the rows aside for judging; with `subject`, whole subjects."""
    if not 0 <= judging < 1:
        raise DataError(f"the judging share is {judging}; it must be at least 0 and less than 1")
    if subject and subject not in columns.names:
        raise DataError(f"there is no column {subject!r} to keep whole; there are {', '.join(columns.names)}")
    at = places(columns, seed, subject)
    groups, sizes = np.unique(at, return_counts=True)
    # A group that overshoots is taken only where that comes closer to the wanted number than stopping.
    taken = groups[np.cumsum(sizes) - sizes / 2 <= round(len(columns) * judging)]
    aside = at <= taken[-1] if len(taken) else np.zeros(len(columns), bool)
    training, held_out = columns.take(np.flatnonzero(~aside)), columns.take(np.flatnonzero(aside))
    return DividedRows(
        training, held_out, content_root(training), content_root(held_out), schema_of(columns), subject
    )


@dataclass(frozen=True, eq=False)
class Shares(Mapping[str, DividedRows[T]], Generic[T]):
    """Units by who holds them, with the task that they were divided for."""

    units: Mapping[str, DividedRows[T]]
    task: Task | None = None

    def __getitem__(self, name: str) -> DividedRows[T]:
        return self.units[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.units)

    def __len__(self) -> int:
        return len(self.units)

    def __repr__(self) -> str:
        rows = ", ".join(f"{name} {unit.rows:,}" for name, unit in self.units.items())
        return f"Shares({len(self)} members; rows: {rows})"


def divide_by(
    columns: T, by: str, judging: float = 0.2, seed: int = 0, subject: str = "", chosen: Sequence[str] = ()
) -> dict[str, DividedRows[T]]:
    """A unit for each value of the column `by`, with the wanted columns (all by default)."""
    if by not in columns.names:
        raise DataError(f"there is no column {by!r} to split by; there are {', '.join(columns.names)}")
    parts = by_column(columns[by])
    kept = columns.select(chosen) if chosen else columns
    return {name: divide(kept.take(rows), judging, seed, subject) for name, rows in parts.items()}
