"""What another chain says opens a request here or brings it home, once, and never more than was reserved."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tallystick.ledger import rejections as no
from tallystick.ledger import state as st
from tallystick.ledger.budgets.costs import NOTHING, Costs
from tallystick.ledger.budgets.curves import ZERO
from tallystick.ledger.chains import arrivals
from tallystick.ledger.chains.messages import Opening
from tests.ledger.drafts import draft_of
from tests.ledger.neighbours import NORTH, Pair, ended, opened, pair, sent
from tests.ledger.world import CHAIN

HELD = Costs((5,) * 15, (3,) * 15)


@pytest.mark.parametrize(
    "left, believed",
    [
        (HELD, HELD),
        (Costs((1,) * 15, ZERO), Costs((1,) * 15, ZERO)),
        (NOTHING, NOTHING),
        (Costs((6,) * 15, (1,) * 15), Costs(ZERO, (1,) * 15)),  # more than was held: nothing is left
        (Costs((-1,) * 15, (3,) * 15), Costs(ZERO, (3,) * 15)),
        (Costs((5,) * 14, (3,) * 15), Costs(ZERO, (3,) * 15)),
        (Costs((5,) * 14 + (6,), ()), NOTHING),
    ],
)
def test_what_a_chain_says_is_left_is_believed_only_where_it_can_be(left, believed):
    assert arrivals._plausible(HELD, left) == believed


def at_home(found: Pair) -> tuple:
    """A request that has ended on the sub-chain, its outcome, and a draft on the main chain."""
    name = ended(found)
    return name, found.north.get(st.MESSAGES, CHAIN, name).content, draft_of(found.main)


@pytest.mark.parametrize(
    "changes, reason",
    [
        ({}, None),
        ({"recorder": ""}, None),
        ({"recorder": "cleo"}, "members outside the team"),
        ({"leader": "cleo"}, "members outside the team"),
        ({"author": "zoe"}, "members outside the team"),
        ({"recorders": ("ada", "cleo")}, "members outside the team"),
        ({"places": ()}, "another team"),
    ],
)
def test_an_outcome_is_about_the_team_that_left(changes, reason):
    name, outcome, draft = at_home(pair())
    found = arrivals.why_unfit(draft, name, replace(outcome, **changes))
    assert (found is None) if reason is None else reason in found


def test_a_request_is_with_one_chain_and_comes_home_once():
    found = pair()
    name, outcome, draft = at_home(found)
    request, progress = arrivals.away(draft, name, NORTH)
    with pytest.raises(no.UnknownRecord):
        arrivals.away(draft, name, "south")
    with pytest.raises(no.UnknownRecord):
        arrivals.away(draft, "request-none", NORTH)
    arrivals.come_home(draft, request, progress, outcome)
    assert draft.get(st.PROGRESS, name).stage == "settled"
    assert draft.get(st.OTHER_CHAINS, NORTH).escrow == 0
    assert draft.find(st.MESSAGES, NORTH, name) is None
    with pytest.raises(no.WrongStage, match="settled"):
        arrivals.away(draft, name, NORTH)


def test_what_was_spent_there_is_spent_here_and_the_rest_is_free_again():
    found = pair()
    name, outcome, draft = at_home(found)
    held = {key.split("/")[2]: record for key, record in draft.scan(st.RESERVATIONS, name)}
    arrivals.come_home(draft, *arrivals.away(draft, name, NORTH), outcome)
    for rest in outcome.left:
        lineage = draft.get(st.LINEAGES, held[rest.member].lineage)
        assert lineage.spent == held[rest.member].left - rest.costs != NOTHING
        assert lineage.reserved == NOTHING


@pytest.mark.parametrize("begun", [True, False])
def test_without_an_outcome_all_is_spent_unless_it_never_began(begun):
    found = pair()
    name = sent(found)
    draft = draft_of(found.main)
    held = [record for _, record in draft.scan(st.RESERVATIONS, name)]
    arrivals.give_up(draft, name, "no outcome", begun)
    progress = draft.get(st.PROGRESS, name)
    assert (progress.stage, progress.outcome) == ("refunded", "no outcome")
    for record in held:
        lineage = draft.get(st.LINEAGES, record.lineage)
        assert lineage.spent == (record.left if begun else NOTHING) and lineage.reserved == NOTHING
        assert draft.get(st.GRANTS, record.grant).used == begun


def test_an_opening_begins_what_was_sent_once_and_in_time():
    found = pair()
    name = sent(found)
    found.introduce("ada", "bob", "dan")
    opening = found.main.get(st.MESSAGES, NORTH, name).content
    assert isinstance(opening, Opening)
    draft = draft_of(found.north, NORTH)
    with pytest.raises(no.WrongStage, match="past its end"):
        arrivals.ensure_openable(draft, replace(opening, final=draft.time))
    stranger = replace(opening, places=(replace(opening.places[0], member="zoe"),))
    with pytest.raises(no.UnknownMember, match="zoe"):
        arrivals.ensure_openable(draft, stranger)
    arrivals.ensure_openable(draft, opening)
    play = opened(pair())
    again = replace(opening, request=play.posted())
    with pytest.raises(no.AlreadyDone):
        arrivals.ensure_openable(draft_of(play.world, NORTH), again)


def test_what_has_begun_here_holds_no_money_and_what_it_may_spend():
    play = opened(pair())
    progress = play.progress()
    assert (progress.stage, progress.escrow, progress.round) == ("rounds", 0, 1)
    assert [place.deposit for place in play.world.scan(st.PLACES, play.request)] == [0, 0]
    assert len(play.world.scan(st.ALLOCATIONS, play.request)) == 2
    assert play.world.find(st.DUE, progress.final, "overdue", play.request) is not None
