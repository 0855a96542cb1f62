"""A printed statement is its sentence; evidence says whether somebody went for its model or its judging."""

from __future__ import annotations

import pytest

from tallystick.history.statements import (
    Charged,
    Evidence,
    NoGuarantee,
    NothingPublished,
    PrivacyStatement,
    privacy_sentence,
)


def test_a_model_among_the_others_was_not_the_reason() -> None:
    assert Evidence(1, 0.81, 0.8, 0.9, 0.7).of_judging
    assert not Evidence(1, 0.5, 0.8, 0.9, 0.7).of_judging
    assert not Evidence(1, 0.95, 0.1, 0.2, 0.3).of_judging  # of an error, more is worse


def test_without_a_model_of_its_own_it_can_only_be_its_judging() -> None:
    assert Evidence(1, None, 0.8, 0.9, 0.7).of_judging
    assert Evidence(1, 0.5, None, None, 0.7).of_judging


@pytest.mark.parametrize(
    "statement",
    [
        Charged("training", 7.9, 1e-5, "record", "dp-accounting", 10**9, 8 * 10**9),
        NothingPublished("judging"),
        NoGuarantee("training", ("train",)),
    ],
)
def test_an_epsilon_is_never_printed_bare(statement: PrivacyStatement) -> None:
    assert str(statement) == f"{statement}" == privacy_sentence(statement)
    assert str(statement).startswith(f"{statement.rows} rows: ")
