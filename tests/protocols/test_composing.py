"""Composing: settings reach the preset or the rules that it returns, and nothing is lost on the way."""

from __future__ import annotations

from typing import Any

import pytest

from tallystick.base.task import Column, task
from tallystick.protocols.composing import composed, read_settings, settings_of
from tallystick.protocols.presets import names, preset
from tallystick.protocols.vocabulary import Unfit

TASK = task(["a"], "b", [0, 1])


def protocol(name: str, **settings: Any) -> Any:
    return composed(name, settings, TASK).protocol


@pytest.mark.parametrize("name", names())
def test_with_nothing_said_it_is_the_presets_own_protocol_with_a_stake(name: str) -> None:
    plain, made = preset(name)(), protocol(name)
    assert made.form.deposit == 200 and plain.form.deposit == 0
    assert [phase.name for phase in made.phases] == [phase.name for phase in plain.phases]
    assert (made.evict, made.pay, made.scores) == (plain.evict, plain.pay, plain.scores)


def test_a_setting_is_laid_over_the_rule_that_it_sets() -> None:
    made = protocol("mutual", wait="5min", quorum=0.75, evict="none", expel=False, recorder_fee=9)
    assert {phase.wait for phase in made.phases} == {300_000}
    assert [phase.quorum for phase in made.phases] == [750_000, 0, 0]
    assert (made.evict.kind, made.evict.expel, made.pay.recorder_fee) == ("none", False, 9)


def test_secure_phases_keep_their_own_quorum_where_no_model_is_owed() -> None:
    made = protocol("secure_averaging", quorum=0.9)
    assert {phase.name: phase.quorum for phase in made.phases if phase.quorum} == {
        "masked": 900_000, "unmask": 500_001,
    }  # fmt: skip


def test_what_a_preset_decides_by_stays_decided() -> None:
    printed = composed("mutual", {"as_printed": True, "size": 5}, TASK)
    assert printed.values["weight"] == "equal" and printed.values["evict"] == "worst"
    again = composed("mutual", printed.values, TASK)
    assert again.protocol.pay == printed.protocol.pay and again.protocol.evict == printed.protocol.evict


@pytest.mark.parametrize(
    ("said", "implied"),
    [
        ({"named": "bob"}, ("leader", "named")),
        ({"team": "crew"}, ("candidates", "team")),
        ({"epsilon": 8}, ("protect", "dp_sgd")),
        ({"schedule": (5, 5)}, ("pay", "per_round")),
        ({"price": 2}, ("pay", "per_amount")),
        ({"pay": "per_round"}, ("leader_share", False)),
    ],
)
def test_what_goes_without_saying(said: dict[str, Any], implied: tuple[str, Any]) -> None:
    made = composed("relay", said, TASK)
    assert made.values[implied[0]] == implied[1]
    assert composed("relay", {}, TASK).values[implied[0]] != implied[1]


def test_chance_is_drawn_from_salts() -> None:
    assert protocol("averaging").opening == ()
    (salts,) = protocol("averaging", elect="drawn").opening
    assert salts.do.content == "salt"
    (own,) = protocol("mutual", judges=2, elect="drawn").opening
    assert own.name == "draw"


def test_figures_may_lie_apart_as_few_rows_let_them_or_as_the_plan_says() -> None:
    wide, narrow = (task(["a"], Column("t", spread=spread)) for spread in ("4", "0.25"))

    def allowed(of: Any, **settings: Any) -> int:
        return composed("averaging", settings, of).protocol.elect.tolerance

    assert allowed(TASK) == 200_000 and allowed(wide) == 800_000
    assert allowed(narrow) == 100_000  # what OWN_ROWS asks for whatever the spread
    assert allowed(narrow, tolerance=0.1) == 25_000
    assert composed("averaging", {}, narrow).values["tolerance"] == 0.4


def test_other_words_for_a_setting_are_understood_and_unknown_ones_refused() -> None:
    assert read_settings("mutual", {"combine": "median"}) == {"rule": "median"}
    assert read_settings("averaging", {"credit": 3, "fee": None}) == {"minimum_credit": 3}
    with pytest.raises(Unfit, match="the preset averaging has no setting 'combine'; choose among size"):
        read_settings("averaging", {"combine": "median"})


def test_defaults_are_the_protocols_own() -> None:
    assert settings_of("mutual")["weight"].default == "gain"
    assert settings_of("averaging")["weight"].default == "equal"
    assert settings_of("secure_averaging")["leader"].default == "analyst"
    assert settings_of("relay")["leader_share"].default is True
    assert "scores" not in settings_of("averaging") and "release" in settings_of("relay")
