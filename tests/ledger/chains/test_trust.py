"""What is believed of another chain follows from headers that its validators signed, lately and in order."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tallystick.base import light
from tallystick.ledger import rejections as no
from tallystick.ledger import state as st
from tallystick.ledger.chains import trust
from tests.base.small_chain import members
from tests.ledger.chains_world import NORTH, terms
from tests.ledger.drafts import draft_of
from tests.ledger.neighbours import opened, pair
from tests.ledger.world import CHAIN, DAY, START


def test_a_chain_begins_with_its_validators_the_strongest_first():
    two = (*members(2, power=1), *members(1, power=5))
    known = replace(terms(NORTH), validators=tuple((one.public, one.power) for one in two))
    view = trust.first_view(known, False, START)
    assert [power for _, power in view.validators] == [5, 1]
    header = light.HEADER.decode(view.header)
    assert (header.chain, header.height, header.time) == (NORTH, 0, START * trust.MILLION)
    assert header.next_validators_hash == light.validators_hash(
        tuple(light.Validator(*one) for one in view.validators)
    )


def known(found=None):
    found = found or pair()
    draft = draft_of(found.main)
    return found, draft, trust.known_chain(draft, NORTH)


def test_a_frozen_or_unknown_chain_is_not_followed():
    _, draft, _ = known()
    with pytest.raises(no.UnknownRecord):
        trust.known_chain(draft, "south")
    draft.change(st.OTHER_CHAINS, NORTH, frozen=True)
    with pytest.raises(no.WrongStage, match="frozen"):
        trust.known_chain(draft, NORTH)


def test_a_signed_header_is_followed_and_the_same_one_again_changes_nothing():
    found, draft, other = known()
    data = found.speakers[NORTH].signed()
    newer, header = trust.follow(draft, other, data, None)
    assert newer.time == header.time // trust.MILLION and newer.header != other.header
    again, same = trust.follow(draft, newer, data, None)
    assert (again, same) == (newer, header)
    with pytest.raises(no.ChainNotProven):
        trust.follow(draft, newer, found.speakers[NORTH].signed(height=1), None)


@pytest.mark.parametrize(
    "changes",
    [
        {"signers": ()},
        {"chain": "south"},
        {"time": (START + 40 * DAY) * 10**6},  # from the future
        {"following": members(2)},  # others sign next, and nobody says who
    ],
)
def test_what_its_validators_did_not_sign_as_it_should_be_is_not_believed(changes):
    found, draft, other = known()
    with pytest.raises(no.ChainNotProven, match=NORTH):
        trust.follow(draft, other, found.speakers[NORTH].signed(**changes), None)


def test_who_signs_next_is_believed_as_the_header_says():
    found, draft, other = known()
    next_ = tuple((one.public, one.power) for one in members(2))
    data = found.speakers[NORTH].signed(members(2))
    newer, _ = trust.follow(draft, other, data, next_)
    assert newer.validators == next_
    with pytest.raises(no.ChainNotProven):
        trust.follow(draft, other, data, tuple((one.public, one.power) for one in members(3)))


def test_trust_lapses_with_its_period():
    found, draft, other = known(pair(trusting_period=DAY))
    draft.time = other.time + DAY
    data = found.speakers[NORTH].signed(time=draft.time * 10**6)
    with pytest.raises(no.ChainNotProven):
        trust.follow(draft, other, data, None)


def test_a_record_is_shown_by_its_proof_and_so_is_that_there_is_none():
    found, draft, other = known()
    speaker = found.speakers[NORTH]
    _, header = trust.follow(draft, other, speaker.signed(), None)
    key, value = st.CHAIN.key(), found.north.reader.get(st.CHAIN.key().encode())
    trust.ensure_shown(NORTH, header, key, value, speaker.tree.prove(key.encode()))
    trust.ensure_shown(NORTH, header, "chain/none", None, speaker.tree.prove(b"chain/none"))
    with pytest.raises(no.ChainNotProven):
        trust.ensure_shown(NORTH, header, key, None, speaker.tree.prove(key.encode()))
    with pytest.raises(no.ChainNotProven):
        trust.ensure_shown(NORTH, header, key, b"\x01lie", speaker.tree.prove(key.encode()))


def test_two_headers_of_one_height_contradict_each_other():
    found, draft, other = known()
    frozen = found.speakers[NORTH].contradiction(50)
    trust.ensure_contradiction(draft, other, frozen.first, frozen.second)
    with pytest.raises(no.ChainNotProven, match="do not contradict"):
        trust.ensure_contradiction(draft, other, frozen.first, frozen.first)
    with pytest.raises(no.ChainNotProven, match="do not contradict"):
        trust.ensure_contradiction(draft, other, frozen.first, found.speakers[NORTH].signed(height=51))
    draft.time += 100 * DAY
    with pytest.raises(no.ChainNotProven, match="too old"):
        trust.ensure_contradiction(draft, other, frozen.first, frozen.second)


def test_a_view_of_the_main_chain_goes_stale_and_a_chain_needs_none_of_itself():
    play = opened(pair())
    draft, request = draft_of(play.world, NORTH), play.posted()
    main = draft.get(st.OTHER_CHAINS, CHAIN)
    assert trust.stale(draft, request) is None
    trust.ensure_fresh(draft, request)
    draft.time = main.time + main.terms.fresh - 1
    assert trust.stale(draft, request) is None
    draft.time += 1
    assert trust.stale(draft, request) == main
    with pytest.raises(no.StaleView, match=str(main.time)):
        trust.ensure_fresh(draft, request)
    assert trust.stale(draft, replace(request, chain="")) is None


def test_too_many_validators_are_not_looked_at(monkeypatch):
    found, draft, other = known()
    monkeypatch.setattr(trust, "MOST_VALIDATORS", 0)
    with pytest.raises(no.ChainNotProven, match="1 validators are more than 0"):
        trust.follow(draft, other, found.speakers[NORTH].signed(), None)
