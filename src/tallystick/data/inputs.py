"""A table as a task sees it: standardised columns in the task's shape, targets as numbers of labels."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tallystick.base.task import Task, labels_of
from tallystick.data.refusals import DataError
from tallystick.data.schema import Array, flat
from tallystick.data.table import Table


class Inputs(NamedTuple):
    """What a learner trains on; `subject` numbers the people whose rows they are, where known."""

    x: NDArray[Any]  # [rows, *shape] float32, or bytes that count as shares of 255
    y: NDArray[Any]  # [rows] numbers of labels (int32), or the standardised target (float32)
    subject: NDArray[np.int32] | None


def inputs(table: Table, task: Task, subject: str = "", missing: bool = False) -> Inputs:
    """Rows for a task; missing values are refused unless the learner (trees) can do with them."""
    x, y = features(table, task, missing), targets(table, task)
    people = None
    if subject:
        _, numbers = np.unique(text_of(table[subject]), return_inverse=True)
        people = numbers.reshape(-1).astype(np.int32)
    return Inputs(x, y, people)


def features(table: Table, task: Task, missing: bool = False) -> NDArray[Any]:
    """The task's columns; of one column of bytes, the bytes themselves."""
    shape = (len(table), *task.shape)
    columns = [table[column.name] for column in task.columns]
    plain = all((column.centre, column.spread) == ("0", "1") for column in task.columns)
    if len(columns) == 1 and columns[0].dtype == np.uint8 and columns[0].ndim > 1 and plain:
        return fitted(columns[0], shape, task)
    parts = []
    for column, values in zip(task.columns, columns, strict=True):
        if values.dtype.kind not in "biuf":
            raise DataError(f"column {column.name!r} is text or time; code it as numbers before learning")
        part = (values.astype(np.float64) - float(column.centre)) / float(column.spread)
        gaps = len(part) - np.count_nonzero(np.isfinite(flat(part)).all(axis=1))
        if np.isinf(part).any() or (gaps and not missing):
            raise DataError(
                f"column {column.name!r} has {gaps} rows that are missing or not finite; clean them"
            )
        parts.append(part.astype(np.float32))
    if shape[1:] == (*parts[0].shape[1:], len(parts)) and len(parts) > 1:
        return np.stack(parts, axis=-1)  # windows of several axes, a value of each axis at each moment
    return fitted(np.concatenate([flat(part) for part in parts], axis=1), shape, task)


def fitted(values: NDArray[Any], shape: tuple[int, ...], task: Task) -> NDArray[Any]:
    if math.prod(values.shape[1:]) != math.prod(task.shape):
        raise DataError(
            f"a row holds {math.prod(values.shape[1:])} numbers; the task's shape {task.shape} needs "
            f"{math.prod(task.shape)}"
        )
    return values.reshape(shape)


def targets(table: Table, task: Task) -> NDArray[Any]:
    """Numbers of labels, or the standardised target."""
    column = task.target
    values = table[column.name]
    if not task.labels:
        if values.dtype.kind not in "biuf" or not np.isfinite(values.astype(np.float64)).all():
            raise DataError(f"the target {column.name!r} must be finite numbers in every row; clean it first")
        return ((values.astype(np.float64) - float(column.centre)) / float(column.spread)).astype(np.float32)
    distinct, place = np.unique(text_of(values), return_inverse=True)
    known = {label: number for number, label in enumerate(task.labels)}
    strange = [label for label in distinct.tolist() if label not in known]
    if strange:
        raise DataError(
            f"the target {column.name!r} holds {', '.join(map(repr, strange[:5]))}; the task knows the "
            f"labels {', '.join(task.labels[:10])}"
        )
    numbers = np.array([known[label] for label in distinct.tolist()], np.int32)
    return numbers[place.reshape(-1)]


def text_of(values: Array) -> NDArray[Any]:
    """Values as the strings by which labels are compared; whole floats (1.0) are integers."""
    if values.dtype.kind == "f" and np.isfinite(values).all() and (values == np.round(values)).all():
        values = values.astype(np.int64)
    if values.dtype.kind in "OT":
        return np.array(["" if value is None else value for value in values.tolist()], dtype=np.str_)
    distinct, place = np.unique(values, return_inverse=True)
    return np.array(labels_of(distinct.tolist()), dtype=np.str_)[place.reshape(-1)]
