"""Headers, commits and blocks have one valid form in bytes, and come back from it."""

import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.base import light
from tallystick.base.light import NotProven
from tests.base.small_chain import NEXT, SIGNED

small = st.integers(0, 3) | st.integers(-(2**63), 2**63 - 1)
some_bytes = st.binary(max_size=3) | st.binary(min_size=32, max_size=32)
blocks = st.builds(light.BlockId, some_bytes, st.tuples(small, some_bytes))
times = st.just(light.NO_TIME) | st.integers(-(2**62), 2**62)
votes = st.builds(light.CommitVote, small, some_bytes, times, some_bytes)
commits = st.builds(light.Commit, small, small, blocks, st.lists(votes, max_size=3).map(tuple))
headers = st.builds(
    light.Header, st.tuples(small, small), st.text(max_size=5), small, times, blocks, *[some_bytes] * 9
)
whole_blocks = st.builds(
    light.WholeBlock, headers, st.lists(some_bytes, max_size=3).map(tuple), st.just(()), commits
)


@given(headers)
def test_headers_come_back_from_their_bytes(header):
    assert light.HEADER.decode(light.HEADER.encode(header)) == header


@given(commits)
def test_commits_come_back_from_their_bytes(commit):
    assert light.COMMIT.decode(light.COMMIT.encode(commit)) == commit


@given(whole_blocks)
def test_blocks_come_back_from_their_bytes(block):
    assert light.BLOCK.decode(light.BLOCK.encode(block)) == block


def test_a_signed_header_comes_back_from_its_bytes():
    assert light.SIGNED_HEADER.decode(light.SIGNED_HEADER.encode(SIGNED)) == SIGNED


@given(headers, headers)
def test_other_headers_have_other_hashes(one, other):
    assert (light.header_hash(one) == light.header_hash(other)) == (one == other)


@given(st.binary(max_size=200))
def test_garbage_is_refused_or_written_alike(data):
    messages: list[light.CometMessage[Any]] = [light.HEADER, light.COMMIT, light.BLOCK, light.SIGNED_HEADER]
    for wire in messages:
        try:
            value = wire.decode(data)
        except NotProven:
            continue
        assert wire.encode(value) == data


@given(commits, st.data())
@settings(max_examples=200)
def test_damaged_bytes_are_refused_or_mean_something_else(commit, data):
    encoded = bytearray(light.COMMIT.encode(commit))
    if not encoded:
        return
    at = data.draw(st.integers(0, len(encoded) - 1))
    encoded[at] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(NotProven):
        assert light.COMMIT.decode(bytes(encoded)) != commit


@pytest.mark.parametrize(
    "bent",
    [
        b"\x08\x81\x00" + light.COMMIT.encode(light.Commit(0))[0:],  # a number with a needless byte
        light.COMMIT.encode(light.Commit(1))[2:] + b"\x08\x01",  # fields in another order
        b"\x08\x01" + light.COMMIT.encode(light.Commit(1)),  # a field twice
        light.COMMIT.encode(light.Commit(1)) + b"\x28\x01",  # a field that does not exist
        b"\x08\x00" + light.COMMIT.encode(light.Commit(0)),  # a zero that is left out
        light.COMMIT.encode(light.Commit(1))[:-1],  # cut short
        light.COMMIT.encode(light.Commit(1)) + b"\x00",  # a byte too many
        b"\x0a\x01\x01" + light.COMMIT.encode(light.Commit(0)),  # bytes for a number
        b"\x18\x01",  # a number for a message
        b"\x08" + b"\xff" * 10 + b"\x01",  # a number of more than 64 bits
        b"\x1a\xff\xff\xff\xff\xff\xff\xff\xff\x7f",  # a length beyond the end
        b"\x80",
    ],
)
def test_bytes_have_one_valid_form(bent):
    with pytest.raises(NotProven):
        light.COMMIT.decode(bent)


@pytest.mark.parametrize(
    "field, value", [("height", 2**63), ("height", -(2**63) - 1), ("version", (2**64, 0))]
)
def test_numbers_beyond_64_bits_have_no_hash(field, value):
    """Else a height of 2**64 + 5 would have the hash of 5."""
    with pytest.raises(NotProven, match="64 bits"):
        light.header_hash(NEXT._replace(**{field: value}))


def test_text_that_is_no_text_is_refused():
    encoded = light.HEADER.encode(NEXT).replace(b"plant", b"pla\xfft")
    with pytest.raises(NotProven, match="one valid form"):
        light.HEADER.decode(encoded)
