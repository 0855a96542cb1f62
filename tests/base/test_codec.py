"""One value, one byte string: everything else is no value."""

from contextlib import suppress
from typing import Annotated, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta

from tallystick.base.codec import Decoder, Malformed, Record, encode, misfit
from tallystick.base.ids import Count, Digest, Name


class Leaf(Record, tag_field="kind", tag=str.lower):
    """A record with a tag."""

    value: Count


class Other(Record, tag_field="kind", tag=str.lower):
    """Another record with a tag."""

    value: Count


class Tree(Record):
    """A record with a field of every kind."""

    name: Name
    hash: Digest
    leaves: tuple[Leaf | Other, ...] = ()
    note: str | None = None
    flag: bool = False


decode = Decoder(Tree)
TREE = Tree("ada", b"\x01" * 32, (Leaf(1), Other(200)), "x", True)


def test_a_value_comes_back():
    assert decode(encode(TREE)) == TREE
    assert isinstance(decode(encode(TREE)).leaves[1], Other)


def test_the_bytes_stay_what_they_were():
    assert encode(TREE) == (
        b"\x95\xa3ada\xc4 " + b"\x01" * 32 + b"\x92\x92\xa4leaf\x01\x92\xa5other\xcc\xc8\xa1x\xc3"
    )


@given(
    st.builds(
        Tree,
        st.from_regex(r"\A[a-z0-9][a-z0-9._-]{0,47}\Z"),
        st.binary(min_size=32, max_size=32),
        st.lists(st.builds(Leaf, st.integers(0, 10**9)) | st.builds(Other, st.integers(0, 10**9))).map(tuple),
        st.none() | st.text(st.characters(exclude_categories=["Cs"])),
        st.booleans(),
    )
)
def test_every_value_comes_back(tree):
    assert decode(encode(tree)) == tree


@given(st.binary(max_size=80))
def test_noise_is_refused_or_is_the_value_itself(data):
    try:
        value = decode(data)
    except Malformed:
        return
    assert encode(value) == data


@given(st.data())
def test_a_changed_byte_is_refused_or_another_value(data):
    bent = bytearray(encode(TREE))
    place = data.draw(st.integers(0, len(bent) - 1))
    bent[place] ^= data.draw(st.integers(1, 255))
    with suppress(Malformed):
        assert decode(bytes(bent)) != TREE


LEAF = Decoder(Leaf)
STRANGE = {
    "trailing": b"\x92\xa4leaf\x01\x00",
    "cut": b"\x92\xa4leaf",
    "empty": b"",
    "wide integer": b"\x92\xa4leaf\xcd\x00\x01",
    "signed integer": b"\x92\xa4leaf\xd0\x01",
    "long list": b"\xdc\x00\x02\xa4leaf\x01",
    "long text": b"\x92\xd9\x04leaf\x01",
    "too many": b"\x93\xa4leaf\x01\x01",
    "too few": b"\x91\xa4leaf",
    "unknown tag": b"\x92\xa4bark\x01",
    "by names": b"\x82\xa4kind\xa4leaf\xa5value\x01",
    "a name twice": b"\x83\xa4kind\xa4leaf\xa5value\x01\xa5value\x02",
    "a float": b"\x92\xa4leaf\xcb\x3f\xf0\0\0\0\0\0\0",
    "truth": b"\x92\xa4leaf\xc3",
    "out of range": b"\x92\xa4leaf\xce\xff\xff\xff\xff",
    "64 bits": b"\x92\xa4leaf\xcf" + b"\xff" * 8,
    "negative": b"\x92\xa4leaf\xff",
    "nothing": b"\xc0",
    "deep": b"\x91" * 5_000 + b"\x01",
    "a list that promises too much": b"\xdd\xff\xff\xff\xff",
}


@pytest.mark.parametrize("data", STRANGE.values(), ids=STRANGE)
def test_what_is_not_canonical_is_refused(data):
    with pytest.raises(Malformed):
        LEAF(data)


def test_a_record_is_frozen():
    with pytest.raises(AttributeError):
        TREE.name = "bob"  # type: ignore[misc]


def test_a_default_is_written_out():
    """Else a value would have two encodings."""
    assert len(msgspec.msgpack.decode(encode(Tree("ada", b"\x01" * 32)))) == 5
    with pytest.raises(Malformed):
        decode(b"\x92\xa3ada\xc4 " + b"\x01" * 32)


class Tagged(Record, tag="t", tag_field="kind"):
    """A record whose encoding begins with its tag."""

    name: str
    parts: tuple[Annotated[int, Meta(ge=0)], ...]


class Holder(Record):
    """A record that holds records."""

    many: tuple[Tagged, ...]


@pytest.mark.parametrize(
    "record, path, value",
    [
        (Holder((Tagged("a", (1,)), Tagged("b", (1, -2)))), ("many", 1, "parts", 1), -2),
        (Holder((Tagged(cast(str, 3), ()),)), ("many", 0, "name"), 3),
    ],
)
def test_a_misfit_is_named_by_fields_and_places(record, path, value):
    with pytest.raises(Malformed) as refused:
        Decoder(Holder)(encode(record))
    found = misfit(record, str(refused.value))
    assert (found.path, found.value) == (path, value)
    assert found.reason and "at `$" not in found.reason
    assert misfit(record, "no place is named") == ((), record, "no place is named")
