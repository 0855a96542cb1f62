"""Joining reserves the worst case of all rounds, a phase spends a part, leaving gives back the rest."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tallystick.base.events import Gaussian, Unaccounted
from tallystick.ledger import rejections as no
from tallystick.ledger import state as st
from tallystick.ledger.budgets import reservations
from tallystick.ledger.budgets.costs import NOTHING, cost_of
from tallystick.ledger.notices import GrantUsed, PrivacyCharged, PrivacyReserved
from tallystick.ledger.records import Request
from tallystick.ledger.state import Draft
from tallystick.ledger.transactions import UnitUse
from tests.ledger.drafts import draft_of
from tests.ledger.play import judge, mutual, train
from tests.ledger.story import NOISE, charged, offered, posted
from tests.ledger.world import World

TRAINS = train(rows="training", event=NOISE)
JUDGES = judge(rows="judging", event=NOISE)
RULES = mutual(phases=(TRAINS, JUDGES), result="train", units=True, closing=(replace(JUDGES, name="last"),))
QUIET = Gaussian(5_000, 1)
USE = UnitUse("unit-1", "grant-1", (("train", QUIET),))


# --- what it costs ------------------------------------------------------------------------------------


def test_a_phase_costs_the_event_that_the_applicant_named_else_the_dearest():
    assert reservations.event_for(TRAINS, USE) == QUIET
    assert reservations.event_for(JUDGES, USE) == NOISE.least  # the smaller noise
    assert reservations.event_for(train(), USE) is None
    assert isinstance(reservations.event_for(train(rows="training"), USE), Unaccounted)


def test_the_worst_case_is_all_rounds_and_the_closing_once():
    once = cost_of(NOISE.least, "judging")
    needed = cost_of(QUIET, "training", 3) + cost_of(NOISE.least, "judging", 3) + once
    assert reservations.worst_case(RULES, USE, 3) == needed
    assert reservations.worst_case(mutual(), USE, 3) == NOTHING


def test_publications_without_a_guarantee_are_counted_over_all_rounds():
    open_rules = mutual(3, 4, phases=(train(rows="training"), JUDGES))
    assert reservations.most_unaccounted(open_rules, USE) == 4
    assert reservations.most_unaccounted(RULES, USE) == 0


# --- whether a grant allows it ------------------------------------------------------------------------


def at_hand(rules=None) -> tuple[Draft, Request, UnitUse]:
    """A world in which ada's unit is granted and dan asks for it."""
    world = World()
    use = offered(world, "ada")
    name = posted(world, rules or charged())
    return draft_of(world), world.get(st.REQUESTS, name), use


@pytest.mark.parametrize(
    "changes, reason",
    [
        ({"revoked": True}, "revoked"),
        ({"until": 1}, "ended at 1"),
        ({"to": "cleo"}, "for 'cleo', not for 'dan'"),
        ({"purpose": "other"}, "for 'other'"),
        ({"statistics_only": True}, "statistics only"),
        ({"owner": "bob"}, "no grant of this unit"),
        ({"unit": "unit-2"}, "no grant of this unit"),
        ({}, None),
        ({"to": "dan"}, None),
    ],
)
def test_a_grant_serves_whom_when_and_what_it_says(changes, reason):
    draft, request, use = at_hand()
    draft.change(st.GRANTS, use.grant, **changes)
    found = reservations.why_not_granted(draft, request, "ada", use)
    assert (found is None) if reason is None else reason in found


def test_a_grant_ends_at_its_moment_and_with_its_unit():
    draft, request, use = at_hand()
    draft.change(st.GRANTS, use.grant, until=draft.time)
    assert reservations.why_not_granted(draft, request, "ada", use) is not None
    draft.change(st.GRANTS, use.grant, until=draft.time + 1)
    assert reservations.why_not_granted(draft, request, "ada", use) is None
    draft.change(st.UNITS, use.unit, active=False)
    assert "withdrawn" in str(reservations.why_not_granted(draft, request, "ada", use))


@pytest.mark.parametrize(
    "events, refused",
    [
        ((("train", QUIET),), None),
        ((("train", Gaussian(2_000, 1)),), "outside the range"),
        ((("train", Gaussian(5_000, 2)),), "outside the range"),
        ((("rest", QUIET),), "no event for it"),
    ],
)
def test_an_event_stays_within_the_range_of_the_rules(events, refused):
    draft, request, use = at_hand()
    unit = draft.get(st.UNITS, use.unit)
    budget = draft.get(st.LINEAGES, unit.lineage).budget
    named = replace(use, events=events)
    if refused is None:
        reservations.check_events(request.rules, named, unit, budget)
        return
    with pytest.raises(no.EventRefused, match=refused):
        reservations.check_events(request.rules, named, unit, budget)


def test_events_protect_what_the_budget_protects():
    draft, request, use = at_hand()
    unit = draft.get(st.UNITS, use.unit)
    budget = replace(draft.get(st.LINEAGES, unit.lineage).budget, protects="subject")
    with pytest.raises(no.EventRefused, match="the budget protects a subject"):
        reservations.check_events(request.rules, use, unit, budget)


# --- reserved, spent, released ------------------------------------------------------------------------


def lineage_of(draft: Draft, use: UnitUse):
    return draft.get(st.LINEAGES, draft.get(st.UNITS, use.unit).lineage)


def test_what_is_reserved_is_spent_phase_by_phase_and_the_rest_is_given_back():
    draft, request, use = at_hand()
    worst, once = reservations.worst_case(request.rules, use, 2), cost_of(NOISE.least, "training")
    assert reservations.reserve(draft, request, "ada", (use,), 2) is None
    lineage = lineage_of(draft, use)
    assert (lineage.spent, lineage.reserved) == (NOTHING, worst) and worst == once + once
    assert draft.get(st.RESERVATIONS, request.request, "ada", use.unit).left == worst
    rule = request.rules.phases[0]
    reservations.charge(draft, request.request, rule, 1, "ada", (use,))
    assert (lineage_of(draft, use).spent, lineage_of(draft, use).reserved) == (once, once)
    reservations.release(draft, request.request, "ada", (use,), used=True)
    assert (lineage_of(draft, use).spent, lineage_of(draft, use).reserved) == (once, NOTHING)
    assert draft.find(st.RESERVATIONS, request.request, "ada", use.unit) is None
    kinds = [type(notice) for notice in draft.notices]
    assert kinds == [PrivacyReserved, GrantUsed, PrivacyCharged]


@pytest.mark.parametrize("used, left", [(True, 1), (False, 0)])
def test_a_grants_use_comes_back_only_where_nothing_opened(used, left):
    draft, request, use = at_hand()
    reservations.reserve(draft, request, "ada", (use,), 2)
    assert (draft.get(st.GRANTS, use.grant).used, draft.get(st.UNITS, use.unit).uses) == (1, 1)
    reservations.release(draft, request.request, "ada", (use,), used)
    assert (draft.get(st.GRANTS, use.grant).used, draft.get(st.UNITS, use.unit).uses) == (left, left)


def test_a_release_without_a_reservation_changes_nothing():
    draft, request, use = at_hand()
    reservations.release(draft, request.request, "ada", (use,), used=False)
    assert draft.pending == {}


def test_what_cannot_all_be_reserved_is_not_reserved_at_all():
    draft, request, use = at_hand()
    before = (lineage_of(draft, use), draft.get(st.GRANTS, use.grant))
    refusal = reservations.reserve(draft, request, "ada", (use, replace(use, unit="unit-none")), 2)
    assert isinstance(refusal, no.UnknownRecord)
    assert (lineage_of(draft, use), draft.get(st.GRANTS, use.grant)) == before and draft.notices == []


def test_a_budget_is_passed_by_what_is_reserved_already():
    draft, request, use = at_hand()
    lineage = lineage_of(draft, use)
    worst = reservations.worst_case(request.rules, use, 2)
    delta = lineage.budget.delta_e12
    enough = (worst + worst).epsilon("training", delta)
    draft.change(st.LINEAGES, lineage.lineage, budget=replace(lineage.budget, epsilon_nano=enough - 1))
    assert reservations.reserve(draft, request, "ada", (use,), 2) is None
    refusal = reservations.reserve(draft, request, "bob", (use,), 2)
    assert isinstance(refusal, no.NotYours)
    with pytest.raises(no.OverBudget, match=f"{enough} nano-epsilon of {enough - 1}"):
        reservations.ensure_affordable(lineage_of(draft, use), use.unit, worst)


def test_what_has_no_guarantee_is_counted_and_takes_nothing_of_the_budget():
    draft, request, use = at_hand()
    reservations.reserve(draft, request, "ada", (use,), 2)
    before = lineage_of(draft, use)
    reservations.charge(draft, request.request, train(rows="training"), 1, "ada", (use,))
    assert lineage_of(draft, use) == replace(before, unaccounted=1)


def test_used_up_grants_admit_nobody():
    draft, request, use = at_hand()
    draft.change(st.GRANTS, use.grant, used=100)
    with pytest.raises(no.NotGranted, match="its 100 uses are used"):
        reservations.ensure_possible(draft, request, "ada", use, 2)
