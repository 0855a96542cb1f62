"""What the one writer of TOML writes is read again as it was, whatever the texts hold."""

import tomllib
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tallystick.base import toml

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False)
VALUES = st.recursive(
    st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)
DOCUMENTS = st.dictionaries(TEXTS, VALUES, max_size=6)


@given(DOCUMENTS)
@example({"a": 'x" # ] = "\\', "b\n[c]": "\r\n\x00\x7f\x85\u2028'''\"\"\"", "": {"": [{}]}})
@example({"rows": [{"a": [{"b": {}}], "c": 1}, {}], "mixed": [1, {"a": [{}]}], "none": [], "empty": {}})
def test_what_is_written_is_read_again(document: dict[str, Any]) -> None:
    assert tomllib.loads(toml.write(document)) == document


@given(DOCUMENTS, TEXTS)
def test_a_comment_above_changes_nothing(document: dict[str, Any], name: str) -> None:
    assert tomllib.loads(toml.write(document, head="written by a test\n\nof two lines")) == document
    noted = {"time": 1, **document}
    assert tomllib.loads(toml.write(noted, notes={"time": "in milliseconds"})) == noted


def test_equal_values_have_one_spelling() -> None:
    document = {
        "rate": 1e-05,
        "name": 'a "b"',
        "yes": True,
        "many": (1, 2),
        "table": {"x": 1},
        "rows": [{"y": 2}],
    }
    assert toml.write(document, head="of a run", notes={"rate": "of learning"}) == (
        '# of a run\nrate = 1e-05  # of learning\nname = "a \\"b\\""\nyes = true\nmany = [1, 2]\n'
        "\n[table]\nx = 1\n\n[[rows]]\ny = 2\n"
    )
    assert toml.write({}) == ""


@pytest.mark.parametrize("value", [None, b"bytes", {1, 2}, [None], {"a": object()}])
def test_what_toml_cannot_hold_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="TOML holds texts, numbers"):
        toml.write({"a": value})


def test_half_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(ValueError, match="half a surrogate pair"):
        toml.write({"a": "\ud83d"})
