"""Batches: every row once a pass, in the order of the seed, from more data than memory holds."""

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.data.batches import batches_from, batches_of, batches_of_parquet, mapped_copy, regrouped
from tallystick.data.refusals import DataError, Unreadable
from tallystick.data.table import Table

ROWS = 5000
TABLE = Table(
    {
        "id": np.arange(ROWS),
        "x": np.arange(ROWS, dtype=np.float32) / 7,
        "w": np.array(["u", "v"] * (ROWS // 2), object),
    }
)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    file = tmp_path_factory.mktemp("batches") / "sorted.parquet"
    pq.write_table(TABLE.to_arrow(), file, row_group_size=300)
    return file


def made(kind, path, size=64):
    if kind == "table":
        return batches_of(TABLE, size)
    if kind == "parquet":
        return batches_of_parquet(path, size, pool=1024)
    return batches_from(
        lambda: (TABLE.slice(i, i + 37) for i in range(0, ROWS, 37)), ROWS, TABLE.schema, size, 1024
    )


def ids(batches, seed, number=0):
    return np.concatenate([batch["id"] for batch in batches.once(seed, number)])


@pytest.mark.parametrize("kind", ["table", "parquet", "iterable"])
def test_a_pass_gives_every_row_once_in_the_order_of_its_seed(kind, path):
    batches = made(kind, path)
    sizes = [len(batch) for batch in batches.once(1)]
    assert sizes == [64] * 78 + [8] and batches.steps == 79 and batches.length == ROWS
    first = ids(batches, 1)
    assert sorted(first.tolist()) == list(range(ROWS))
    np.testing.assert_array_equal(ids(made(kind, path), 1), first)
    assert (ids(batches, 1, 1) != first).any() and (ids(batches, 2) != first).any()
    for batch in batches.once(1):
        np.testing.assert_array_equal(batch["x"], batch["id"].astype(np.float32) / 7)
        assert batch.schema == batches.schema


def test_a_sorted_file_is_mixed_across_row_groups(path):
    """The first batches hold rows from many parts of the file, not the beginning."""
    first = ids(made("parquet", path), 3)[:256]
    assert len(np.unique(first // 300)) >= 6 and np.abs(np.diff(first)).mean() > 300


def test_columns_can_be_chosen(path):
    batches = batches_of_parquet(path, 10, ["x"])
    assert next(batches.once(0)).names == ("x",)
    with pytest.raises(DataError, match="no column 'y'; it has id, x, w"):
        batches_of_parquet(path, 10, ["y"])


@settings(max_examples=60)
@given(st.lists(st.integers(0, 20), max_size=20), st.integers(1, 15))
def test_pieces_of_any_size_become_batches_of_one_size(lengths, size):
    ends = np.cumsum([0, *lengths]).tolist()
    pieces = [TABLE.slice(low, high) for low, high in pairwise(ends)]
    found = list(regrouped(pieces, size))
    assert [len(batch) for batch in found[:-1]] == [size] * len(found[:-1])
    assert sum(map(len, found)) == ends[-1] and all(len(batch) for batch in found)
    if found:
        assert np.concatenate([batch["id"] for batch in found]).tolist() == list(range(ends[-1]))


def test_an_iterable_that_is_not_as_said_is_refused():
    for length in (ROWS - 1, ROWS + 1):
        batches = batches_from(lambda: [TABLE], length, TABLE.schema, 64)
        with pytest.raises(DataError, match=f"said to have {length} rows"):
            list(batches.once(0))
    batches = batches_from(lambda: [TABLE.replace(x=TABLE["x"].astype(float))], ROWS, TABLE.schema, 64)
    with pytest.raises(DataError, match="unlike the schema"):
        list(batches.once(0))
    with pytest.raises(DataError, match="batch size is 0"):
        batches_of(TABLE, 0)


def test_a_damaged_row_group_is_refused(path, tmp_path):
    raw = bytearray(path.read_bytes())
    raw[200:6000] = bytes(5800)
    (tmp_path / "a.parquet").write_bytes(bytes(raw))
    with pytest.raises(Unreadable, match="row group"):
        list(batches_of_parquet(tmp_path / "a.parquet", 64).once(0))


def test_a_mapped_copy_gives_any_row(path, tmp_path):
    table = mapped_copy(path, tmp_path / "columns", ["id", "x"])
    assert isinstance(table["x"], np.memmap) and len(table) == ROWS
    assert table.take([4999, 0])["id"].tolist() == [4999, 0]
    assert sorted(ids(batches_of(table, 100), 5).tolist()) == list(range(ROWS))
    with pytest.raises(DataError, match="'w': only numbers can be mapped"):
        mapped_copy(path, tmp_path / "more")


# A linear model trained by gradient steps, or the same set read whole, with at most CAP bytes of new memory.
LEARNER = """
import json, resource, sys
sys.path.insert(0, sys.argv[1])
import numpy as np, pyarrow.parquet
from tallystick.data.batches import batches_of_parquet
from tallystick.data.readers import read
path, way, cap = sys.argv[2], sys.argv[3], int(sys.argv[4])
next(batches_of_parquet(path, 8, pool=64).once(0))
ones = np.ones((512, 256), np.float32)
ones.T @ (ones @ ones[0])  # BLAS takes its buffers now
resident = lambda name: int(open("/proc/self/status").read().split(name)[1].split()[0]) * 1024
before = resident("VmData:")
resource.setrlimit(resource.RLIMIT_DATA, (before + cap, before + cap))
if way == "whole":
    read(path)
    print(json.dumps("read"))
    sys.exit()
model, rows, error = np.zeros(256, np.float32), 0, 0.0
for batch in batches_of_parquet(path, 512, pool=2048).once(1):
    x, y = batch.matrix(["x"]), batch["y"]
    wrong = x @ model - y
    model -= 2 * (x.T @ wrong) / len(y)
    rows, error = rows + len(y), float((wrong**2).mean())
print(json.dumps([rows, error]))
"""
CAP = 64 << 20


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """256 MiB of rows that do not compress: four times the cap."""
    file = tmp_path_factory.mktemp("large") / "rows.parquet"
    chance = np.random.default_rng(0)
    truth = chance.normal(size=256).astype(np.float32)
    rows = 0
    with pq.ParquetWriter(file, schema(), use_dictionary=False) as writer:
        while rows * 257 * 4 < 4 * CAP:
            x = chance.random((8192, 256), np.float32) - np.float32(0.5)
            windows = pa.FixedSizeListArray.from_arrays(pa.array(x.reshape(-1)), 256)
            writer.write_table(pa.table([windows, pa.array(x @ truth)], schema=schema()), row_group_size=4096)
            rows += 8192
    return file, rows


def schema():
    return pa.schema([("x", pa.list_(pa.float32(), 256)), ("y", pa.float32())])


def run(path, way):
    source = Path(__file__).resolve().parents[2] / "src"
    command = [sys.executable, "-c", LEARNER, str(source), str(path), way, str(CAP)]
    settings = {"ARROW_DEFAULT_MEMORY_POOL": "system", "OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=settings)


def test_a_learner_trains_a_set_four_times_its_memory(large):
    path, rows = large
    assert path.stat().st_size >= 4 * CAP
    done = run(path, "batches")
    assert done.returncode == 0, done.stderr[-2000:]
    seen, error = json.loads(done.stdout)
    assert seen == rows and error < 1e-3
    assert run(path, "whole").returncode != 0
