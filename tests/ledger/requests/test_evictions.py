"""Who goes at a round's end, never below the smallest team, and who leads when the leader was silent."""

from __future__ import annotations

from typing import Literal

import pytest

from tallystick.ledger import rules as ru
from tallystick.ledger import state as st
from tallystick.ledger.notices import MemberLeft
from tallystick.ledger.records import RoundState
from tallystick.ledger.requests import evictions
from tests.ledger.drafts import draft_of
from tests.ledger.play import Play, answer, ask, consortium, mutual
from tests.ledger.world import HOUR

Kind = Literal["none", "worst", "outlier"]
TEAM = ("bob", "cleo", "dan", "eve", "fay")
FIGURES = {"bob": 700_000, "cleo": 702_000, "dan": 300_000, "eve": 701_000, "fay": 699_000}


def formed(kind: Kind = "none", minimum: int = 2, **more) -> Play:
    world = consortium(names=("ada", *TEAM, "gus"))
    name = ask(world, mutual(5, 3, minimum=minimum, evicting=ru.Evicting(kind), **more))
    for member in TEAM:
        answer(world, name, member)
    world.wait(HOUR)
    return Play(world, name)


def state_of(figures=None, start=500_000, **more) -> RoundState:
    return RoundState(start=start, judged=(("train", tuple((figures or FIGURES).items())),), **more)


def evicted(kind: Kind, minimum: int = 2, **state) -> list[str]:
    play = formed(kind, minimum)
    return evictions.evicted(draft_of(play.world), play.posted(), state_of(**state))


@pytest.mark.parametrize("kind, gone", [("none", []), ("worst", ["dan"]), ("outlier", ["dan"])])
def test_whom_a_round_drops_is_what_the_rules_name(kind, gone):
    assert evicted(kind) == gone


@pytest.mark.parametrize("kind", ["worst", "outlier"])
def test_a_team_at_its_smallest_drops_nobody(kind):
    assert evicted(kind, minimum=5) == []


def test_the_worst_goes_however_near_it_is_and_an_outlier_only_where_it_harmed():
    near = {member: 700_000 + place for place, member in enumerate(TEAM)}
    assert evicted("worst", figures=near) == ["bob"]
    assert evicted("outlier", figures=near) == []
    assert evicted("outlier", start=250_000) == []  # it is far below and has made nothing worse


@pytest.mark.parametrize("kind", ["worst", "outlier"])
def test_a_single_figure_compares_with_nothing(kind):
    assert evicted(kind, figures={"dan": 1}) == []


def test_who_was_at_fault_is_expelled_from_a_round_that_counts_and_idle_in_one_that_does_not():
    for complete, status in ((True, "expelled"), (False, "active")):
        play = formed("outlier")
        draft = draft_of(play.world)
        evictions.change_team(draft, play.posted(), state_of(faulty=("dan",)), complete)
        place = draft.get(st.PLACES, play.request, "dan")
        assert place.status == status and place.idle >= 1
        assert (MemberLeft(play.request, "dan", "expelled") in draft.notices) is complete


def test_what_leaving_costs_is_added_to_an_expelled_members_idle_turns():
    play = formed("outlier")
    draft = draft_of(play.world)
    before = draft.get(st.PLACES, play.request, "dan")
    evictions._expel(draft, play.posted(), state_of(faulty=("dan",)), True)
    after = draft.get(st.PLACES, play.request, "dan")
    ahead = after.turns - before.turns
    assert ahead > 0 and after.idle == before.idle + ahead + 1


def test_a_silent_leader_passes_the_lead_on():
    play = formed()
    draft, request = draft_of(play.world), play.posted()
    leader = draft.get(st.PROGRESS, play.request).leader
    evictions._replace_leader(draft, request, draft.get(st.PROGRESS, play.request))
    heir = draft.get(st.PROGRESS, play.request).leader
    assert heir != leader and draft.get(st.PLACES, play.request, leader).role == "member"
    assert draft.get(st.PLACES, play.request, heir).role == "leader"
    assert leader in draft.get(st.TEAMS, play.request).active


def test_a_leader_was_silent_only_where_the_failed_phase_was_its_own():
    play = formed()
    play.run(until=lambda progress: progress.phase == 2)
    draft, request = draft_of(play.world), play.posted()
    progress = draft.get(st.PROGRESS, play.request)
    assert evictions._leader_was_silent(draft, request, progress)
    play.serve(progress.leader)
    first = play.progress()
    assert not evictions._leader_was_silent(draft_of(play.world), request, first)


def test_how_many_can_go_counts_the_bench():
    play = formed(minimum=4)
    draft = draft_of(play.world)
    assert evictions._spare(draft, play.posted()) == 1
    draft.change(st.TEAMS, play.request, bench=("gus",))
    assert evictions._spare(draft, play.posted()) == 2
