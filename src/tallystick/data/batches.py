"""Batches: rows in a seeded order from a table, a Parquet file or a user's iterable, few of them in memory.

A table (in memory, or mapped by `mapped_copy`) is served in one permutation of all its rows. A stream is
mixed within pools: Parquet fills each from several row groups, so that files sorted by label still mix.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tallystick.data.partition import chance
from tallystick.data.readers import ensure_columns, from_arrow, open_parquet
from tallystick.data.refusals import DataError, Unreadable
from tallystick.data.schema import Array, Field, schema_of
from tallystick.data.table import Table, joined

POOL = 65_536
LANES = 8  # row groups that are read side by side


@dataclass(frozen=True, slots=True)
class BatchSource:
    """How many rows, of which schema, and a way to go through them once in the order of a seed."""

    length: int
    schema: tuple[Field, ...]
    size: int
    order: Callable[[int, int], Iterator[Table]]  # seed, pass → pieces of any length

    @property
    def steps(self) -> int:
        """Batches in one pass; the last may be shorter."""
        return -(-self.length // self.size)

    def once(self, seed: int, number: int = 0) -> Iterator[Table]:
        """Pass `number` over all rows, `size` at a time."""
        seen = 0
        for batch in regrouped(self.order(seed, number), self.size):
            if schema_of(batch) != self.schema:
                raise DataError(f"rows {seen} to {seen + len(batch)} are {batch!r}, unlike the schema stated")
            seen += len(batch)
            if seen > self.length:
                break
            yield batch
        if seen != self.length:
            raise DataError(f"the data was said to have {self.length} rows; a pass gave {seen} or more")


def regrouped(pieces: Iterable[Table], size: int) -> Iterator[Table]:
    """The same rows in pieces of `size`, the last one shorter."""
    waiting: list[Table] = []
    count = 0
    for piece in pieces:
        start = 0
        while count + len(piece) - start >= size:
            stop = start + size - count
            yield joined([*waiting, piece.slice(start, stop)])
            waiting, count, start = [], 0, stop
        if start < len(piece):
            waiting.append(piece.slice(start, len(piece)))
            count += len(piece) - start
    if waiting:
        yield joined(waiting)


def ensure_size(size: int) -> None:
    if size < 1:
        raise DataError(f"the batch size is {size}; it must be at least 1")


def batches_of(table: Table, size: int) -> BatchSource:
    """Batches of a table: every pass is a permutation of all rows."""
    ensure_size(size)

    def order(seed: int, number: int) -> Iterator[Table]:
        rows = chance(seed, number).permutation(len(table))
        for start in range(0, len(table), size):
            yield table.take(rows[start : start + size])

    return BatchSource(len(table), table.schema, size, order)


def batches_from(
    make: Callable[[], Iterable[Table]], length: int, schema: tuple[Field, ...], size: int, pool: int = POOL
) -> BatchSource:
    """Batches of a user's own iterable: `make()` starts a new pass; rows are mixed within pools."""
    ensure_size(size)

    def order(seed: int, number: int) -> Iterator[Table]:
        generator = chance(seed, number)
        for part in regrouped(make(), pool):
            yield part.take(generator.permutation(len(part)))

    return BatchSource(length, schema, size, order)


def batches_of_parquet(
    path: str | Path, size: int, columns: Sequence[str] = (), pool: int = POOL
) -> BatchSource:
    """Batches of a mapped Parquet file: about `pool` rows and a page of each open row group in memory."""
    ensure_size(size)
    path = Path(path)
    file = open_parquet(path)
    ensure_columns(file.schema_arrow.names, columns, path.name)
    names = list(columns) or list(file.schema_arrow.names)
    schema = schema_of(from_arrow(file.schema_arrow.empty_table().select(names), path.name))
    groups = file.metadata.num_row_groups

    def order(seed: int, number: int) -> Iterator[Table]:
        generator = chance(seed, number)
        queue = generator.permutation(groups).tolist()
        lanes: list[Iterator[Table]] = []
        while queue or lanes:
            while queue and len(lanes) < LANES:
                lanes.append(group_pieces(path, queue.pop(0), names, max(1, pool // LANES)))
            pieces = [next(lane, None) for lane in lanes]
            lanes = [lane for lane, piece in zip(lanes, pieces, strict=True) if piece is not None]
            if filled := [piece for piece in pieces if piece is not None]:
                part = joined(filled)
                yield part.take(generator.permutation(len(part)))

    return BatchSource(file.metadata.num_rows, schema, size, order)


def group_pieces(path: Path, group: int, names: list[str], rows: int) -> Iterator[Table]:
    """One row group in pieces."""
    import pyarrow as pa

    try:
        file = open_parquet(path)
        for piece in file.iter_batches(rows, row_groups=[group], columns=names, use_threads=False):
            yield from_arrow(pa.Table.from_batches([piece]), path.name)
    except (pa.ArrowInvalid, OSError) as error:
        raise Unreadable(f"{path.name}, row group {group}: {str(error).splitlines()[0]}") from None


def mapped_copy(path: str | Path, folder: str | Path, columns: Sequence[str] = ()) -> Table:
    """A Parquet file's number columns as mapped NPY files in `folder`, for sampling any row (Poisson)."""
    path, folder = Path(path), Path(folder)
    batches = batches_of_parquet(path, POOL, columns)
    odd = [field.name for field in batches.schema if field.kind in ("text", "time")]
    if odd:
        raise DataError(f"{', '.join(map(repr, odd))}: only numbers can be mapped; name the number columns")
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, Any] = {}
    at = 0
    for group in range(open_parquet(path).metadata.num_row_groups):
        for piece in group_pieces(path, group, [field.name for field in batches.schema], POOL):
            for index, name in enumerate(piece.names):
                if name not in files:
                    shape = (batches.length, *piece[name].shape[1:])
                    target = folder / f"column-{index}.npy"
                    files[name] = np.lib.format.open_memmap(target, "w+", piece[name].dtype, shape)
                files[name][at : at + len(piece)] = piece[name]
            at += len(piece)
    for values in files.values():
        values.flush()
    columns_there: dict[str, Array] = {
        name: np.load(folder / f"column-{index}.npy", mmap_mode="r") for index, name in enumerate(files)
    }
    return Table(columns_there)
