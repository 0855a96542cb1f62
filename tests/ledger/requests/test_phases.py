"""A phase opens for who may serve, waits for all of them and no longer than its time, and counts or not."""

from __future__ import annotations

from tallystick.base.fixed import PPM
from tallystick.ledger import state as st
from tallystick.ledger.notices import PhaseClosed, PhaseOpened, RevealsOpened, TurnMissed
from tallystick.ledger.requests import phases
from tests.ledger.drafts import draft_of, phase_of
from tests.ledger.play import COMBINE, Play, judge, mutual, relay, started, train
from tests.ledger.world import HOUR


def said(play: Play, kind: type) -> list:
    return [notice for notice in play.world.said if isinstance(notice, kind)]


def missed(play: Play) -> list[tuple[str, str, str]]:
    return [(one.phase, one.member, one.reason) for one in said(play, TurnMissed)]


def opened(rules=None, members=("bob", "cleo", "dan")) -> Play:
    play = started(rules or mutual(), members)
    play.run(until=lambda progress: progress.stage == "rounds")
    return play


def test_a_phase_opens_for_all_at_once_and_counts_a_turn_of_each():
    play = opened()
    phase = play.world.get(st.PHASES, play.request, 0)
    assert (phase.owed, phase.posted) == (("bob", "cleo", "dan"), 0)
    assert [place.turns for place in play.world.scan(st.PLACES, play.request)] == [1, 1, 1]
    assert all(place.opened for place in play.world.scan(st.PLACES, play.request))
    assert play.world.find(st.DUE, phase.deadline, "phase", play.request) is not None


def test_one_by_one_it_opens_for_the_holder_alone_and_passes_on():
    play = opened(relay())
    phase, _ = play.open_phase()
    first, second = phase.owed[:2]
    turns = {place.member: place.turns for place in play.world.scan(st.PLACES, play.request)}
    assert turns[first] == turns[second] + 1
    play.serve(first)
    phase, _ = play.open_phase()
    assert phase.cursor == 1 and play.world.get(st.PLACES, play.request, second).turns == turns[first]


def test_a_silent_holder_is_skipped_at_its_deadline():
    play = opened(relay())
    phase, _ = play.open_phase()
    first = phase.owed[0]
    play.world.wait(phase.deadline - play.world.time)
    phase, _ = play.open_phase()
    assert phase.cursor == 1 and ("train", first, "silent") in missed(play)
    assert phase.deadline == play.world.time - 1 + HOUR


def test_the_last_post_closes_a_phase_and_a_deadline_does_it_for_the_silent():
    play = opened()
    for member in ("bob", "cleo"):
        play.serve(member)
    assert play.progress().phase == 0
    play.world.wait(HOUR)
    assert play.progress().phase == 1 and missed(play) == [("train", "dan", "silent")]
    assert play.world.get(st.PLACES, play.request, "dan").missed == 1


def test_commitments_are_all_in_before_any_is_opened():
    play = opened(mutual(2), ("bob", "cleo"))
    play.everybody_serves()
    play.serve("bob")
    assert not play.open_phase()[0].revealing and said(play, RevealsOpened) == []
    play.serve("cleo")
    phase, _ = play.open_phase()
    assert phase.revealing and (phase.committed, phase.revealed) == (2, 0)
    play.serve("bob")
    assert play.open_phase()[0].revealed == 1


def test_at_the_deadline_what_was_committed_is_opened_and_what_is_kept_back_is_missed():
    play = opened()
    play.silent["dan"] = ("judge",)
    play.silent["cleo"] = ("reveal",)
    play.everybody_serves()
    play.everybody_serves()
    play.world.wait(HOUR)
    assert play.open_phase()[0].revealing
    play.serve("bob")
    play.world.wait(HOUR)
    assert ("judge", "dan", "silent") in missed(play) and ("judge", "cleo", "unrevealed") in missed(play)
    assert play.world.get(st.PLACES, play.request, "cleo").forfeits == 1
    assert play.world.get(st.ROUNDS, play.request).forfeited == ("cleo",)


def test_a_phase_counts_from_its_quorum_on():
    rule = train(quorum=2 * PPM // 3)
    phase = phase_of("train")
    assert not phases._enough(rule, phase, ["bob"])
    assert not phases._enough(train(quorum=PPM), phase, ["bob", "cleo"])
    assert phases._enough(train(quorum=PPM), phase, ["bob", "cleo", "dan"])
    assert phases._enough(train(quorum=666_666), phase, ["bob", "cleo"])
    assert not phases._enough(train(), phase, [])


def test_of_groups_one_whole_group_is_enough():
    members = ("ana", "bob", "cleo", "dan")
    phase = phase_of("train", members, circle=members)
    rule = train("groups:2", quorum=PPM)
    assert phases._enough(rule, phase, ["ana", "cleo"])  # one of the two groups
    assert not phases._enough(rule, phase, ["ana", "bob"])


def test_a_phase_that_fails_its_quorum_ends_the_round_without_a_result():
    play = opened(mutual(phases=(train(quorum=PPM), judge(), COMBINE)))
    play.serve("bob")
    play.world.wait(HOUR)
    assert PhaseClosed(play.request, 1, "train", False) in play.world.said
    assert play.progress().round == 2 and play.progress().completed == 0


def test_who_has_departed_is_waited_for_no_longer():
    play = opened()
    request = play.posted()
    for member in ("bob", "cleo"):
        play.serve(member)
    draft = draft_of(play.world)
    assert phases.forget(draft, request, "dan")  # it was the last that owed
    assert draft.get(st.PHASES, play.request, 0).owed == ("bob", "cleo")
    assert not phases.forget(draft, request, "bob")  # what is posted stays
    assert not phases.forget(draft, request, "stranger")


def test_a_phase_in_which_nobody_can_go_on_is_open_longer():
    play = opened()
    draft = draft_of(play.world)
    phases.postpone(draft, play.request, 5_000)
    deadline = draft.get(st.PHASES, play.request, 0).deadline
    assert deadline == draft.time + 5_000
    assert draft.find(st.DUE, deadline, "phase", play.request) is not None


def test_who_keeps_back_scores_is_noted_once_for_the_round():
    play = opened()
    draft = draft_of(play.world)
    phases.forfeit(draft, play.request, "bob")
    assert draft.get(st.ROUNDS, play.request).forfeited == ("bob",)


def test_nobody_who_may_not_serve_is_charged_or_owes():
    play = opened(mutual(3, 2))
    play.everybody_serves()
    draft = draft_of(play.world)
    draft.change(st.MEMBERS, "dan", roles=())
    phase = phases.open_phase(draft, play.posted(), 0)
    assert phase.owed == ("bob", "cleo")
    assert draft.get(st.PLACES, play.request, "dan").status == "released"
    assert PhaseOpened(play.request, 1, "train", draft.time + HOUR) in draft.notices
