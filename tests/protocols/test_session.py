"""A request's session: the same cohort while its rows are the same, and never more than it may keep."""

from __future__ import annotations

import numpy as np

from tallystick.learning.learner import Rows
from tallystick.protocols.session import COHORTS, RequestSession


def rows(seed: int = 0) -> Rows:
    return Rows(np.full((4, 2), seed, np.float32), np.zeros(4, np.int32))


def test_the_same_rows_are_the_same_cohort() -> None:
    session, one, two = RequestSession(), rows(1), rows(2)
    made = session.cohort("judging", ["a", "b"], [one, two])
    assert session.cohort("judging", ["a", "b"], [one._replace(), two]) is made, "the arrays count"
    assert session.cohort("training", ["a", "b"], [one, two]) is not made
    assert session.cohort("judging", ["b", "a"], [two, one]) is not made


def test_other_rows_of_the_same_member_are_another_cohort() -> None:
    """After a restart a member's rows are read again: what was kept of the old arrays is not used."""
    session = RequestSession()
    made = session.cohort("judging", ["a"], [rows(1)])
    again = rows(2)
    other = session.cohort("judging", ["a"], [again])
    assert other is not made and other.members[0] is again


def test_the_oldest_goes_where_there_are_too_many() -> None:
    session, kept = RequestSession(), rows()
    first = session.cohort("training", ["m-0"], [kept])
    for number in range(1, COHORTS):
        session.cohort("training", [f"m-{number}"], [kept])
    assert session.cohort("training", ["m-0"], [kept]) is first
    session.cohort("training", ["late"], [kept])
    assert session.cohort("training", ["m-0"], [kept]) is not first


def test_two_requests_share_nothing() -> None:
    one, other = RequestSession(), RequestSession()
    one.trail.rounds.add(1)
    assert not other.trail.rounds
    assert one.judge is not other.judge
