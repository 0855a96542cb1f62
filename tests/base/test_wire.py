"""The protobuf codec: what is written comes back, and hostile bytes are broken, never something else."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tallystick.base import wire
from tallystick.base.wire import BYTES, INT, TEXT, BrokenBytes, Message

PAIR = Message("pair", lambda *parts: parts, INT, BYTES)
TREE = Message("tree", lambda *parts: parts, TEXT, PAIR, [PAIR])
numbers = some.integers(-(2**63), 2**63 - 1)
pairs = some.tuples(numbers, some.binary(max_size=5))


@given(some.tuples(some.text(max_size=5), pairs, some.lists(pairs, max_size=3).map(tuple)))
def test_messages_come_back(value):
    assert TREE.decode(TREE.encode(value)) == value


@given(some.dictionaries(some.integers(1, 500), numbers | some.binary(min_size=1, max_size=200)))
def test_fields_come_back_by_their_numbers(values):
    written = wire.fields(wire.message(values))
    for field, value in values.items():
        usual: Any = 0 if isinstance(value, int) else b""
        assert wire.value_of(written, field, usual) == value


def test_a_field_that_repeats_holds_bytes_alone():
    written = wire.fields(wire.message({1: [b"one", b"", b"two"], 2: 7}))
    assert wire.all_of(written, 1) == (b"one", b"", b"two") and wire.all_of(written, 3) == ()
    with pytest.raises(BrokenBytes, match="field 2"):
        wire.all_of(written, 2)


@given(some.binary(max_size=100))
def test_any_bytes_are_read_or_broken(data):
    with suppress(BrokenBytes):
        assert TREE.encode(TREE.decode(data)) == data


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\x08", "ends too early"),  # a tag without its number
        (b"\x08\x80", "ends too early"),  # a number that goes on
        (b"\x12\x05ab", "a field ends too early"),
        (b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\x7fab", "a field ends too early"),
        (b"\x08" + b"\xff" * 10, "more than 64 bits"),
        (b"\x0a\x00", "in each other's place"),  # bytes where a number stands
        (b"\x10\x01", "in each other's place"),  # a number where bytes stand
        (b"\x15abcd", "in each other's place"),  # four bytes of fixed width
        (b"\x08\x81\x00", "one valid form"),  # a needless byte
        (b"\x08\x00", "one valid form"),  # a zero, which is left out
        (b"\x08\x01\x08\x01", "one valid form"),  # a field twice
        (b"\x12\x01a\x08\x01", "one valid form"),  # fields in another order
        (b"\x18\x01", "one valid form"),  # a field that does not exist
    ],
)
def test_hostile_bytes_are_broken(data, why):
    with pytest.raises(BrokenBytes, match=why):
        PAIR.decode(data)


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1])
def test_a_number_of_more_than_64_bits_is_not_written(value):
    with pytest.raises(BrokenBytes, match="64 bits"):
        PAIR.encode((value, b""))


def test_a_value_of_another_type_is_broken():
    with pytest.raises(BrokenBytes, match="field 1 is not a bytes"):
        wire.value_of(wire.fields(wire.message({1: 7})), 1, b"")
    assert wire.value_of({}, 1, b"nothing") == b"nothing"
