"""Rows of named columns: NumPy arrays, in memory or mapped from disk, all of one length."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from tallystick.base.task import Task
from tallystick.data.refusals import DataError
from tallystick.data.schema import Array, Field, flat, schema_of
from tallystick.data.unit import Shares, divide_by

SHOWN = 20  # rows in a notebook


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Table:
    """An immutable view of columns; a row of a column may itself be an array (an image, a window)."""

    columns: Mapping[str, Array]

    def __post_init__(self) -> None:
        lengths = {name: len(column) for name, column in self.columns.items()}
        if len(set(lengths.values())) > 1:
            raise DataError(f"the columns have different lengths: {lengths}")

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.columns)

    @property
    def schema(self) -> tuple[Field, ...]:
        return schema_of(self)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __contains__(self, name: object) -> bool:
        return name in self.columns

    def __getitem__(self, name: str) -> Array:
        try:
            return self.columns[name]
        except KeyError:
            raise DataError(f"there is no column {name!r}; there are {', '.join(self.names)}") from None

    def ensure(self, name: str) -> None:
        """Refuse a column that is not there."""
        self[name]

    def __repr__(self) -> str:
        fields = ", ".join(
            f"{field.name}: {field.kind}{list(field.shape) if field.shape else ''}" for field in self.schema
        )
        return f"Table({len(self):,} rows; {fields})"

    def _repr_html_(self) -> str:
        """The first rows, for a notebook; every value is shown as text."""
        few = self.slice(0, SHOWN)
        head = "".join(f"<th>{escape(name)}</th>" for name in self.names)
        lines = zip(*(few[name] for name in self.names), strict=True)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(_shown(value))}</td>" for value in line) + "</tr>"
            for line in lines
        )
        more = "" if len(self) <= SHOWN else f"<p>{len(self):,} rows in all</p>"
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"

    def take(self, rows: Sequence[int] | Array) -> Table:
        """The rows at these places, in this order (copied)."""
        at = np.asarray(rows, dtype=np.int64)
        return Table({name: column[at] for name, column in self.columns.items()})

    def slice(self, start: int, stop: int) -> Table:
        """Neighbouring rows, without copying."""
        return Table({name: column[start:stop] for name, column in self.columns.items()})

    def where(self, mask: NDArray[np.bool_]) -> Table:
        return self.take(np.flatnonzero(mask))

    def select(self, names: Sequence[str]) -> Table:
        return Table({name: self[name] for name in names})

    def without(self, *names: str) -> Table:
        return Table({name: column for name, column in self.columns.items() if name not in names})

    def replace(self, **columns: Array) -> Table:
        """The table with these columns changed or added."""
        return Table({**self.columns, **columns})

    def matrix(self, names: Sequence[str] = (), dtype: DTypeLike = np.float32) -> NDArray[Any]:
        """The named columns side by side, one row a line; a column of arrays is flattened."""
        chosen = [(name, self[name]) for name in names or self.names]
        odd = [name for name, column in chosen if column.dtype.kind not in "biuf"]
        if odd:
            raise DataError(
                f"{', '.join(map(repr, odd))}: not numbers; leave the column out or code it first"
            )
        if len(chosen) == 1:
            return flat(chosen[0][1]).astype(dtype, copy=False)
        parts = [flat(column) for _, column in chosen]
        out = np.empty((len(self), sum(part.shape[1] for part in parts)), dtype)
        np.concatenate(parts, axis=1, out=out, casting="unsafe")
        return out

    def split(
        self, by: str, *, task: Task | None = None, judging: float = 0.2, seed: int = 0, subject: str = ""
    ) -> Shares[Table]:
        """A member for each value of `by`, with its training and judging rows.

        With a task, a member keeps the columns that the task and `subject` name, and no others.
        """
        columns = self.columns_of(task, subject) if task else ()
        return Shares(divide_by(self, by, judging, seed, subject, columns), task)

    def columns_of(self, task: Task, subject: str = "") -> tuple[str, ...]:
        """The columns that a task needs, which must all be there."""
        names = [
            *(column.name for column in task.columns),
            task.target.name,
            *([subject] if subject else []),
        ]
        for name in names:
            self.ensure(name)
        return tuple(dict.fromkeys(names))

    def to_arrow(self) -> Any:
        import pyarrow as pa

        return pa.table(
            {
                name: pa.array(column)
                if column.ndim == 1
                else pa.FixedSizeListArray.from_arrays(
                    pa.array(column.reshape(-1)), int(np.prod(column.shape[1:]))
                )
                for name, column in self.columns.items()
            }
        )

    def to_pandas(self) -> Any:
        """A pandas frame, where pandas is installed; Tallystick itself does not need it."""
        try:
            return self.to_arrow().to_pandas()
        except ModuleNotFoundError as error:
            raise DataError(f"{error.name} is not installed; `pip install {error.name}` brings it") from None


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float | np.floating) else str(value)


def joined(tables: Sequence[Table]) -> Table:
    """The rows of several tables with the same columns, one after the other."""
    if not tables:
        raise DataError("there is no table to join")
    names = tables[0].names
    odd = next((table.names for table in tables if table.names != names), None)
    if odd is not None:
        raise DataError(f"the tables have different columns: {', '.join(names)} and {', '.join(odd)}")
    if len(tables) == 1:
        return tables[0]
    return Table({name: np.concatenate([table[name] for table in tables]) for name in names})
