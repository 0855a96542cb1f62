"""Evidence says whether somebody went for its model or for how it judged."""

from __future__ import annotations

from tallystick.history.statements import Evidence


def test_a_model_among_the_others_was_not_the_reason() -> None:
    assert Evidence(1, 0.81, 0.8, 0.9, 0.7).of_judging
    assert not Evidence(1, 0.5, 0.8, 0.9, 0.7).of_judging
    assert not Evidence(1, 0.95, 0.1, 0.2, 0.3).of_judging  # of an error, more is worse


def test_without_a_model_of_its_own_it_can_only_be_its_judging() -> None:
    assert Evidence(1, None, 0.8, 0.9, 0.7).of_judging
    assert Evidence(1, 0.5, None, None, 0.7).of_judging
