"""What other chains show is taken once and only with proof; contradictions freeze, votes trust anew."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tallystick.base import light
from tallystick.ledger import rejections as no
from tallystick.ledger import state as st
from tallystick.ledger import transactions as tx
from tests.base.small_chain import commit_to, members
from tests.ledger.chains_world import NORTH, OPERATOR, terms
from tests.ledger.neighbours import (
    contradiction,
    ended,
    member_of,
    opened,
    pair,
    sent,
)
from tests.ledger.story import offered, posted
from tests.ledger.world import CHAIN, DAY, HOUR, World, ensure_refused, key_of, refused


def test_a_chain_is_trusted_anew_by_vote():
    found = pair()
    found.main.did("ada", contradiction(found))
    found.main.decide(tx.RegisterChain(terms(NORTH, escrow_cap=7)))
    other = found.main.get(st.OTHER_CHAINS, NORTH)
    assert not other.frozen and other.terms.escrow_cap == 7


@pytest.mark.parametrize("change, refusal", [
    (terms(CHAIN), no.OutOfRange),
    (replace(terms(NORTH), validators=((bytes(32), 1),)), no.KeyRefused),
    (replace(terms(NORTH), validators=((key_of("x").public, 1),) * 2), no.OutOfRange),
])  # fmt: skip
def test_a_chain_that_cannot_be_registered(change, refusal):
    ensure_refused(World(), "ada", tx.Propose(tx.RegisterChain(change)), refusal)


@refused(tx.Deliver, no.UnknownRecord)
def test_an_unknown_chain_shows_nothing():
    found = pair()
    return found.main, "ada", replace(found.to_main(), chain="south")


@refused(tx.Deliver, no.UnknownRecord)
def test_an_outcome_of_a_request_that_is_not_there():
    found = pair()
    here = posted(found.main)
    return found.main, "ada", found.to_main("message", here)


@refused(tx.Deliver, no.WrongStage)
def test_an_outcome_counts_once():
    found = pair()
    request = ended(found)
    found.tell_main("message", request)
    return found.main, "ada", found.to_main("message", request)


@refused(tx.Deliver, no.WrongStage)
def test_silence_means_nothing_before_the_end():
    found = pair()
    return found.main, "ada", found.to_main("message", sent(found))


@refused(tx.Deliver, no.WrongStage)
def test_a_request_does_not_begin_after_its_end():
    found = pair(trusting_period=200 * DAY, fresh=200 * DAY)
    request = sent(found)
    found.introduce("ada", "bob", "dan")
    found.wait(found.main.get(st.PROGRESS, request).final - found.main.time)
    return found.north, OPERATOR, found.to_north("message", request)


@refused(tx.Deliver, no.ChainNotProven)
def test_a_header_that_its_validators_did_not_sign():
    found = pair()
    return found.main, "ada", found.to_main(signers=())


@refused(tx.Deliver, no.ChainNotProven)
def test_bytes_that_are_no_header():
    return pair().main, "ada", tx.Deliver(NORTH, b"\x01\x02")


@refused(tx.Deliver, no.ChainNotProven)
def test_a_header_older_than_the_one_known():
    found = pair()
    old = found.to_main()
    found.wait(1)
    found.tell_main()
    return found.main, "ada", old


@refused(tx.Deliver, no.ChainNotProven)
def test_a_header_after_the_trust_has_lapsed():
    found = pair()
    found.wait(15 * DAY)
    return found.main, "ada", found.to_main()


@refused(tx.Deliver, no.ChainNotProven)
def test_a_record_that_the_state_does_not_hold():
    found = pair()
    honest = found.to_north("member", "ada")
    forged = st.MEMBERS.encode(replace(found.main.get(st.MEMBERS, "ada"), key=key_of("eve").public))
    return found.north, OPERATOR, replace(honest, value=forged)


@refused(tx.Deliver, no.ChainNotProven)
def test_validators_that_nobody_named():
    found = pair()
    return found.main, "ada", found.to_main(following=members(1, 2))


@refused(tx.Deliver, no.AlreadyDone)
def test_a_header_is_shown_once():
    found = pair()
    same = found.to_main()
    found.main.did("ada", same)
    return found.main, "bob", same


@refused(tx.Deliver, no.AlreadyDone)
def test_a_request_begins_once():
    found = pair()
    return found.north, OPERATOR, found.to_north("message", opened(found).request)


@refused(tx.Deliver, no.AlreadyDone)
def test_a_member_is_shown_once():
    found = pair()
    found.introduce("ada")
    return found.north, OPERATOR, found.to_north("member", "ada")


@refused(tx.Deliver, no.AlreadyDone)
def test_a_revocation_is_shown_once():
    found = pair()
    grant = offered(found.main, "ada").grant
    found.main.did("ada", tx.RevokeGrant(grant))
    found.tell_north("grant", grant)
    return found.north, OPERATOR, found.to_north("grant", grant)


@refused(tx.Deliver, no.BadMessage)
def test_a_sub_chain_says_nothing_of_members():
    found = pair()
    return found.main, "ada", found.to_main("member", OPERATOR)


@refused(tx.Deliver, no.BadMessage)
def test_a_grant_that_is_not_revoked_is_no_news():
    found = pair()
    return found.north, OPERATOR, found.to_north("grant", offered(found.main, "ada").grant)


@refused(tx.Deliver, no.BadMessage)
def test_nothing_follows_from_the_silence_of_the_main_chain():
    found = pair()
    return found.north, OPERATOR, found.to_north("member", "nobody")


@refused(tx.Deliver, no.BadMessage)
def test_a_request_arrives_as_a_message_only():
    found = pair()
    return found.north, OPERATOR, found.to_north("request", sent(found))


@refused(tx.Deliver, no.UnknownMember)
def test_a_request_begins_only_among_members_that_are_known():
    found = pair()
    request = sent(found)
    found.introduce("ada", "bob")
    return found.north, OPERATOR, found.to_north("message", request)


@refused(tx.Deliver, no.KeyRefused)
def test_a_member_whose_key_is_anothers_here():
    found = pair()
    member_of(found, "ada", key=key_of(OPERATOR).public)
    return found.north, OPERATOR, found.to_north("member", "ada")


@refused(tx.Deliver, no.StaleView)
def test_a_request_does_not_begin_on_an_old_view():
    found = pair()
    request = sent(found)
    found.introduce("ada", "bob", "dan")
    found.wait(0)
    old = found.to_north("message", request)
    found.north.wait(HOUR)
    return found.north, OPERATOR, old


@refused(tx.Freeze, no.UnknownRecord)
def test_an_unknown_chain_is_not_frozen():
    return pair().main, "ada", tx.Freeze("south", b"", b"")


@refused(tx.Freeze, no.WrongStage)
def test_a_chain_is_frozen_once():
    found = pair()
    found.main.did("ada", contradiction(found))
    return found.main, "ada", contradiction(found)


@refused(tx.Freeze, no.ChainNotProven)
def test_two_headers_of_different_heights_are_no_contradiction():
    found = pair()
    return found.main, "ada", contradiction(found, height=90)


@refused(tx.Freeze, no.ChainNotProven)
def test_one_header_twice_is_no_contradiction():
    found = pair()
    one = found.speakers[NORTH].signed()
    return found.main, "ada", tx.Freeze(NORTH, one, one)


@refused(tx.Freeze, no.ChainNotProven)
def test_a_contradiction_by_others_is_none():
    found = pair()
    stranger = members(5)
    header = found.speakers[NORTH].header()
    named = header._replace(
        validators_hash=light.validators_hash(stranger), next_validators_hash=light.validators_hash(stranger)
    )
    signed = [light.SignedHeader(one, commit_to(one, stranger), stranger)
              for one in (named, named._replace(app_hash=b"\x02" * 32))]  # fmt: skip
    return found.main, "ada", tx.Freeze(NORTH, *map(light.SIGNED_HEADER.encode, signed))


@refused(tx.Freeze, no.ChainNotProven)
def test_a_contradiction_of_long_ago_is_none():
    found = pair()
    old = contradiction(found)
    found.wait(15 * DAY)
    return found.main, "ada", old
