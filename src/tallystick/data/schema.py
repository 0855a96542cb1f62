"""What columns are: their names, kinds and shapes, as a tuple that two members can compare and hash."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self, TypeAlias

from numpy.typing import NDArray

from tallystick.data.refusals import DataError

Array: TypeAlias = NDArray[Any]

# numpy's letter for a kind of number -> ours; the width in bytes follows it
NUMBERS = {"b": "bool", "i": "int", "u": "uint", "f": "float"}


@dataclass(frozen=True, slots=True)
class Field:
    """One column: `kind` is bool, text, time, or int, uint, float with the bits; `shape` is one row's."""

    name: str
    kind: str
    shape: tuple[int, ...] = ()


def flat(array: NDArray[Any]) -> NDArray[Any]:
    """A row of values for each row of a column, also where there are no rows."""
    return array.reshape(len(array), math.prod(array.shape[1:]))


class Columns(Protocol):
    """Rows of named columns, as far as dividing and hashing need them."""

    @property
    def names(self) -> tuple[str, ...]: ...

    def __len__(self) -> int: ...

    def __getitem__(self, name: str, /) -> Array: ...

    def select(self, names: Sequence[str], /) -> Self: ...

    def take(self, rows: Sequence[int] | Array, /) -> Self: ...


def kind_of(array: Array, name: str = "column") -> str:
    """The kind of an array's values, or a refusal for values that are neither numbers, times nor text."""
    letter = array.dtype.kind
    if letter == "b":
        return "bool"
    if letter in NUMBERS:
        return f"{NUMBERS[letter]}{array.dtype.itemsize * 8}"
    if letter in "UT":
        return "text"
    if letter == "M":
        return "time"
    if letter == "O":
        odd = next((value for value in array.flat if value is not None and not isinstance(value, str)), None)
        if odd is None:
            return "text"
        raise DataError(f"{name!r} holds a {type(odd).__name__}; a column is numbers, times or text")
    raise DataError(f"{name!r} is of type {array.dtype}; a column is numbers, times or text")


def schema_of(columns: Columns) -> tuple[Field, ...]:
    """The fields in the order of the columns."""
    return tuple(
        Field(name, kind_of(columns[name], name), tuple(columns[name].shape[1:])) for name in columns.names
    )


def schema_digest(schema: Sequence[Field]) -> bytes:
    """SHA-256 of the fields: what a unit registers, and what a preflight compares."""
    listed = [[field.name, field.kind, list(field.shape)] for field in schema]
    return hashlib.sha256(json.dumps(listed, separators=(",", ":")).encode()).digest()
