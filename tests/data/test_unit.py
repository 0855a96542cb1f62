"""Units: training and judging rows are disjoint, follow from content and seed, and have their own roots."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.base.task import task
from tallystick.data.canonical import content_root, row_bytes
from tallystick.data.refusals import DataError
from tallystick.data.table import Table
from tallystick.data.unit import divide

TABLE = Table(
    {"id": np.arange(2000), "site": np.array(["a", "b", "c", "d"] * 500, object), "x": np.arange(2000) % 7}
)


def rows(table):
    return set(row_bytes(table))


@given(st.floats(0, 0.99), st.integers(-(2**63), 2**63))
def test_the_parts_are_disjoint_and_complete(share, seed):
    table = TABLE.slice(0, 200)
    unit = divide(table, share, seed)
    assert not rows(unit.training) & rows(unit.judging)
    assert rows(unit.training) | rows(unit.judging) == rows(table)
    assert abs(len(unit.judging) - 200 * share) <= 1
    assert unit.rows == 200
    assert unit.training_root == content_root(unit.training) and unit.judging_root == content_root(
        unit.judging
    )


def test_equal_rows_are_in_one_part():
    table = Table({"x": np.arange(300) % 40})
    unit = divide(table, 0.3, 1)
    assert not set(unit.training["x"].tolist()) & set(unit.judging["x"].tolist())
    assert unit.rows == 300 and 60 < len(unit.judging) < 120


def test_the_order_of_the_rows_does_not_decide_their_part():
    turned = TABLE.take(np.arange(2000)[::-1])
    one, other = divide(TABLE, 0.2, 5), divide(turned, 0.2, 5)
    assert rows(one.judging) == rows(other.judging)
    assert one.judging_root != other.judging_root
    assert rows(divide(TABLE, 0.2, 6).judging) != rows(one.judging)


def test_a_subject_is_kept_whole():
    table = TABLE.replace(person=np.repeat(np.arange(50), 40))
    unit = divide(table, 0.2, 3, subject="person")
    assert not set(unit.training["person"].tolist()) & set(unit.judging["person"].tolist())
    assert len(unit.judging) == 400 and unit.subject == "person"


def test_a_single_large_group_is_not_put_aside_whole():
    unit = divide(Table({"x": np.zeros(100)}), 0.2, 1)
    assert (len(unit.training), len(unit.judging)) == (100, 0)


def test_a_table_is_split_into_members():
    units = TABLE.split("site", judging=0.25, seed=7)
    assert list(units) == ["a", "b", "c", "d"]
    assert [unit.rows for unit in units.values()] == [500] * 4
    assert set(units["b"].training["site"].tolist()) == {"b"}
    assert len({unit.training_root for unit in units.values()}) == 4
    assert len({unit.schema_digest for unit in units.values()}) == 1


def test_members_keep_only_the_columns_of_the_task():
    about = task(["x"], "id")
    units = TABLE.split("site", task=about, subject="x")
    assert units["a"].training.names == ("x", "id") and units["a"].rows == 500
    with pytest.raises(DataError, match="no column 'none'"):
        TABLE.split("site", task=task(["none"], "id"))


def test_no_rows_and_no_judging_are_possible():
    empty = divide(TABLE.slice(0, 0), 0.2)
    assert empty.rows == 0 and empty.training_root == empty.judging_root
    assert len(divide(TABLE, 0).judging) == 0


def test_what_cannot_be_divided_is_refused():
    for share in (-0.1, 1, 2, float("nan")):
        with pytest.raises(DataError, match="judging share"):
            divide(TABLE, share)
    with pytest.raises(DataError, match="no column 'person' to keep whole; there are id, site, x"):
        divide(TABLE, subject="person")
    with pytest.raises(DataError, match="to split by"):
        TABLE.split("person")
