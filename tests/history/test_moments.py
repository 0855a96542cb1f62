"""A follower gives each notice its place: round, phase, figures, the scores that led to it."""

from __future__ import annotations

import pytest

from tallystick.base.measure import MEASURES
from tallystick.history.moments import (
    START,
    Follower,
    HeardBlock,
    Judged,
    Moment,
    evidence_of,
    judges_result,
)
from tallystick.ledger import notices
from tallystick.ledger import transactions as tx
from tallystick.ledger.records import Phase
from tallystick.ledger.transactions import Score
from tests.history.followed import REQUEST, Followed

ACCURACY = MEASURES["accuracy"]


def follower(followed: Followed) -> Follower:
    made = Follower(ACCURACY)
    made.begin(followed.history.request)
    return made


def judged(author: str, judge: str, value: float, phase: str = "judge") -> Judged:
    return Judged(1, phase, judge, author, round(value * 10**6), "fine", value)


def test_scores_are_by_the_phase_as_it_opened(followed: Followed) -> None:
    """The same phase may open again in the next round before the reveals of this one are read."""
    made = follower(followed)
    first = Phase(1, "judge", 0, ("ada", "bob"), ("ada", "bob", "cleo"))
    second = Phase(2, "judge", 0, ("ada", "bob"), ("ada", "bob"))
    opened = tx.Reveal(
        REQUEST, 1, "judge", tuple(Score(figure, "fine") for figure in (500_000, 700_000, 900_000)), b"s" * 32
    )
    made.follow(HeardBlock(1, (), (), (first,)))
    _, scores = made.follow(HeardBlock(2, (), (("ada", opened),), (second,)))
    assert [(score.author, score.value) for score in scores] == [(START, 0.5), ("bob", 0.7), ("cleo", 0.9)]


def test_a_figure_that_nobody_measured_is_none(followed: Followed) -> None:
    made = follower(followed)
    phase = Phase(1, "judge", 0, ("ada", "bob"), ("ada", "bob"))
    body = tx.Reveal(REQUEST, 1, "judge", (Score(0, "fine"), Score(0, "unavailable")), b"s" * 32)
    _, scores = made.follow(HeardBlock(1, (), (("ada", body),), (phase,)))
    assert [score.value for score in scores] == [0.0, None]


def test_scores_about_a_phase_that_was_not_seen_to_open_are_left_out(followed: Followed) -> None:
    body = tx.Reveal(REQUEST, 7, "judge", (Score(0, "fine"),), b"s" * 32)
    assert follower(followed).follow(HeardBlock(1, (), (("ada", body),)))[1] == []


def test_epsilon_is_told_where_training_is_charged_and_of_training_alone(followed: Followed) -> None:
    made = follower(followed)
    made.charged, made.training = True, frozenset({"train"})
    spent = [("train", 2 * 10**9), ("judge", 9 * 10**9), ("train", 10**9)]
    charges = [notices.PrivacyCharged("lineage", REQUEST, 1, phase, nano) for phase, nano in spent]
    moments, _ = made.follow(HeardBlock(1, tuple(charges)))
    assert [moment.epsilon for moment in moments] == [2.0, 2.0, 2.0]
    made.charged = False
    assert made.follow(HeardBlock(1, tuple(charges)))[0][0].epsilon is None


def test_who_is_sent_away_is_told_with_the_scores_by_which_it_was(followed: Followed) -> None:
    made = follower(followed)
    made.scores = [judged("ada", "bob", 0.9), judged("cleo", "bob", 0.2), judged(START, "bob", 0.8)]
    ended = notices.RoundEnded(REQUEST, 1, True, 500_000)
    left = [notices.MemberLeft(REQUEST, "cleo", reason) for reason in ("expelled", "left")]
    moments, _ = made.follow(HeardBlock(1, (ended, *left)))
    assert moments[0].value == 0.5 and len(moments[0].scores) == 3
    evidence = moments[1].evidence
    assert evidence is not None and (evidence.own, evidence.lowest, evidence.start) == (0.2, 0.9, 0.8)
    assert moments[2].evidence is None


def test_evidence_is_medians_and_the_judgement_farthest_from_them() -> None:
    scores = [judged("ada", judge, value) for judge, value in (("bob", 0.5), ("cleo", 0.7), ("dee", 0.9))]
    scores += [judged("bob", "cleo", 0.8), judged("bob", "dee", 0.6), judged("cleo", "bob", 0.3)]
    scores += [judged("ada", "ada", 0.0, "other phase")]
    evidence = evidence_of("dee", scores)
    assert evidence is not None
    assert (evidence.own, evidence.lowest, evidence.highest) == (None, 0.3, 0.8)
    assert evidence.astray == ("ada", 0.6, 0.9)
    assert evidence_of("dee", []) is None


def test_phases_are_for_the_view_and_rounds_for_the_reader(followed: Followed) -> None:
    kinds = {type(moment.notice) for moment in followed.history.moments if moment.telling}
    assert {notices.RoundEnded, notices.MemberLeft, notices.RequestEnded} <= kinds
    assert notices.Posted not in kinds
    assert Moment(0, "said by the program").telling


@pytest.mark.parametrize("name", ["round", "member"])
def test_a_moment_has_what_its_notice_names(followed: Followed, name: str) -> None:
    for moment in followed.history.moments:
        if hasattr(moment.notice, name):
            assert getattr(moment, name) == getattr(moment.notice, name)


def test_mutual_supervision_judges_what_a_round_starts_from(followed: Followed) -> None:
    assert not judges_result(followed.history.request.rules)
