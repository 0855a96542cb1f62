"""Whose turn it is by each rule, whom a judge judges, and how many turns a member would still have."""

from __future__ import annotations

import pytest

from tallystick.base.ids import rank
from tallystick.ledger import state as st
from tallystick.ledger.records import Phase, Posting, RoundState, Team
from tallystick.ledger.requests import turns
from tallystick.ledger.transactions import Declined, SaltReveal
from tests.ledger.drafts import draft_of, phase_of, place_of, progress_of
from tests.ledger.play import COMBINE, DRAW, MEASURE, judge, mutual, relay, train
from tests.ledger.world import World, hashed

NAME = "request-1"
TEAM = ("dan", "cleo", "bob", "eve", "ana")


def seated(rules=None, posted=(), declined=(), analyst="", **more):
    """A draft in which the team sits and some have posted in the first phase; and its progress."""
    draft, progress = draft_of(World()), progress_of(round=2, leader="dan", analyst=analyst, **more)
    draft.put(st.TEAMS, Team(TEAM), NAME)
    for member in TEAM:
        draft.put(
            st.PLACES, place_of(member, role="analyst" if member == analyst else "member"), NAME, member
        )
    draft.put(st.PHASES, phase_of("train", tuple(sorted(TEAM))), NAME, 0)
    for member in (*posted, *declined):
        content = SaltReveal(b"s" * 16) if member in posted else Declined(1, hashed("log"))
        draft.put(st.POSTS, Posting(member, 0, content, member in posted), NAME, 0, member)
    return draft, progress


def owed(rule, rules=None, **more):
    draft, progress = seated(**more)
    rules = rules or mutual(phases=(train(), judge(), COMBINE))
    return turns.owed(draft, NAME, rules, progress, rule, draft.get(st.TEAMS, NAME))


def test_everyone_who_holds_data_owes_in_the_order_of_names():
    assert owed(train()).owed == ("ana", "bob", "cleo", "dan", "eve")
    assert owed(train(), analyst="dan").owed == ("ana", "bob", "cleo", "eve")


def test_the_leader_owes_alone_also_where_it_is_the_analyst():
    assert owed(COMBINE).owed == owed(COMBINE, analyst="dan").owed == ("dan",)


def test_one_after_the_other_is_drawn_by_the_round():
    _, progress = seated()
    order = owed(train("in_order")).owed
    seed = turns.seed_of(NAME, 2, progress)
    assert order == tuple(sorted(TEAM, key=lambda member: rank(seed, member)))
    later = turns.seed_of(NAME, 3, progress)
    assert seed != later != turns.seed_of(NAME, 3, progress_of(seed=b"reveals"))


def test_who_is_present_and_who_is_not_follow_from_accepted_posts():
    posted = {"posted": ("bob", "cleo"), "declined": ("dan",)}
    assert owed(judge(turn="present:train"), **posted).owed == ("bob", "cleo")
    assert owed(judge(turn="everyone_but:train"), **posted).owed == ("ana", "dan", "eve")


def test_scores_are_about_those_who_posted_and_are_still_there():
    phase = owed(judge(), posted=("bob", "cleo"))
    assert phase.subjects == ("bob", "cleo") and phase.circle == ()
    draft, progress = seated(posted=("bob", "cleo"))
    draft.change(st.TEAMS, NAME, active=("dan", "bob"))
    rules = mutual(phases=(train(), judge(), COMBINE))
    phase = turns.owed(draft, NAME, rules, progress, judge(), draft.get(st.TEAMS, NAME))
    assert phase.subjects == ("bob",)


def test_closing_scores_are_about_who_has_been_there():
    draft, _ = seated(posted=("bob",))
    draft.change(st.PLACES, NAME, "cleo", present=1)
    rules = mutual(closing=(MEASURE,))
    closing = progress_of("closing", round=3, leader="dan")
    phase = turns.owed(draft, NAME, rules, closing, MEASURE, draft.get(st.TEAMS, NAME))
    assert phase.subjects == ("cleo",) and phase.owed == tuple(sorted(TEAM))


def test_nobody_judges_itself():
    phase = phase_of()
    for member in phase.owed:
        assert turns.subjects_of(judge(), phase, member) == tuple(m for m in phase.owed if m != member)


@pytest.mark.parametrize("count", [1, 2, 9])
def test_drawn_judges_sit_on_a_circle_and_each_post_has_as_many(count):
    rule = judge(turn=f"drawn:{count}")
    phase = owed(rule, posted=TEAM)
    given = turns.all_subjects(rule, phase)
    assert sorted(phase.circle) == sorted(TEAM) and phase.owed == tuple(sorted(TEAM))
    each = min(count, len(TEAM) - 1)
    for member in TEAM:
        assert given[member] == turns.subjects_of(rule, phase, member) and member not in given[member]
        assert len(given[member]) == each == sum(member in subjects for subjects in given.values())
    assert turns.subjects_of(rule, phase, "stranger") == ()


def test_a_drawn_judge_with_nothing_to_judge_owes_nothing():
    rule = judge(turn="drawn:1")
    phase = owed(rule, posted=("bob",))
    assert len(phase.owed) == 1 and phase.owed != ("bob",)


@pytest.mark.parametrize("size, sizes", [(2, (3, 2)), (3, (5,)), (5, (5,)), (9, (5,))])
def test_groups_have_at_least_their_size_and_everybody_is_in_one(size, sizes):
    rule = train(f"groups:{size}")
    phase = owed(rule)
    groups = turns.groups(rule, phase)
    assert tuple(map(len, groups)) == sizes and sorted(m for group in groups for m in group) == sorted(TEAM)


@pytest.mark.parametrize(
    "member, stage, index, turns_left",
    [
        ("bob", "rounds", 0, 2 * 2 + 2 + 1),  # train and judge: two further rounds, this one, the closing
        ("bob", "rounds", 1, 2 * 2 + 1 + 1),
        ("dan", "rounds", 2, 3 * 2 + 1 + 1),  # it leads too
        ("bob", "closing", 3, 1),
        ("bob", "opening", 0, 0),
    ],
)
def test_the_turns_ahead_are_in_this_round_in_others_and_in_closing(member, stage, index, turns_left):
    rules = mutual(3, 4, closing=(MEASURE,))
    assert turns.ahead(rules, progress_of(stage, round=2, leader="dan"), member, index) == turns_left


def test_opening_phases_are_not_ahead_again():
    rules = relay(3, 2)
    assert rules.opening == (DRAW,)
    assert turns.ahead(rules, progress_of(round=2, leader="dan"), "bob", 0) == 2


def test_an_analyst_has_no_turns_but_those_that_it_leads():
    progress = progress_of(round=1, leader="dan", analyst="dan")
    assert turns.ahead(mutual(3, 2), progress, "dan", 0) == 2


def test_a_round_that_has_shown_nothing_is_an_empty_one():
    assert turns.round_state(draft_of(World()), NAME) == RoundState()


def test_who_has_no_phase_has_no_authors():
    draft = draft_of(World())
    assert turns.authors(draft, NAME, mutual(), "train") == ()
    assert not turns.accepted(draft, NAME, 0, "bob")


def test_the_time_is_up_at_its_very_moment():
    draft = draft_of(World())
    assert turns.time_is_up(draft, progress_of(until=draft.time))
    assert not turns.time_is_up(draft, progress_of(until=draft.time + 1))


def test_a_phase_that_is_neither_drawn_nor_grouped_has_no_circle():
    assert isinstance(owed(train()), Phase) and owed(train()).circle == ()
