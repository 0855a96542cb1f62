"""Behaviours change what is served, sent and when nodes run, one after another; nobody else is touched."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tallystick.simulation.behaviours import (
    Behaviour,
    Conduct,
    LiveRun,
    ensure_known,
    training_rows,
    with_behaviours,
)
from tests.simulation.digits import TASK, brought, setting

ADA: Any = SimpleNamespace(member="ada")
BOB: Any = SimpleNamespace(member="bob")


def run(now: int = 0) -> Any:
    return SimpleNamespace(clock=SimpleNamespace(now=now))


def conduct(*behaviours: Behaviour, last: Any = None, now: int = 0) -> Any:
    return Conduct(run(now), behaviours, last)


def adding(text: str, *members: str) -> Behaviour:
    def alter(run: LiveRun, node: Any, body: Any) -> Any:
        return body + text

    return Behaviour(text, members, alter=alter)


def test_a_transaction_goes_through_the_behaviours_of_its_sender_in_their_order() -> None:
    both = conduct(adding("1", "ada"), adding("2", "ada", "bob"))
    assert both.alter(ADA, "x") == "x12" and both.alter(BOB, "x") == "x2"


def test_what_is_not_sent_is_altered_no_more() -> None:
    silent = Behaviour("silent", ("ada",), alter=lambda run, node, body: None)
    last = lambda node, body: "last"  # noqa: E731
    assert conduct(silent, adding("1", "ada"), last=last).alter(ADA, "x") is None
    assert conduct(last=last).alter(ADA, "x") == "last"
    assert conduct(last=last).behave(ADA, "x") == "x"


def test_who_rests_rests_until_the_latest_time_that_is_still_to_come() -> None:
    def resting(until: int | None) -> Behaviour:
        return Behaviour(str(until), ("ada",), rest=lambda run, node: until)

    rests = [resting(until) for until in (5, 9, None)]
    assert conduct(*rests).rests(ADA) == 9
    assert conduct(*rests, now=9).rests(ADA) is None
    assert conduct(*rests).rests(BOB) is None


def test_acts_of_all_are_sent_together() -> None:
    def acting(name: str) -> Behaviour:
        def act(run: LiveRun) -> Any:
            return [name]

        return Behaviour(name, (name,), act=act)

    assert conduct(acting("a"), acting("b"), adding("1", "c")).acts() == ["a", "b"]


def test_phases_are_served_as_the_behaviours_have_it_and_the_rules_stay() -> None:
    protocol = setting("mutual").protocol
    assert with_behaviours(protocol, [adding("1", "ada")]).phases == protocol.phases

    def idle(phase: Any, honest: Any) -> Any:
        return honest if phase.name != "train" else lambda bench, jobs: []

    changed = with_behaviours(protocol, [Behaviour("idle", ("ada",), serve=idle)])
    served = {phase.name: phase.do.serve for phase in changed.phases}
    before = {phase.name: phase.do.serve for phase in protocol.phases}
    assert [name for name in served if served[name] is not before[name]] == ["train"]


def test_rows_are_changed_for_whom_it_is_about() -> None:
    rows = brought()["site-0"].training
    fewer = Behaviour("fewer", ("site-0",), rows=lambda rows, task: rows._replace(y=rows.y[:3]))
    assert len(training_rows("site-0", rows, TASK, [fewer]).y) == 3
    assert training_rows("site-1", rows, TASK, [fewer]) is rows


def test_strangers_are_refused_in_words() -> None:
    with pytest.raises(ValueError, match="sleeps: there is no member 'eve'; the members are ada, bob"):
        ensure_known([Behaviour("sleep:1", ("eve",), "sleeps")], ["ada", "bob"])
    ensure_known([Behaviour("sleep:1", ("ada",))], ["ada", "bob"])


def test_a_behaviour_is_shown_by_its_words_or_else_its_id() -> None:
    assert str(Behaviour("sleep:1", ("ada", "bob"), "sleeps")) == "ada, bob sleeps"
    assert str(Behaviour("watched", ("ada",))) == "ada watched"
