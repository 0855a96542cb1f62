"""A table from a path: CSV, Parquet, NPY, NPZ and IDX, told apart by name; pickles are refused."""

from __future__ import annotations

import glob
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tallystick.data.arrays import read_idx, read_npy, read_npz
from tallystick.data.bounded import LIMITS, FileLimits, ensure_no_pickle, present, unpacked
from tallystick.data.refusals import DataError, MissingData, TooLarge, Unreadable
from tallystick.data.schema import Array, kind_of
from tallystick.data.table import Table, joined

KINDS = ".csv, .csv.gz, .csv.xz, .parquet, .npy, .npz, .idx and the -ubyte files of MNIST"
PACKED = {".gz", ".xz"}
THRIFT_BYTES, THRIFT_ITEMS = 64 << 20, 1 << 20  # what a Parquet footer may make the reader allocate
CSV_BLOCK = 16 << 20


def read(
    path: str | Path,
    columns: Sequence[str] = (),
    *,
    types: Mapping[str, str] | None = None,
    limits: FileLimits = LIMITS,
) -> Table:
    """The table in a file, or in all files that a pattern such as `data/*.parquet` matches, in order of name.

    `columns` names those wanted (all by default); `types` fixes a CSV column to text, int, float or bool.
    """
    if any(letter in str(path) for letter in "*?["):
        paths = sorted(glob.glob(str(path)))
        if not paths:
            raise MissingData(f"no file matches {path}")
        return joined([read(part, columns, types=types, limits=limits) for part in paths])
    path = present(Path(path))
    ensure_no_pickle(path)
    endings = [ending.lower() for ending in path.suffixes]
    plain = path.name.removesuffix(path.suffix) if path.suffix in PACKED else path.name
    ending = next((ending for ending in reversed(endings) if ending not in PACKED), "")
    if ending == ".csv":
        return read_csv(path, columns, types or {}, limits)
    if ending == ".parquet":
        return read_parquet(path, columns, limits)
    if ending == ".npz":
        return chosen(Table(checked(read_npz(path, limits))), columns)
    if ending == ".npy":
        return chosen(Table(checked({path.stem: read_npy(path)})), columns)
    if ending == ".idx" or plain.endswith("-ubyte"):
        return chosen(Table({plain: read_idx(path, limits)}), columns)
    raise Unreadable(f"{path.name} is of no kind that is read here ({KINDS})")


def chosen(table: Table, columns: Sequence[str]) -> Table:
    return table.select(columns) if columns else table


def checked(arrays: dict[str, Array]) -> dict[str, Array]:
    """The arrays, each with rows and of a kind that a column may have."""
    for name, array in arrays.items():
        kind_of(array, name)
        if array.ndim == 0:
            raise DataError(f"{name!r} is a single value; a column needs rows")
    return arrays


def read_csv(path: Path, columns: Sequence[str], types: Mapping[str, str], limits: FileLimits) -> Table:
    """A CSV file with a line of headings; plain or packed."""
    import pyarrow as pa
    from pyarrow import csv

    kinds = {"text": pa.string(), "int": pa.int64(), "float": pa.float64(), "bool": pa.bool_()}
    odd = next((kind for kind in types.values() if kind not in kinds), None)
    if odd is not None:
        raise DataError(f"{odd!r} is no type of a column; use {', '.join(kinds)}")
    with unpacked(path, limits.memory) as stream:
        heading = stream.peek(1 << 16)[: 1 << 20]
        if not heading.strip():
            raise Unreadable(f"{path.name} is empty")
        if heading.split(b"\n", 1)[0].count(b",") >= limits.columns:
            raise TooLarge(f"{path.name} has more than {limits.columns:,} columns")
        try:
            table = csv.read_csv(
                stream,
                read_options=csv.ReadOptions(use_threads=False, block_size=CSV_BLOCK),
                convert_options=csv.ConvertOptions(
                    column_types={name: kinds[kind] for name, kind in types.items()},
                    include_columns=list(columns) or None,
                    strings_can_be_null=True,
                ),
            )
        except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
            hint = (
                "; name the column's type, as in types={'column': 'text'}"
                if "conversion" in str(error)
                else ""
            )
            raise Unreadable(f"{path.name}: {error}{hint}") from None
    return from_arrow(table, path.name)


def open_parquet(path: Path) -> Any:
    """A Parquet file, mapped, with a bound on what its footer may claim."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        return parquet.ParquetFile(
            present(path), memory_map=True, pre_buffer=False,
            thrift_string_size_limit=THRIFT_BYTES, thrift_container_size_limit=THRIFT_ITEMS,
        )  # fmt: skip
    except (pa.ArrowInvalid, OSError) as error:
        raise Unreadable(f"{path.name} is not a sound Parquet file: {str(error).splitlines()[0]}") from None


def read_parquet(path: Path, columns: Sequence[str], limits: FileLimits) -> Table:
    """A Parquet file, in memory; larger ones are for `batches_of_parquet`."""
    import pyarrow as pa

    file = open_parquet(path)
    ensure_columns(file.schema_arrow.names, columns, path.name)
    chosen = set(columns) or set(file.schema_arrow.names)
    groups = (file.metadata.row_group(index) for index in range(file.metadata.num_row_groups))
    size = sum(
        group.column(index).total_uncompressed_size
        for group in groups
        for index in range(group.num_columns)
        if group.column(index).path_in_schema.split(".")[0] in chosen
    )
    if size > limits.memory:
        raise TooLarge(
            f"{path.name} unpacks to {size:,} bytes, more than the {limits.memory:,} allowed in memory; "
            "read fewer columns, or train from the file itself with batches_of"
        )
    try:
        return from_arrow(file.read(columns=list(columns) or None, use_threads=False), path.name)
    except (pa.ArrowInvalid, OSError) as error:
        raise Unreadable(f"{path.name} is not a sound Parquet file: {str(error).splitlines()[0]}") from None


def ensure_columns(there: Sequence[str], asked: Sequence[str], name: str) -> None:
    missing = [column for column in asked if column not in there]
    if missing:
        raise DataError(f"{name} has no column {', '.join(map(repr, missing))}; it has {', '.join(there)}")


def from_arrow(table: Any, name: str) -> Table:
    """Columns as NumPy arrays: missing numbers are NaN, missing text None, lists of one length a matrix."""
    names = table.column_names
    twice = next((column for column in names if names.count(column) > 1), None)
    if twice is not None:
        raise Unreadable(f"{name} has two columns named {twice!r}")
    return Table({column: from_arrow_column(table.column(column), column) for column in names})


def from_arrow_column(column: Any, name: str) -> Array:
    import pyarrow as pa
    from pyarrow import types

    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(whole, pa.ChunkedArray):
        whole = pa.concat_arrays(whole.chunks)
    kind = whole.type
    if types.is_dictionary(kind):
        words = np.array([*whole.dictionary.to_pylist(), None], object)
        codes = whole.indices.fill_null(len(words) - 1).to_numpy(zero_copy_only=False)
        return np.asarray(words[codes])
    if types.is_fixed_size_list(kind):
        inner = from_arrow_column(whole.flatten(), name)
        return inner.reshape(len(whole), kind.list_size)
    if types.is_string(kind) or types.is_large_string(kind):
        return np.array([*whole.to_pylist(), None], object)[:-1]  # the None keeps NumPy from guessing
    if types.is_binary(kind) or types.is_large_binary(kind):
        raise Unreadable(f"{name!r} is no text in UTF-8; save the file as UTF-8, or leave the column out")
    if types.is_null(kind):
        return np.full(len(whole), np.nan)
    if types.is_boolean(kind) and whole.null_count:
        return np.array([*whole.to_pylist(), None], object)[:-1].astype(float)
    if types.is_date(kind) or types.is_timestamp(kind):
        return np.asarray(whole.cast(pa.timestamp("ns")).to_numpy(zero_copy_only=False))
    if types.is_decimal(kind):
        whole = whole.cast(pa.float64())
    if not (types.is_boolean(whole.type) or types.is_integer(whole.type) or types.is_floating(whole.type)):
        raise DataError(f"{name!r} is of type {kind}; a column is numbers, times or text")
    return np.asarray(whole.to_numpy(zero_copy_only=False))
