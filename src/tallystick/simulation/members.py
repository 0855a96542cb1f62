"""Members out of one table: who holds which rows, which of them judge, and how columns are standardised."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from ..base.task import Column, Task, number
from ..data.partition import by_column, iid
from ..data.refusals import DataError
from ..data.table import Table
from ..data.unit import DividedRows, Shares, divide
from ..learning.learner import Rows
from ..learning.rows import rows_of
from .setting import ANALYST, REQUESTER, Brought

Places: TypeAlias = npt.NDArray[np.int64] | Sequence[int]  # numbers of rows
Partition: TypeAlias = int | Sequence[Places] | Mapping[str, Places]

STANDARDISED = (
    "columns are standardised by all members' training rows, as only a simulation can; "
    "a real request's task states the constants"
)


@dataclass(frozen=True, eq=False)
class Members:
    """What is to be learnt, and what each member brings to it."""

    task: Task
    brought: Mapping[str, Brought]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.brought)

    def __iter__(self) -> Iterator[str]:
        return iter(self.brought)

    def rows(self, table: Table) -> Rows:
        """Other rows as these members see theirs: a test set, or new cases."""
        return rows_of(table, self.task)

    def __repr__(self) -> str:
        lines = [f"{len(self)} members, {self.task.target.name} from {len(self.task.columns)} columns"]
        for name, own in self.brought.items():
            lines.append(
                f"  {name:<20} {len(own.training.y):>8,} to train on {len(own.judging.y):>8,} to judge by"
            )
        return "\n".join(lines)


def members_of(
    table: Table,
    task: Task,
    by: str = "",
    partition: Partition | None = None,
    judging: float = 0.2,
    seed: int = 7,
    subject: str = "",
    standardise: bool = True,
) -> Members:
    """A member for each value of the column `by`, or for each part of `partition` (a number: dealt evenly).

    With `subject` whole people are kept together, and privacy may count them. Columns without constants of
    their own are standardised.
    """
    parts = _parts(table, by, partition, seed)
    kept = table.select(table.columns_of(task, subject))
    units = {name: divide(kept.take(rows), judging, seed, subject) for name, rows in parts.items()}
    return _members(units, task, subject, standardise)


def members_in(shares: Shares[Table]) -> Members:
    """The members into whom a table was split: `read("pumps.csv").split(by="site", task=task)`."""
    if shares.task is None:
        raise DataError("what is to be learnt? say it where the table is split: split(by=…, task=task)")
    units = dict(zip(_named(list(shares)), shares.values(), strict=True))
    subject = next((unit.subject for unit in units.values()), "")
    return _members(units, shares.task, subject, standardise=True)


def _members(units: Mapping[str, DividedRows[Table]], task: Task, subject: str, standardise: bool) -> Members:
    for name, unit in units.items():
        if not len(unit.training) or not len(unit.judging):
            raise DataError(
                f"member {name} has {len(unit.training)} rows to train on and {len(unit.judging)} to judge "
                f"by; each needs both: drop it, or divide otherwise"
            )
    if len(units) < 2:
        raise DataError(f"a team has at least two members; this gives {len(units)}: {', '.join(units)}")
    notes: tuple[str, ...] = ()
    if standardise and all((column.centre, column.spread) == ("0", "1") for column in task.columns):
        task = standardised(task, list(units.values()))
        notes = (STANDARDISED,)
    return Members(task, {name: _brought(unit, task, subject) for name, unit in units.items()}, notes)


def standardised(task: Task, units: Sequence[DividedRows[Table]]) -> Task:
    """The task with centre and spread of each column (and of a number that is to be told) over all units."""
    columns = tuple(_measured(column, units) for column in task.columns)
    target = task.target if task.labels else _measured(task.target, units)
    return replace(task, columns=columns, target=target)


def _measured(column: Column, units: Sequence[DividedRows[Table]]) -> Column:
    parts = [unit.training[column.name] for unit in units]
    if parts[0].ndim > 1 or parts[0].dtype.kind not in "biuf":
        return column
    values = np.concatenate(parts).astype(np.float64)
    values = values[np.isfinite(values)]
    if not len(values):
        return column
    spread = float(values.std())
    spread = spread if spread > 1e-9 else 1.0
    return replace(column, centre=number(f"{float(values.mean()):.9f}"), spread=number(f"{spread:.9f}"))


def _brought(unit: DividedRows[Table], task: Task, subject: str) -> Brought:
    training, judging = (rows_of(part, task, subject) for part in (unit.training, unit.judging))
    return Brought(training, judging, (unit.training_root, unit.judging_root))


def _parts(table: Table, by: str, partition: Partition | None, seed: int) -> dict[str, Places]:
    if bool(by) == (partition is not None):
        raise DataError("say who holds which rows: by=<column>, or partition=<number of members>")
    if by:
        table.ensure(by)
        shares: Mapping[str, Places] = by_column(table[by])
    elif isinstance(partition, int):
        shares = _numbered(iid(len(table), partition, seed))
    else:
        shares = partition if isinstance(partition, Mapping) else _numbered(partition or ())
    return dict(zip(_named(list(shares)), shares.values(), strict=True))


def _named(called: Sequence[object]) -> list[str]:
    """Names for the ledger, of what a column or a person calls the members."""
    named = [name_of(name) for name in called]
    if len(set(named)) < len(named):
        raise DataError(f"two members would have the same name: {', '.join(map(str, called))}")
    taken = {REQUESTER, ANALYST} & set(named)
    if taken:
        raise DataError(f"a member cannot be called {taken.pop()!r}, which is a part in every run; rename it")
    return named


def _numbered(parts: Sequence[Places]) -> dict[str, Places]:
    wide = len(str(len(parts)))
    return {f"member-{place:0{wide}}": rows for place, rows in enumerate(parts, 1)}


def name_of(value: object) -> str:
    """A name as the ledger writes it: small letters, digits, dots, dashes."""
    plain = re.sub(r"[^a-z0-9._-]+", "-", str(value).lower()).strip("-._")[:48]
    if not plain:
        raise DataError(f"no name can be made of {value!r}; name members by letters or digits")
    return plain
