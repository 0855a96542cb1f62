"""Canonical row bytes: equal rows give equal bytes and roots, different rows do not."""

import hashlib
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.base import merkle
from tallystick.data import canonical
from tallystick.data.canonical import content_root, row_bytes
from tallystick.data.refusals import DataError
from tallystick.data.table import Table


def test_the_bytes_of_a_row_are_these():
    table = Table(
        {
            "n": np.array([-2], np.int16),
            "f": np.array([1.5], np.float32),
            "t": np.array(["é"], object),
            "none": np.array([None], object),
            "yes": np.array([True]),
            "at": np.array([3], "datetime64[us]"),
        }
    )
    wanted = (
        b"\xff\xfe"
        + struct.pack(">f", 1.5)
        + b"\0\0\0\2\xc3\xa9"
        + b"\xff" * 4
        + b"\1"
        + struct.pack(">q", 3000)
    )
    assert list(row_bytes(table)) == [wanted]
    assert content_root(table) == hashlib.sha256(b"\0" + wanted).digest()


def test_one_zero_and_one_nan():
    for kind in (np.float16, np.float32, np.float64):
        zeros = Table({"x": np.array([0.0, -0.0], kind)})
        assert len(set(row_bytes(zeros))) == 1
        bits = np.array([np.nan, -np.nan], kind)
        assert len(set(row_bytes(Table({"x": bits})))) == 1


def test_byte_order_and_memory_layout_do_not_matter():
    grid = np.arange(40, dtype=np.int32).reshape(10, 4)
    forms = [grid, grid.astype(">i4"), np.asfortranarray(grid), np.repeat(grid, 2, axis=0)[::2]]
    assert len({content_root(Table({"x": form})) for form in forms}) == 1


def test_types_order_and_columns_matter_and_names_do_not():
    x = np.arange(5)
    root = content_root(Table({"x": x, "y": x + 1}))
    assert root == content_root(Table({"a": x, "b": x + 1}))
    others: list[dict[str, np.ndarray]] = [
        {"x": x[::-1], "y": x[::-1] + 1},
        {"x": x.astype(np.int32), "y": x + 1},
        {"y": x + 1, "x": x},
    ]
    assert root not in {content_root(Table(other)) for other in others}


def test_text_cannot_slide_from_one_column_into_the_next():
    one = Table({"a": np.array(["ab"], object), "b": np.array(["c"], object)})
    other = Table({"a": np.array(["a"], object), "b": np.array(["bc"], object)})
    empty = Table({"a": np.array([None], object), "b": np.array(["abc"], object)})
    assert len({content_root(table) for table in (one, other, empty)}) == 3


@given(
    st.lists(st.tuples(st.integers(-(2**31), 2**31 - 1), st.text(max_size=5)), max_size=40), st.integers(1, 7)
)
def test_pieces_of_any_size_give_the_same_root(rows, piece):
    table = Table(
        {
            "n": np.array([n for n, _ in rows], np.int64),
            "t": np.array([*(t for _, t in rows), None], object)[:-1],
        }
    )
    wanted = [
        n.to_bytes(8, "big", signed=True) + len(t.encode()).to_bytes(4, "big") + t.encode() for n, t in rows
    ]
    usual, canonical.ROWS_AT_A_TIME = canonical.ROWS_AT_A_TIME, piece
    try:
        assert list(row_bytes(table)) == wanted
        assert content_root(table) == merkle.root(wanted)
    finally:
        canonical.ROWS_AT_A_TIME = usual


def test_a_table_without_columns_has_no_root():
    with pytest.raises(DataError, match="without columns"):
        content_root(Table({}))
