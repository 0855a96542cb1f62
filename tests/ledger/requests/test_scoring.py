"""What a phase of scores says of each post: its figure, whether it was missed, whether it was idle."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tallystick.ledger.records import RoundState
from tallystick.ledger.requests import scoring
from tallystick.ledger.transactions import Score
from tests.ledger.drafts import phase_of
from tests.ledger.play import judge, mutual

RULES, RULE = mutual(), judge()
LOWER = replace(RULES, higher_is_better=False)
TEAM = ("bob", "cleo", "dan", "eve")


def vectors(about_bob: list[tuple[int, str]], start: int = 500) -> dict[str, tuple[Score, ...]]:
    """Each other's vector: the start, these scores of bob's post, and 700 for the rest."""
    judges = dict(zip(TEAM[1:], about_bob, strict=True))
    fine = (Score(700), Score(700))
    return {
        "bob": (Score(start), Score(700), *fine),
        **{name: (Score(start), Score(*given), *fine) for name, given in judges.items()},  # type: ignore[arg-type]
    }


def tally(about_bob, rules=RULES) -> scoring.Tally:
    return scoring.tally(rules, RULE, phase_of(members=TEAM), vectors(about_bob))


def test_a_post_is_worth_the_median_of_the_others():
    found = tally([(100, "fine"), (600, "fine"), (9_000, "fine")])
    assert (found.start, found.figures["bob"], found.missed, found.idle) == (500, 600, (), ())
    assert found.figures["cleo"] == 700


@pytest.mark.parametrize(
    "verdicts, missed",
    [
        (("unavailable", "malformed", "fine"), True),
        (("unavailable", "fine", "fine"), False),
        (("unavailable", "fine", "abstain"), True),  # half of those who say anything
    ],
)
def test_a_post_that_half_could_not_have_is_missed(verdicts, missed):
    found = tally([(600, verdict) for verdict in verdicts])
    assert (found.missed, "bob" in found.figures) == (("bob",) if missed else (), not missed)


def test_a_post_about_which_nobody_can_say_anything_is_neither_missed_nor_measured():
    found = tally([(600, "abstain")] * 3)
    assert found.missed == found.idle == () and "bob" not in found.figures


@pytest.mark.parametrize(
    "verdicts, idle",
    [
        (("copy", "unchanged", "copy"), True),
        (("copy", "copy", "fine"), False),  # two thirds are not more than two thirds
        (("copy", "copy", "abstain"), True),
    ],
)
def test_a_post_is_idle_where_more_than_two_thirds_say_so(verdicts, idle):
    found = tally([(600, verdict) for verdict in verdicts])
    assert found.idle == (("bob",) if idle else ()) and found.figures["bob"] == 600


def test_an_absent_judge_says_nothing():
    given = vectors([(100, "fine"), (600, "fine"), (9_000, "fine")])
    del given["eve"]
    found = scoring.tally(RULES, RULE, phase_of(members=TEAM), given)
    assert found.figures["bob"] == 350


def test_the_start_counts_only_where_it_was_measured():
    given = vectors([(1, "fine")] * 3)
    given["dan"] = (Score(9_000, "abstain"), *given["dan"][1:])
    assert scoring.tally(RULES, RULE, phase_of(members=TEAM), given).start == 500
    silent = {name: (replace(vector[0], verdict="abstain"), *vector[1:]) for name, vector in given.items()}
    assert scoring.tally(RULES, RULE, phase_of(members=TEAM), silent).start is None


@pytest.mark.parametrize("kind, combined", [("median", 3), ("sum", 1_010), ("trimmed", 3)])
def test_the_request_names_how_figures_are_combined(kind, combined):
    assert scoring.combined(replace(RULES, combine_scores=kind), [1, 2, 3, 4, 1_000]) == combined
    assert scoring.combined(replace(RULES, combine_scores=kind), []) is None


def test_better_is_higher_unless_the_rules_say_lower():
    assert (scoring.better(RULES, 5, 3), scoring.better(LOWER, 5, 3)) == (2, -2)


FIGURES = {"bob": 600, "cleo": 550, "dan": 650}


@pytest.mark.parametrize(
    "rules, relay, start, gained",
    [
        (RULES, False, 500, {"bob": 100, "cleo": 50, "dan": 150}),
        (RULES, True, 500, {"bob": 100, "cleo": 0, "dan": 50}),  # over the best hop before it
        (RULES, False, 600, {"bob": 0, "cleo": 0, "dan": 50}),
        (LOWER, False, 600, {"bob": 0, "cleo": 50, "dan": 0}),
        (RULES, False, None, {"bob": 0, "cleo": 0, "dan": 0}),
        (RULES, True, None, {"bob": 0, "cleo": 0, "dan": 50}),
    ],
)
def test_a_gain_is_what_a_post_adds_to_the_best_before_it(rules, relay, start, gained):
    assert scoring.gains(rules, relay, start, ("bob", "cleo", "dan"), FIGURES) == gained


def test_what_was_not_measured_gains_nothing_and_is_no_start_for_others():
    order = ("bob", "cleo", "dan")
    assert scoring.gains(RULES, True, 500, order, {"cleo": 550}) == {"cleo": 50}


def test_the_last_judged_phase_says_what_a_member_is_worth():
    state = RoundState(judged=(("train", (("bob", 1), ("cleo", 2))), ("combine", (("bob", 3),))))
    assert scoring.figures_of(state) == {"bob": 3, "cleo": 2}
