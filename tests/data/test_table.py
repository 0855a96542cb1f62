"""Tables: columns of one length, chosen, taken and put side by side without surprises."""

import numpy as np
import pytest

from tallystick.data.refusals import DataError
from tallystick.data.schema import kind_of, schema_of
from tallystick.data.table import Table, joined

TABLE = Table(
    {
        "id": np.arange(6, dtype=np.int16),
        "value": np.linspace(0, 1, 6),
        "image": np.arange(24, dtype=np.uint8).reshape(6, 2, 2),
        "word": np.array([*"abcab", None], object),
        "when": np.arange(6).astype("datetime64[ns]"),
        "good": np.array([True, False] * 3),
    }
)


def test_a_table_knows_its_schema():
    assert [(field.kind, field.shape) for field in TABLE.schema] == [
        ("int16", ()), ("float64", ()), ("uint8", (2, 2)), ("text", ()), ("time", ()), ("bool", ()),
    ]  # fmt: skip
    assert len(TABLE) == 6 and "word" in TABLE and list(TABLE) == list(TABLE.names)
    assert "image: uint8[2, 2]" in repr(TABLE)


def test_rows_are_taken_sliced_and_filtered():
    assert TABLE.take([5, 0])["id"].tolist() == [5, 0]
    assert TABLE.slice(1, 3)["word"].tolist() == ["b", "c"]
    assert np.shares_memory(TABLE.slice(1, 3)["value"], TABLE["value"])
    assert TABLE.where(TABLE["good"])["id"].tolist() == [0, 2, 4]
    assert TABLE.select(["value", "id"]).names == ("value", "id")
    assert TABLE.without("when", "word").names == ("id", "value", "image", "good")
    assert TABLE.replace(id=np.zeros(6))["id"].sum() == 0 and TABLE["id"].sum() == 15


def test_columns_side_by_side():
    matrix = TABLE.matrix(["id", "image"], np.float64)
    assert matrix.shape == (6, 5) and matrix[1].tolist() == [1, 4, 5, 6, 7]
    assert TABLE.take([]).matrix(["id", "image"]).shape == (0, 5)
    assert TABLE.take([]).matrix(["image"]).shape == (0, 4)
    with pytest.raises(DataError, match="'word', 'when': not numbers"):
        TABLE.matrix()


def test_tables_are_joined_only_when_alike():
    assert len(joined([TABLE, TABLE, TABLE])) == 18
    assert joined([TABLE]) is TABLE
    for wrong in ([], [TABLE, TABLE.without("id")]):
        with pytest.raises(DataError):
            joined(wrong)


def test_what_is_no_table_is_refused():
    with pytest.raises(DataError, match="different lengths"):
        Table({"a": np.zeros(2), "b": np.zeros(3)})
    with pytest.raises(DataError, match="no column 'x'; there are id, value"):
        TABLE["x"]
    with pytest.raises(DataError, match="holds a list"):
        schema_of(Table({"a": np.array([[1], None], object)}))
    with pytest.raises(DataError, match="complex"):
        kind_of(np.zeros(1, complex))


def test_a_table_goes_to_arrow():
    arrow = TABLE.to_arrow()
    assert arrow.num_rows == 6 and arrow.column("image").to_pylist()[1] == [4, 5, 6, 7]
