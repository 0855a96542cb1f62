"""Figures out of a history: rounds, pay, who scored whom, and what is stated about privacy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isnan

from msgspec.structs import replace as record_with

from tallystick.base.events import Event, Gaussian, Protects
from tallystick.history import figures
from tallystick.history.moments import Judged, Moment
from tallystick.history.replay import RequestHistory
from tallystick.history.statements import Charged, NoGuarantee, NothingPublished
from tallystick.ledger.notices import PrivacyCharged
from tallystick.ledger.rules import EventRule
from tests.history.followed import REQUEST, Followed


@dataclass(frozen=True)
class Counted:
    epsilon: float
    accountant: str = "somebody who counts steps"


def steps(events: Sequence[Event], delta: float, protects: Protects) -> Counted:
    """An accountant that counts steps, so that a test sees what it was handed."""
    return Counted(float(sum(event.steps for event in events if isinstance(event, Gaussian))))


def charged(history: RequestHistory, *charges: tuple[str, int]) -> RequestHistory:
    """The same request, had its phases been noised and charged: lineage and what it has spent in all."""
    event = EventRule(least=Gaussian(10_000, 3), most=Gaussian(5_000, 3), protects="record")
    rules = history.request.rules
    phases = tuple(record_with(rule, event=event if rule.rows != "none" else None) for rule in rules.phases)
    request = record_with(history.request, rules=record_with(rules, phases=phases))
    told = [PrivacyCharged(lineage, REQUEST, 1, "train", spent) for lineage, spent in charges]
    return replace(history, request=request, moments=tuple(Moment(0, "", notice=notice) for notice in told))


def test_rounds_tell_the_figure_of_the_model_they_end_with(followed: Followed) -> None:
    rounds = figures.rounds(followed.history)
    assert [each.number for each in rounds] == [1, 2, 3] and all(each.complete for each in rounds)
    begun = [moment.value for moment in followed.history.moments if moment.scores]
    assert [each.figure for each in rounds[:2]] == begun[1:]  # what the next round started from
    record = followed.history.record
    assert record is not None and rounds[-1].figure == record.figure / 10**6
    assert ("site-2", "left") in rounds[1].gone and not rounds[1].epsilon


def test_pay_adds_up(followed: Followed) -> None:
    pay = figures.pay(followed.history, followed.setting.balance)
    assert all(each.net == each.reward + each.fees + each.compensation - each.fined for each in pay)
    assert sum(each.net for each in pay) == followed.setting.reward - followed.history.balances["requester"]
    (leaver,) = [each for each in pay if each.member == "site-2"]
    assert leaver.fined > 0 and leaver.why.startswith("left")
    assert [each.member for each in pay] == sorted(followed.setting.members)


def test_a_grid_has_a_row_for_each_judge_and_the_start_first(followed: Followed) -> None:
    assert figures.judged_rounds(followed.history) == [1, 2, 3]
    grid = figures.score_grid(followed.history, 1)
    assert grid.round == 1 and grid.authors[0] == "start"
    assert list(grid.judges) == sorted(followed.setting.members) == list(grid.authors[1:])
    own = [grid.values[place][place + 1] for place in range(len(grid.judges))]
    assert own == [None] * len(grid.judges)
    without = figures.grid_of([Judged(1, "judge", "ada", "bob", 0, "fine", 0.5)], start=False)
    assert without.authors == ("bob",) and without.values == ((0.5,),)
    assert figures.grid_of([]).judges == ()


def test_the_course_is_timed_from_the_posting_and_leaves_phases_out(followed: Followed) -> None:
    lines = figures.course(followed.history)
    assert lines[-1].endswith("the request is settled: recorded")
    assert not any(line.endswith(": train") for line in lines)
    first = next(figures.telling(followed.history))
    minutes = (first.time - followed.history.request.posted) / 60_000
    assert lines[0] == f"{minutes:10.1f} min  {first.text}"


def test_nothing_noised_is_no_guarantee_and_names_what_publishes(followed: Followed) -> None:
    training, judging = figures.privacy(followed.history, steps)
    assert training == NoGuarantee("training", ("train",))
    assert judging == NoGuarantee("judging", ("judge",))


def test_what_was_charged_is_stated_by_the_accountant_that_is_handed_in(followed: Followed) -> None:
    twice = charged(followed.history, ("a", 10**9), ("b", 2 * 10**9), ("b", 3 * 10**9))
    training, judging = figures.privacy(twice, steps)
    assert isinstance(training, Charged)
    assert (training.epsilon, training.accountant) == (6.0, "somebody who counts steps")  # b's two times 3
    assert training.spent_nano == 3 * 10**9 and training.protects == "record"
    assert judging == NothingPublished("judging", ("judge",))


def test_rows_that_no_phase_touches_publish_nothing(followed: Followed) -> None:
    rules = followed.history.request.rules
    trained = tuple(record_with(rule, rows="none") for rule in rules.phases)
    request = record_with(followed.history.request, rules=record_with(rules, phases=trained))
    assert figures.privacy(replace(followed.history, request=request), steps) == (
        NothingPublished("training"),
        NothingPublished("judging"),
    )


def test_a_mean_of_nothing_is_no_number() -> None:
    assert figures.mean_of({"a": 1.0, "b": 2.0}) == 1.5
    assert isnan(figures.mean_of({}))
