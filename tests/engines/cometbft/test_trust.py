"""The walk over headers: from the genesis, in leaps where enough of the trusted signed, across validators."""

from __future__ import annotations

import pytest

from tallystick.base import light
from tallystick.engines.cometbft.trust import Trust
from tallystick.engines.engine import EngineError
from tests.base.small_chain import FIRST, SECOND, commit_to, header_of, members


class FakeNode:
    """A chain of headers whose validators are as a test says."""

    url = "http://fake:1"

    def __init__(self, sets):
        self.sets, self.headers, self.asked = sets, {}, []
        for height, own in enumerate(sets, 1):
            following = sets[min(height, len(sets) - 1)]
            self.headers[height] = header_of(own, following, height, self.headers.get(height - 1))

    def signed(self, height):
        self.asked.append(height)
        header, own = self.headers[height], self.sets[height - 1]
        return light.SignedHeader(header, commit_to(header, own), own)

    def validators(self, height):
        return self.sets[height - 1]


def trust(node, period=10**18, anchor=None):
    founders = tuple(one.public for one in node.sets[0])
    return Trust("plant", founders, lambda: FIRST + 500 * SECOND, anchor, period)


def test_trust_may_begin_with_a_later_header_that_is_known():
    node = FakeNode([members(0, 1, 2, 3)] * 9)
    known = trust(node, anchor=(4, light.header_hash(node.headers[4])))
    assert known.header(node, 9).header == node.headers[9]
    assert node.asked == [4, 9]
    with pytest.raises(EngineError, match="lies before header 4"):
        known.header(node, 2)
    with pytest.raises(light.NotProven, match="than the anchor"):
        trust(node, anchor=(4, bytes(32))).header(node, 9)


def test_one_leap_is_enough_while_the_validators_stay():
    node = FakeNode([members(0, 1, 2, 3)] * 60)
    assert trust(node).header(node, 60).header.height == 60
    assert node.asked == [1, 60]


def test_validators_that_change_altogether_are_followed_step_by_step():
    """Each set shares three of four with the one before; the first and the last share none."""
    turn = [members(0, 1, 2, 3), members(1, 2, 3, 4), members(2, 3, 4, 5), members(3, 4, 5, 6)]
    sets = [turn[min(height // 10, 3)] for height in range(50)]
    sets[45:] = [members(4, 5, 6, 0)] * 5
    node = FakeNode(sets)
    assert trust(node).header(node, 50).header == node.headers[50]
    assert len(node.asked) < 20


def test_what_is_known_is_not_asked_again():
    node = FakeNode([members(0, 1, 2, 3)] * 9)
    known = trust(node)
    known.header(node, 9), known.header(node, 9), known.header(node, 1)
    assert node.asked == [1, 9]


def test_an_earlier_header_is_reached_from_the_first():
    node = FakeNode([members(0, 1, 2, 3)] * 9)
    known = trust(node)
    assert [known.header(node, height).header.height for height in (9, 5, 2)] == [9, 5, 2]


def test_strangers_are_not_believed():
    node = FakeNode([members(0, 1, 2, 3)] * 5 + [members(4, 5, 6)] * 5)
    own = node.sets[0]
    node.headers[5] = header_of(own, own, 5, node.headers[4])
    with pytest.raises(light.NotProven):
        trust(node).header(node, 9)


def test_too_few_signatures_are_not_believed(monkeypatch):
    node = FakeNode([members(0, 1, 2, 3)] * 5)
    header, own = node.headers[4], node.sets[3]
    few = light.SignedHeader(header, commit_to(header, own, signers={0, 1}), own)
    honest = node.signed
    monkeypatch.setattr(node, "signed", lambda height: few if height == 4 else honest(height))
    with pytest.raises(light.NotProven, match="2 of 4"):
        trust(node).header(node, 4)


def test_a_first_header_that_is_too_old_is_not_built_on():
    node = FakeNode([members(0, 1, 2, 3)] * 5)
    with pytest.raises(light.NotProven, match="too old"):
        trust(node, period=SECOND).header(node, 4)
