"""What is to be learnt: columns, target, labels, the constants that standardise them, the measure."""

import tomllib
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from math import prod
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import Meta

from .codec import Record
from .measure import CLASSIFYING, REGRESSING, BadMeasure, Dimension, Measure, named
from .measure import flaw as flaw_of_measure

MAX_COLUMNS = 4096
MAX_LABELS = 4096
MAX_ROW = 10**7  # numbers in one row
FIELDS = {"columns", "target", "labels", "measure", "shape", "column", "target_column"}  # of a task in TOML

# One spelling per number, so that equal tasks have equal bytes.
Number: TypeAlias = Annotated[str, Meta(pattern=r"\A(0|-?([1-9][0-9]{0,11}|0(?=\.))(\.[0-9]{0,11}[1-9])?)\Z")]
Label: TypeAlias = Annotated[str, Meta(min_length=1, max_length=128)]


class BadTask(ValueError):
    """This task contradicts itself or cannot be read."""


class Column(Record, frozen=True):
    """One column: its dimension, and the constants that standardise it as (value - centre) / spread."""

    name: Label
    of: Dimension = ""
    centre: Number = "0"
    spread: Number = "1"


class Task(Record, frozen=True):
    """Learn `target` from `columns`; without labels the target is a number and the task a regression."""

    columns: Annotated[tuple[Column, ...], Meta(min_length=1, max_length=MAX_COLUMNS)]
    target: Column
    labels: Annotated[tuple[Label, ...], Meta(max_length=MAX_LABELS)]
    measure: Measure
    # One row as a learner sees it, such as (28, 28, 1) for a picture or (60, 3) for a window of three axes.
    shape: Annotated[tuple[Annotated[int, Meta(ge=1, le=MAX_ROW)], ...], Meta(min_length=1, max_length=4)]


def task(
    columns: Sequence[str | Column],
    target: str | Column,
    labels: Sequence[object] = (),
    measure: str | Measure | None = None,
    shape: Sequence[int] = (),
) -> Task:
    """A task from what a person writes; the measure is accuracy or MAE where none is named."""
    if isinstance(columns, str):
        raise BadTask(f"columns is a list of names, not the one name {columns!r}")
    known = labels_of(labels)
    chosen = measure or ("accuracy" if known else "mae")
    parts = tuple(column if isinstance(column, Column) else Column(column) for column in columns)
    aim = target if isinstance(target, Column) else Column(target)
    try:
        how = named(chosen, aim.of if chosen in REGRESSING else "") if isinstance(chosen, str) else chosen
    except BadMeasure as error:
        raise BadTask(str(error)) from None
    made = Task(parts, aim, known, how, tuple(shape) or (len(parts),))
    try:
        checked: Task = msgspec.convert(msgspec.to_builtins(made), Task)
    except msgspec.ValidationError as error:
        raise BadTask(f"this is not a task: {error}") from None
    reason = flaw(checked)
    if reason:
        raise BadTask(reason)
    return checked


def flaw(task: Task) -> str | None:
    """The first way in which this task contradicts itself, or None."""
    seen: set[str] = set()
    for column in (*task.columns, task.target):
        if column.name in seen:
            return f"column {column.name!r} appears more than once among columns and target"
        seen.add(column.name)
    for column in (*task.columns, task.target):
        if Decimal(column.spread) <= 0:
            return f"the spread of column {column.name!r} must be above 0, not {column.spread}"
    if len(task.labels) == 1 or len(set(task.labels)) < len(task.labels):
        return f"labels are at least two, all different, not {', '.join(task.labels)}"
    if prod(task.shape) % len(task.columns) or prod(task.shape) > MAX_ROW:
        return f"a row of shape {task.shape} does not hold {len(task.columns)} columns"
    wrong = REGRESSING if task.labels else CLASSIFYING
    if task.measure.name in wrong:
        kind = "a classification" if task.labels else "a regression (it names no labels)"
        return f"the measure {task.measure.name} does not fit {kind}"
    reason = flaw_of_measure(task.measure)
    return f"measure {task.measure.name}: {reason}" if reason else None


def load(path: str | Path) -> Task:
    """The task that a TOML file describes: columns, target, labels, measure, shape, and tables of constants.

    `[column.NAME]` and `[target_column]` may say `of`, `centre` and `spread`.
    """
    try:
        written = tomllib.loads(Path(path).read_text(encoding="utf-8"), parse_float=Decimal)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadTask(f"{path} is not a task in TOML: {error}") from None
    try:
        return of_table(written)
    except BadTask as error:
        raise BadTask(f"{path}: {error}") from None


def of_table(written: Mapping[str, Any]) -> Task:
    """The task that a table describes, as `load` reads it from a file and `table_of` writes it."""
    unknown = sorted(set(written) - FIELDS)
    if unknown or not {"columns", "target"} <= set(written):
        problem = f"does not know {', '.join(unknown)}" if unknown else "needs columns and target"
        raise BadTask(f"a task {problem}")
    described = written.get("column", {})
    strange = sorted(set(described) - set(written["columns"]))
    if strange:
        raise BadTask(f"constants for {', '.join(strange)}, which are no columns of the task")
    return task(
        [_column(name, described.get(name, {})) for name in written["columns"]],
        _column(written["target"], written.get("target_column", {})),
        written.get("labels", ()),
        _measure(written.get("measure")),
        written.get("shape", ()),
    )


def table_of(task: Task) -> dict[str, Any]:
    """The task as a table, out of which `of_table` makes the same task; constants keep their spelling."""
    columns = {column.name: _constants(column) for column in task.columns}
    measure, target = task.measure, _constants(task.target)
    usual = measure.name not in REGRESSING or measure == named(measure.name, task.target.of)
    bound: dict[str, Any] = {"name": measure.name, "of": measure.of}
    if not usual and measure != named(measure.name, measure.of):
        bound["upper"] = measure.upper
    table = {
        "columns": list(columns),
        "target": task.target.name,
        "labels": list(task.labels),
        "measure": measure.name if usual else bound,
        "shape": list(task.shape),
        "column": {name: constants for name, constants in columns.items() if constants},
        "target_column": target,
    }
    table = {name: value for name, value in table.items() if value}
    if of_table(table) != task:
        raise BadTask(f"the measure {measure.name} has bounds or a scale that no file of a task can say")
    return table


def _constants(column: Column) -> dict[str, str]:
    stated = {"of": column.of, "centre": column.centre, "spread": column.spread}
    return {name: value for name, value in stated.items() if value != getattr(Column(column.name), name)}


def _measure(written: str | Mapping[str, Any] | None) -> Measure | str | None:
    """A measure by its name, or as a table that also says where errors are cut off."""
    if not isinstance(written, Mapping):
        return written
    if set(written) - {"name", "of", "upper"} or "name" not in written:
        raise BadTask(f"a measure has name, of and upper, not {', '.join(written)}")
    try:
        return named(written["name"], written.get("of", ""), written.get("upper"))
    except BadMeasure as error:
        raise BadTask(str(error)) from None


def labels_of(values: Sequence[object]) -> tuple[str, ...]:
    """Labels as the strings by which they are compared: 1, True and "1" are different ways to write one."""
    return tuple(str(int(value)) if isinstance(value, bool) else str(value) for value in values)


def number(value: str | int | Decimal) -> str:
    """The one spelling of a number with at most 12 digits on either side of its point."""
    try:
        exact = Decimal(value)
        rounded = exact.quantize(Decimal("1e-12")) if exact.is_finite() else exact
    except InvalidOperation:
        raise BadTask(f"{value!r} is not a number of at most 12 digits before and after its point") from None
    if not rounded.is_finite() or abs(rounded) >= 10**12:
        raise BadTask(f"{value!r} is not a number of at most 12 digits before and after its point")
    text = f"{rounded:f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def _column(name: str, constants: Mapping[str, Any]) -> Column:
    unknown = sorted(set(constants) - {"of", "centre", "spread"})
    if unknown:
        raise BadTask(f"column {name!r} has of, centre and spread, not {', '.join(unknown)}")
    return Column(
        name,
        str(constants.get("of", "")),
        number(constants.get("centre", 0)),
        number(constants.get("spread", 1)),
    )
