"""Frames and messages: what comes in parts, what is broken, and bytes that CometBFT's own encoder wrote."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tallystick.base import wire
from tallystick.base.wire import BrokenBytes
from tallystick.engines.cometbft import abci


@given(some.lists(some.binary(max_size=300)), some.integers(1, 50))
def test_frames_come_whole_however_the_bytes_arrive(bodies, step):
    stream = b"".join(wire.number(len(body)) + body for body in bodies)
    buffer, found = bytearray(), []
    for at in range(0, len(stream), step):
        buffer += stream[at : at + step]
        found += abci.frames(buffer)
    assert found == bodies and not buffer


@given(some.integers(-(2**63), 2**63 - 1))
def test_numbers_come_back(value):
    assert wire.value_of(wire.fields(wire.message({1: value})), 1, 0) == value


@given(some.binary(max_size=200))
def test_any_bytes_are_a_message_or_broken(data):
    with suppress(BrokenBytes):
        abci.request(data)


def test_times_come_back():
    body = wire.message({6: abci.timestamp(1_700_000_000_123_456_789)})
    assert abci.time_of(wire.fields(body), 6) == 1_700_000_000_123_456_789


def test_known_bytes():
    """Protobuf of `Response{flush: {}}` and `Request{check_tx: {tx: "ab", type: RECHECK}}`, each framed."""
    assert abci.frame(3, b"") == bytes.fromhex("021a00")
    assert abci.asked("check_tx", wire.message({1: b"ab", 2: 1})) == bytes.fromhex("0842060a0261621001")


def test_a_frame_too_large_is_refused():
    with pytest.raises(BrokenBytes):
        list(abci.frames(bytearray(wire.number(2**40))))


@pytest.mark.parametrize(
    "data", [b"", b"\x0a", b"\x0a\x05ab", b"\xff" * 12, b"\x92\x03\x00", b"\x0a\x00\x12\x00"]
)
def test_broken_requests(data):
    with pytest.raises(BrokenBytes):
        abci.request(data)
