"""Other chains as they are shown, and what waits to be carried: in an order in which it is taken, once."""

from __future__ import annotations

from tallystick.ledger import state as st
from tallystick.ledger import transactions as tx
from tallystick.ledger.views.chains import ChainView, Waiting, key_of, other_chains, to_carry
from tests.ledger.chains_world import NORTH, OPERATOR
from tests.ledger.neighbours import Pair, contradiction, ended, member_of, opened, pair, sent
from tests.ledger.world import CHAIN, DAY, HOUR


def out(both: Pair) -> list[tuple[str, str]]:
    """What the sub-chain should be shown."""
    return [
        (waiting.about, waiting.of)
        for waiting in to_carry(both.main.reader, both.north.reader, both.main.time)
    ]


def home(both: Pair) -> list[tuple[str, str]]:
    """What the main chain should be shown."""
    return [
        (waiting.about, waiting.of)
        for waiting in to_carry(both.north.reader, both.main.reader, both.north.time)
    ]


def seen(both: Pair, time: int = 0) -> ChainView:
    """The sub-chain as the main one knows it."""
    (other,) = other_chains(both.main.reader, time or both.main.time)
    return other


def test_a_chain_is_trusted_until_its_trust_lapses_or_it_contradicts_itself():
    both = pair(trusting_period=DAY)
    known = both.main.get(st.OTHER_CHAINS, NORTH)
    assert (seen(both).chain, seen(both).main, seen(both).requests) == (NORTH, False, 0)
    assert seen(both, known.time + DAY - 1).stage == "trusted"
    assert seen(both, known.time + DAY).stage == "lapsed"
    both.main.did("ada", contradiction(both))
    assert seen(both).stage == seen(both, known.time + DAY).stage == "frozen"


def test_what_is_with_a_chain_is_counted_on_both_sides():
    both = pair()
    opened(both)
    (main,) = other_chains(both.north.reader, both.north.time)
    assert (seen(both).requests, seen(both).escrow > 0) == (1, True)
    assert (main.chain, main.main, main.requests) == (CHAIN, True, 1)


def test_whom_a_team_needs_is_shown_before_the_team():
    both = pair()
    assert out(both) == home(both) == []
    request = sent(both)
    waiting = out(both)
    assert waiting[-1] == ("message", request)
    assert sorted(waiting[:-1]) == [("member", name) for name in ("ada", "bob", "dan")]
    for about, of in waiting:  # each is taken, and then nothing waits
        both.tell_north(about, of)
    assert out(both) == []


def test_a_member_that_has_changed_and_a_revoked_grant_are_news_once():
    both = pair()
    play = opened(both)
    assert out(both) == []
    member_of(both, "ada", active=False)
    grant = both.north.scan(st.ALLOCATIONS, play.request, "bob")[0].grant
    both.main.did("bob", tx.RevokeGrant(grant))
    assert out(both) == [("member", "ada"), ("grant", grant)]
    for about, of in out(both):
        both.tell_north(about, of)
    assert out(both) == []


def test_an_outcome_comes_home_and_silence_only_after_the_end():
    both = pair()
    request = ended(both)
    assert home(both) == [("message", request)]
    both.tell_main("message", request)
    assert home(both) == []
    other = pair(trusting_period=200 * DAY, fresh=200 * DAY)
    never = sent(other)
    assert home(other) == []
    other.wait(other.main.get(st.PROGRESS, never).final - other.main.time)
    assert home(other) == [("request", never)]  # it never began there


def test_a_view_that_grows_old_is_renewed_while_a_request_needs_it():
    both = pair()
    both.wait(HOUR)
    assert out(both) == []  # nobody waits for it
    opened(both)
    assert out(both) == []
    both.wait(HOUR // 4)
    assert out(both) == [("header", "")]


def test_nothing_is_carried_to_who_does_not_know_the_chain_or_has_frozen_it():
    both = pair()
    sent(both)
    assert to_carry(both.main.reader, both.main.reader, both.main.time) == ()
    both.main.did("ada", contradiction(both))
    assert home(both) == []
    assert out(both)  # the other way is another trust


def test_what_is_carried_lies_under_the_key_that_the_receiver_proves():
    assert key_of("message", "request-1", NORTH) == st.MESSAGES.key(NORTH, "request-1")
    assert key_of("member", OPERATOR, NORTH) == st.MEMBERS.key(OPERATOR)
    assert key_of("grant", "grant-1", NORTH) == st.GRANTS.key("grant-1")
    assert key_of("request", "request-1", NORTH) == st.REQUESTS.key("request-1")
    assert Waiting("header") == Waiting("header", "")
