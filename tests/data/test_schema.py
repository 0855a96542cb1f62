"""What columns are: kinds and shapes that two members can compare, and one digest of them."""

import numpy as np
import pytest

from tallystick.data.refusals import DataError
from tallystick.data.schema import Field, flat, kind_of, schema_digest, schema_of
from tallystick.data.table import Table


def test_the_schemas_digest_changes_with_name_kind_and_shape():
    fields = (Field("a", "int64"), Field("b", "float32", (3,)))
    others = [
        (Field("a", "int32"), fields[1]), (Field("c", "int64"), fields[1]),
        (fields[0], Field("b", "float32", (4,))), fields[::-1], fields[:1],
    ]  # fmt: skip
    assert len({schema_digest(fields), *map(schema_digest, others)}) == 6


@pytest.mark.parametrize(("values", "kind"), [
    (np.zeros(2, bool), "bool"),
    (np.zeros(2, np.int8), "int8"),
    (np.zeros(2, np.uint64), "uint64"),
    (np.zeros(2, ">f4"), "float32"),
    (np.array(["a", "long"]), "text"),
    (np.array(["a", None], object), "text"),
    (np.zeros(0, object), "text"),
    (np.zeros(2, "datetime64[s]"), "time"),
])  # fmt: skip
def test_a_kind_says_what_values_are_and_not_how_they_lie_in_memory(values: np.ndarray, kind: str):
    assert kind_of(values) == kind


@pytest.mark.parametrize(("values", "reason"), [
    (np.array(["a", 1], object), "'temp' holds a int"),
    (np.array([None, float("nan")], object), "'temp' holds a float"),
    (np.zeros(2, complex), "'temp' is of type complex128"),
    (np.zeros(2, "timedelta64[s]"), "'temp' is of type timedelta64"),
    (np.zeros(2, "S3"), "'temp' is of type"),
])  # fmt: skip
def test_what_is_neither_number_nor_time_nor_text_is_named(values: np.ndarray, reason: str):
    with pytest.raises(DataError, match=reason):
        kind_of(values, "temp")


def test_a_schema_is_in_the_order_of_the_columns_and_of_one_row():
    columns: dict[str, np.ndarray] = {"b": np.zeros((3, 2, 2), np.float32), "a": np.zeros(3, np.int64)}
    fields = (Field("b", "float32", (2, 2)), Field("a", "int64"))
    assert schema_of(Table(columns)) == fields
    assert schema_of(Table({name: part[:0] for name, part in columns.items()})) == fields
    assert schema_of(Table(dict(reversed(columns.items())))) == fields[::-1]


def test_a_row_of_values_for_each_row_also_where_there_are_none():
    assert flat(np.arange(12).reshape(3, 2, 2)).tolist() == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    assert flat(np.zeros((0, 2, 2))).shape == (0, 4) and flat(np.zeros(3)).shape == (3, 1)
