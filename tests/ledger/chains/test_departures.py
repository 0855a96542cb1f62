"""Which requests may run elsewhere, how long their end can take, and what is at stake there."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tallystick.ledger import rules as ru
from tallystick.ledger import state as st
from tallystick.ledger.chains import departures
from tallystick.ledger.notices import RequestSent
from tests.ledger.drafts import draft_of, place_of, progress_of
from tests.ledger.neighbours import NORTH, ended, opened, pair, sent, short
from tests.ledger.play import MEASURE, mutual
from tests.ledger.world import CHAIN, DAY, HOUR

RULES = short()


@pytest.mark.parametrize(
    "rules, reason",
    [
        (RULES, None),
        (mutual(64), None),
        (mutual(65), "at most 64 members, not 65"),
        (mutual(3, bench=1), "there is no bench"),
        (replace(RULES, purchase_limit=1), "nothing can be bought"),
    ],
)
def test_what_a_sub_chain_cannot_do_is_refused_with_its_reason(rules, reason):
    found = departures.why_not_on_chain(rules, 10 * DAY)
    assert (found is None) if reason is None else reason in found


def test_an_end_must_fit_into_the_time_that_outcomes_have():
    needed = departures.longest_end(RULES)
    assert departures.why_not_on_chain(RULES, needed) is None
    assert f"may take {needed} ms" in departures.why_not_on_chain(RULES, needed - 1)


def test_the_longest_end_is_every_closing_phase_three_recorders_and_the_test():
    electing = ru.Electing(wait=10, approve_wait=5)
    plain = replace(RULES, electing=electing)
    assert departures.longest_end(plain) == 3 * (10 + 5)
    sealed = replace(plain, closing=(MEASURE,))  # committed, then revealed
    assert departures.longest_end(sealed) == 45 + 2 * HOUR
    in_order = replace(plain, closing=(replace(MEASURE, turn="in_order", sealed=False),))
    assert departures.longest_end(in_order) == 45 + RULES.forming.size * HOUR
    tested = replace(plain, test=ru.SealedTest(b"t" * 32, 7))
    assert departures.longest_end(tested) == 45 + 7 + 5


def test_a_chain_could_misdirect_the_escrow_and_every_deposit():
    assert departures.at_stake(progress_of(), [place_of("bob"), place_of("cleo", deposit=7)]) == 1_107


def test_what_leaves_is_counted_and_must_be_home_by_its_end():
    found = pair()
    name = sent(found)
    progress = found.main.get(st.PROGRESS, name)
    request = found.main.get(st.REQUESTS, name)
    other = found.main.get(st.OTHER_CHAINS, NORTH)
    deposits = sum(place.deposit for place in found.main.scan(st.PLACES, name))
    assert other.escrow == progress.escrow + deposits
    assert progress.deadline == progress.final + other.terms.refunding
    assert RequestSent(name, NORTH, progress.final) in found.main.said
    assert progress.final > found.main.time + request.rules.stopping.time
    assert found.main.find(st.DUE, progress.deadline, "overdue", name) is not None


def hindered(**changes) -> str | None:
    """Why a team that stands cannot leave, where the other chain's record is so."""
    found = pair()
    name = sent(found)
    draft = draft_of(found.main)
    draft.change(st.PROGRESS, name, stage="forming")
    terms = changes.pop("terms", {})
    other = draft.change(st.OTHER_CHAINS, NORTH, escrow=0, **changes)
    draft.change(st.OTHER_CHAINS, NORTH, terms=replace(other.terms, **terms))
    return departures.depart(draft, draft.get(st.REQUESTS, name))


def test_a_team_cannot_leave_for_a_frozen_or_a_full_chain():
    assert hindered() is None
    assert hindered(frozen=True) == f"chain '{NORTH}' is frozen"
    assert "may hold no more than 100 tokens" in str(hindered(terms={"escrow_cap": 100}))


def test_a_message_that_no_transaction_could_carry_is_not_sent(monkeypatch):
    found = pair()
    name = sent(found)
    draft = draft_of(found.main)
    monkeypatch.setattr(departures, "LARGEST", 100)
    hindrance = departures.depart(draft, draft.get(st.REQUESTS, name))
    assert hindrance == "what its team may spend does not fit into a message of 100 bytes"


def test_an_outcome_is_said_once_in_time_and_not_after():
    found = pair()
    name = ended(found)
    assert found.north.find(st.MESSAGES, CHAIN, name) is not None
    late = pair()
    play = opened(late)
    final = late.north.get(st.PROGRESS, play.request).final
    late.wait(final - late.north.time)
    assert late.north.get(st.PROGRESS, play.request).stage == "refunded"
    assert late.north.find(st.MESSAGES, CHAIN, play.request) is None
