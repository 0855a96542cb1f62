"""A sub-chain spends of units what was reserved for it, as phases open, and no more."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tallystick.ledger import state as st
from tallystick.ledger.budgets.costs import cost_of
from tallystick.ledger.chains import allocations
from tallystick.ledger.records import Revoked
from tests.ledger.drafts import draft_of
from tests.ledger.neighbours import NORTH, opened, pair, sent, short
from tests.ledger.play import train
from tests.ledger.story import NOISE


def test_what_goes_along_is_what_a_place_has_reserved_until_its_grant_ends():
    found = pair()
    name = sent(found)
    draft = draft_of(found.main)
    place = draft.get(st.PLACES, name, "ada")
    use = place.units[0]
    ((member, allocated),) = allocations.of_place(draft, name, place)
    held = draft.get(st.RESERVATIONS, name, "ada", use.unit)
    assert (member, allocated.unit, allocated.left) == ("ada", use.unit, held.left)
    assert allocated.until == draft.get(st.GRANTS, use.grant).until
    assert (allocated.events, allocated.unaccounted) == (held.events, 0)


def begun(rounds: int = 2):
    """A request that runs on the sub-chain, ada's place in it, and a draft there."""
    play = opened(pair(), short(rounds=rounds))
    draft = draft_of(play.world, NORTH)
    return draft, play.posted(), draft.get(st.PLACES, play.request, "ada")


def test_a_phase_is_charged_to_its_rows_and_what_is_left_is_said():
    draft, request, place = begun()
    use = place.units[0]
    before = draft.get(st.ALLOCATIONS, request.request, "ada", use.unit)
    once = cost_of(NOISE.least, "training")
    assert before.left == once  # round 1 has opened and is charged already
    allocations.charge(draft, request, request.rules.phases[0], place)
    after = draft.get(st.ALLOCATIONS, request.request, "ada", use.unit)
    assert after.left == before.left - once
    left = {rest.member: rest for rest in allocations.left(draft, request.request)}
    assert left["ada"].costs == after.left and left["bob"].costs == once


def test_more_than_was_allocated_cannot_be_spent():
    draft, request, place = begun(rounds=1)
    with pytest.raises(ValueError, match="than was charged"):
        allocations.charge(draft, request, request.rules.phases[0], place)


def test_what_has_no_guarantee_is_counted_and_what_touches_no_rows_is_free():
    draft, request, place = begun()
    use = place.units[0]
    before = draft.get(st.ALLOCATIONS, request.request, "ada", use.unit)
    allocations.charge(draft, request, train(), place)
    assert draft.get(st.ALLOCATIONS, request.request, "ada", use.unit) == before
    allocations.charge(draft, request, train(rows="training"), place)
    after = draft.get(st.ALLOCATIONS, request.request, "ada", use.unit)
    assert after == replace(before, unaccounted=1)
    assert allocations.left(draft, request.request)[0].unaccounted == 1


def test_a_unit_serves_until_its_grant_ends_or_is_revoked():
    draft, request, place = begun()
    use = place.units[0]
    assert allocations.why_ended(draft, request.request, place) is None
    draft.change(st.ALLOCATIONS, request.request, "ada", use.unit, until=draft.time + 1)
    assert allocations.why_ended(draft, request.request, place) is None
    draft.change(st.ALLOCATIONS, request.request, "ada", use.unit, until=draft.time)
    assert f"ended at {draft.time}" in str(allocations.why_ended(draft, request.request, place))
    draft.put(st.REVOKED, Revoked(draft.time), use.grant)
    assert allocations.why_ended(draft, request.request, place) == "its grant is revoked"
    draft.delete(st.ALLOCATIONS, request.request, "ada", use.unit)
    assert allocations.why_ended(draft, request.request, place) == "nothing of it is allocated"
