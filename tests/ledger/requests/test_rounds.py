"""From the opening over every round to the closing: what counts, when it stops, what is kept of it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tallystick.ledger import rules as ru
from tallystick.ledger import state as st
from tallystick.ledger.notices import RoundEnded, RoundsStopped
from tallystick.ledger.records import RoundState, Team
from tallystick.ledger.requests import rounds
from tests.ledger.drafts import draft_of, place_of, progress_of
from tests.ledger.play import DRAW, MEASURE, Play, ask, consortium, mutual, relay, started
from tests.ledger.world import DAY, HOUR

TEAM = ("bob", "cleo", "dan")


def opened(rules: ru.Rules, members=TEAM) -> Play:
    play = started(rules, members)
    play.run(until=lambda progress: progress.stage in ("opening", "rounds"))
    return play


def stopped(play: Play) -> list[str]:
    return [one.reason for one in play.world.said if isinstance(one, RoundsStopped)]


def test_rounds_begin_at_one_after_an_opening_or_without():
    assert (opened(mutual()).progress().stage, opened(mutual()).progress().round) == ("rounds", 1)
    play = opened(relay())
    assert (play.progress().stage, play.progress().round) == ("opening", 0)
    assert play.progress().until == play.world.time - 1 + 30 * DAY


def test_who_keeps_its_salt_back_forfeits_its_place_and_the_others_seed_the_draws():
    play = opened(relay(3))
    play.silent["dan"] = ("draw",)
    play.everybody_serves()
    play.world.wait(HOUR)
    assert play.world.get(st.PLACES, play.request, "dan").status == "forfeited"
    assert play.progress().seed and play.progress().round == 1
    other = opened(relay(3))
    other.everybody_serves()
    assert other.progress().seed != play.progress().seed


@pytest.mark.parametrize(
    "stage, phase, counted, following",
    [
        ("opening", -1, True, 0), ("opening", 0, True, None),
        ("rounds", -1, True, 1), ("rounds", 1, True, 2), ("rounds", 2, True, None),
        ("rounds", 1, False, None),
        ("closing", -1, True, 3), ("closing", 3, True, None), ("closing", -1, False, 3),
    ],
)  # fmt: skip
def test_the_next_phase_is_of_the_stage_until_that_is_over(stage, phase, counted, following):
    world = consortium()
    request = world.get(st.REQUESTS, ask(world, mutual()))
    rules = relay(closing=(MEASURE,))
    assert rules.opening == (DRAW,) and len(rules.phases) == 2
    asked = replace(request, rules=rules)
    progress = progress_of(stage, phase=phase)
    assert rounds._next_phase(asked, progress, RoundState(counted=counted)) == following


def test_a_completed_round_keeps_its_model_its_figures_and_a_digest():
    play = opened(mutual(3, 2))
    play.run(until=lambda progress: progress.round == 2)
    progress = play.progress()
    assert progress.completed == 1 and progress.author in TEAM and len(progress.model) == 32
    assert progress.figures == (500_000,) and len(progress.history) == 32
    assert play.world.scan(st.POSTS, play.request) == []
    ended = [one for one in play.world.said if isinstance(one, RoundEnded)]
    assert [(one.round, one.complete) for one in ended] == [(1, True)]


def test_the_history_depends_on_every_post():
    digests = set()
    for quality in ({}, {"bob": 1}):
        play = opened(mutual(3, 1))
        play.quality = quality
        play.run()
        digests.add(play.progress().history)
    assert len(digests) == 2


def stop_reason(result: int | None = None, **more) -> str:
    """Why the rounds of a team of three stop now, or nothing."""
    world = consortium()
    stopping = ru.Stopping(5, DAY, quality=800, patience=2, improvement=10)
    name = ask(world, mutual(3, 5, stopping=stopping))
    draft, request = draft_of(world), world.get(st.REQUESTS, name)
    team = more.pop("team", TEAM)
    draft.put(st.TEAMS, Team(team), name)
    for member in team:
        draft.put(st.PLACES, place_of(member), name, member)
    draft.put(st.PROGRESS, progress_of(**{"round": 2, "leader": team[0], **more}), name)
    return rounds._why_stop(draft, request, result, None)


@pytest.mark.parametrize(
    "now, reason",
    [
        ({}, ""),
        ({"result": 799}, ""),
        ({"result": 800}, "the wanted quality is reached"),
        ({"round": 5}, "all rounds are done"),
        ({"figures": (1, 500, 505, 509)}, "2 rounds improved too little"),
        ({"figures": (1, 500, 505, 510)}, ""),
        ({"figures": (500, 505)}, ""),  # too few to tell
        ({"team": ("bob",)}, "the team is too small"),
    ],
)
def test_the_first_stop_rule_that_holds_says_why(now, reason):
    assert stop_reason(**now) == reason


def test_without_a_completed_round_stopping_is_a_refund():
    play = opened(mutual(3, 2))
    draft = draft_of(play.world)
    rounds.stop(draft, play.posted(), "a reason")
    progress = draft.get(st.PROGRESS, play.request)
    assert (progress.stage, progress.outcome) == ("refunded", "a reason")


def test_after_a_completed_round_stopping_goes_on_to_the_closing_phases():
    play = opened(mutual(3, 2, closing=(MEASURE,)))
    play.run(until=lambda progress: progress.round == 2)
    draft = draft_of(play.world)
    until = play.progress().until
    rounds.stop(draft, play.posted(), "a reason")
    progress = draft.get(st.PROGRESS, play.request)
    assert (progress.stage, progress.round) == ("closing", 3)
    assert draft.find(st.DUE, until, "time", play.request) is None


def test_when_the_time_is_up_the_running_round_is_dropped():
    play = opened(mutual(3, 5, stopping=ru.Stopping(5, 5 * HOUR)))
    play.silent["dan"] = ("train",)
    play.run(until=lambda progress: progress.stage not in ("rounds",))
    assert stopped(play) == ["the time is used up"] and play.progress().completed > 0


def test_a_large_team_goes_on_by_the_due_queue():
    play = opened(mutual())
    play.world.at_once = 2
    play.everybody_serves()
    phase, _ = play.open_phase()
    assert play.progress().phase == 0 and phase.posted == 3 and phase.deadline < play.world.time
    play.world.block()
    assert play.progress().phase == 1


def test_no_more_figures_are_kept_than_a_stop_rule_looks_at(monkeypatch):
    monkeypatch.setattr(rounds, "KEPT_FIGURES", 2)
    play = opened(mutual(3, 4))
    play.run()
    assert play.progress().figures == (520_000, 530_000)
