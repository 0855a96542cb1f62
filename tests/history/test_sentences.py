"""Each notice, each reason, and each statement about privacy has one sentence."""

from __future__ import annotations

from typing import Any, get_args, get_type_hints

import pytest

from tallystick.base.measure import named
from tallystick.history.sentences import (
    GONE,
    MISSED,
    Reason,
    Wording,
    evidence_sentence,
    gone,
    missed,
    sentence,
)
from tallystick.history.statements import (
    Charged,
    Evidence,
    NoGuarantee,
    NothingPublished,
    guarantee,
    nano,
    privacy_sentence,
)
from tallystick.ledger import notices
from tallystick.ledger.records import PlaceStatus

KINDS = get_args(notices.Notice)


def made(kind: type, number: int) -> Any:
    """A notice of this kind whose every field has a value of its own."""
    values: dict[str, Any] = {}
    for place, (name, hint) in enumerate(get_type_hints(kind).items()):
        values[name] = {str: f"{name}-{number}", int: 10 * place + number, bool: bool(number)}.get(hint)
        if values[name] is None:
            values[name] = b"key" if hint is bytes else 500_000 if "int" in str(hint) else ("owner",)
    return kind(**values)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_notice_has_a_sentence_of_its_own(kind: type) -> None:
    texts = [sentence(made(kind, number)) for number in (0, 1)]
    assert all(text and "None" not in text and "{" not in text for text in texts)
    others = {sentence(made(other, 0)) for other in KINDS if other is not kind}
    assert texts[0] not in others


def test_what_is_no_notice_has_no_sentence() -> None:
    class Unknown(notices.Said):
        member: str

    with pytest.raises(LookupError, match="no sentence for Unknown"):
        sentence(Unknown("ada"))  # type: ignore[arg-type]


def test_a_round_is_told_of_how_many_and_with_whose_figure() -> None:
    ended = notices.RoundEnded("r", 3, True, 512_000)
    words = Wording(named("accuracy"), 10)
    assert sentence(ended, words) == "round 3 of 10 is done; its model has accuracy 0.512"
    started = Wording(named("accuracy"), 10, of_result=False)
    assert sentence(ended, started) == "round 3 of 10 is done; it started from accuracy 0.512"
    assert sentence(notices.PhaseOpened("r", 3, "train", 0), words) == "round 3 of 10: train"
    assert sentence(notices.RoundEnded("r", 3, False, None)) == "round 3 does not count"


def test_a_figure_is_in_the_measures_own_dimension() -> None:
    assert Wording(named("mae", upper=50)).value(500_000) == 25.0
    assert Wording().value(500_000) == 0.5
    assert Wording().value(None) is None


def test_every_way_to_leave_a_team_has_a_reason() -> None:
    assert set(get_args(PlaceStatus)) - {"active"} <= set(GONE)
    assert str(gone("expelled")) == "was expelled: its model or its scores harmed the round"
    assert gone("expelled").short == "was expelled"
    assert gone("abducted") == Reason("abducted") and missed("asleep") == Reason("asleep")


def test_every_way_to_miss_a_turn_has_a_reason() -> None:
    listed = "silent | declined | unavailable | unrevealed | copied"
    assert set(MISSED) == set(listed.split(" | "))
    turn = notices.TurnMissed("r", 2, "judge", "bob", "unrevealed")
    assert sentence(turn) == "round 2: bob did not open its scores in judge"


def test_epsilon_comes_with_whom_it_protects_and_who_accounted() -> None:
    charged = Charged("training", 7.8912, 1e-5, "record", "dp-accounting", 7_999_999_999, 8 * 10**9)
    assert privacy_sentence(charged) == (
        "training rows: ε = 7.891 at δ = 1e-05 for one record (add or remove one), by dp-accounting; "
        "the ledger's own account has 8 of 8 for whoever spent most"
    )


def test_no_guarantee_is_said_in_these_words() -> None:
    assert privacy_sentence(NoGuarantee("judging", ("judge", "certify"))) == (
        "judging rows: no formal guarantee (what judge, certify publishes depends on them)"
    )
    assert guarantee(NothingPublished("judging")) == "nothing that depends on them is published"
    assert guarantee(NothingPublished("judging", ("judge",))) == "nothing was published"


def test_why_somebody_was_sent_away_is_said_by_its_scores() -> None:
    harmful = Evidence(2, 0.2, 0.8, 0.85, 0.7, ("ada", 0.8, 0.75))
    assert evidence_sentence(harmful) == "in the middle they gave it 0.200, the others 0.800 to 0.850"
    astray = Evidence(2, 0.82, 0.8, 0.85, 0.7, ("ada", 0.8, 0.1))
    assert evidence_sentence(astray) == "it gave ada 0.100, where in the middle the others gave 0.800"
    assert evidence_sentence(Evidence(2, 0.82, 0.8, 0.85, 0.7)) == ""


def test_an_epsilon_is_rounded_up() -> None:
    assert [nano(value) for value in (0, 1, 10**9, 1_000_000_001)] == ["0", "0.001", "1", "1.001"]
