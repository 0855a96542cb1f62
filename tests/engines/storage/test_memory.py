"""What of the state is in memory: a bound that holds, and the order of keys."""

from __future__ import annotations

import random

import pytest

from tallystick.engines.storage.memory import MISSING, Ordered, Overlay, Recent, Watched, WholeState, after


@pytest.mark.parametrize(
    "prefix, least",
    [
        (b"a", b"b"),
        (b"a\xff", b"b"),
        (b"a\xff\xff", b"b"),
        (b"\xff", None),
        (b"", None),
        (b"a\x00", b"a\x01"),
    ],
)
def test_the_least_key_above_a_prefix(prefix: bytes, least: bytes | None):
    assert after(prefix) == least
    if least is not None:
        assert prefix + b"\xff" * 5 < least


def test_recent_reads_are_bounded_and_what_is_used_stays():
    recent = Recent(8)
    recent.put({b"kept": b"value"})
    for number in range(100):
        recent.put({b"%d" % number: None})
        assert recent.get(b"kept") == b"value"
    assert recent.get(b"0") is MISSING, "what nobody asked for lately is forgotten"
    assert recent.get(b"99") is None, "that there is no record is known too"
    recent.clear()
    assert recent.get(b"kept") is MISSING


def test_keys_are_in_order_whenever_they_came():
    chance, ordered, known = random.Random(3), Ordered(), set[bytes]()
    for _ in range(50):
        new = {bytes(chance.randrange(256) for _ in range(2)) for _ in range(3)} - known
        known |= new
        ordered.add(new)
        prefix = bytes([chance.randrange(256)])
        assert ordered.within(prefix) == sorted(key for key in known if key.startswith(prefix))


def test_an_overlay_keeps_the_newest_value_and_each_key_once():
    overlay = Overlay()
    overlay.put({b"a/2": b"old", b"a/1": b"one"})
    overlay.put({b"a/2": None, b"b": b"else"})
    assert overlay.writes == {b"a/1": b"one", b"a/2": None, b"b": b"else"}
    assert overlay.within(b"a/") == [b"a/1", b"a/2"]


def test_what_is_watched_is_what_lies_under_its_prefix():
    watched = Watched(b"due/", [(b"due/3", b"c"), (b"due/1", b"a")])
    watched.put({b"due/2": b"b", b"other": b"x", b"due/1": None, b"due/9": None})
    assert watched.scan(b"due/", 10) == [(b"due/2", b"b"), (b"due/3", b"c")]
    watched.put({b"due/2": b"changed"})
    assert watched.scan(b"due/", 1) == [(b"due/2", b"changed")]
    assert watched.scan(b"due/3", 10) == [(b"due/3", b"c")]


def test_a_whole_state_forgets_what_was_deleted_and_knows_it_when_it_comes_back():
    state = WholeState({b"a/1": b"x", b"ab/1": b"y"})
    state.put({b"a/1": None})
    assert state.get(b"a/1") is None and state.scan(b"a/", 10) == []
    state.put({b"a/1": b"again"})
    assert state.scan(b"a/", 10) == [(b"a/1", b"again")]
    assert state.scan(b"a", 10) == [(b"a/1", b"again"), (b"ab/1", b"y")]
    assert state.scan(b"a", 1) == [(b"a/1", b"again")]
