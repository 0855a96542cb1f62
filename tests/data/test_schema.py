"""What columns are: kinds and shapes that two members can compare, and one digest of them."""

import numpy as np

from tallystick.data.schema import Field, schema_digest
from tallystick.data.table import Table

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


def test_the_schemas_digest_changes_with_name_kind_and_shape():
    fields = (Field("a", "int64"), Field("b", "float32", (3,)))
    others = [
        (Field("a", "int32"), fields[1]), (Field("c", "int64"), fields[1]),
        (fields[0], Field("b", "float32", (4,))), fields[::-1], fields[:1],
    ]  # fmt: skip
    assert len({schema_digest(fields), *map(schema_digest, others)}) == 6
