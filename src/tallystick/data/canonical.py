"""One row, one byte string: what the Merkle root of a data set is computed over.

A row is its values in column order: numbers big-endian in their own width, times as int64 nanoseconds, text
as its length and UTF-8. -0.0 is 0.0 and there is one NaN, so that equal rows have equal bytes. Names are not
part of a row (they are in the schema's digest): the same content under other headings has the same root.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.base import merkle
from tallystick.data.refusals import DataError
from tallystick.data.schema import Array, Columns, flat, kind_of

ROWS_AT_A_TIME = 4096
ABSENT = (0xFFFFFFFF).to_bytes(4, "big")  # the length that no text has stands for a missing one


def numbers_as_bytes(array: NDArray[Any]) -> NDArray[np.uint8]:
    """A matrix of bytes, one row each."""
    rows = flat(np.ascontiguousarray(array))
    if rows.dtype.kind == "M":
        rows = rows.astype("datetime64[ns]").astype(np.int64)
    if rows.dtype.kind == "f":
        rows = rows + rows.dtype.type(0)  # -0.0 becomes 0.0
        rows = np.where(np.isnan(rows), rows.dtype.type("nan"), rows)
    big = np.ascontiguousarray(rows.astype(rows.dtype.newbyteorder(">"), copy=False))
    return flat(big[..., None].view(np.uint8))


def text_as_bytes(array: Array) -> list[bytes]:
    """One byte string a row: each text after its length."""
    rows = []
    for values in flat(array).tolist():
        parts = []
        for value in values:
            encoded = b"" if value is None else value.encode("utf-8", "surrogatepass")
            parts.append(ABSENT if value is None else len(encoded).to_bytes(4, "big") + encoded)
        rows.append(b"".join(parts))
    return rows


def row_bytes(columns: Columns) -> Iterator[bytes]:
    """The canonical bytes of every row, in order; a few thousand rows are in memory at a time."""
    if not columns.names:
        raise DataError("a table without columns has no rows to hash; read at least one column")
    kinds = [kind_of(columns[name], name) for name in columns.names]
    for start in range(0, len(columns), ROWS_AT_A_TIME):
        stop = min(start + ROWS_AT_A_TIME, len(columns))
        pieces = [
            text_as_bytes(columns[name][start:stop])
            if kind == "text"
            else [row.tobytes() for row in numbers_as_bytes(columns[name][start:stop])]
            for name, kind in zip(columns.names, kinds, strict=True)
        ]
        yield from pieces[0] if len(pieces) == 1 else map(b"".join, zip(*pieces, strict=True))


def content_root(columns: Columns) -> bytes:
    """The Merkle root (RFC 6962) of the rows in their order."""
    return merkle.root(row_bytes(columns))
