"""A setting says who takes part, under which keys and rules, and with which first state."""

from __future__ import annotations

from dataclasses import replace

from tallystick.simulation.setting import (
    ANALYST,
    BUDGET,
    REQUESTER,
    genesis_of,
    keys_of,
    remembered,
    rules_for,
    validator_of,
)
from tests.simulation.digits import setting


def test_everybody_has_a_key_that_follows_from_the_seed() -> None:
    given = setting("averaging")
    assert list(keys_of(given)) == [*given.members, REQUESTER]
    one, same, other = (keys_of(each)[REQUESTER].public for each in (given, given, replace(given, seed=8)))
    assert one == same != other
    assert validator_of(given).public not in {key.public for key in keys_of(given).values()}


def test_an_analyst_takes_part_where_the_protocol_hires_it() -> None:
    assert ANALYST not in setting("averaging").taking_part
    assert ANALYST in setting("secure_averaging").taking_part


def test_the_requester_begins_with_the_reward_and_the_others_with_a_balance() -> None:
    given = replace(setting("averaging"), reward=70, balance=9)
    balances = {founder.member: founder.balance for founder in genesis_of(given).members}
    assert balances == {REQUESTER: 70, **dict.fromkeys(given.members, 9)}


def test_rules_are_the_plans_or_what_protocol_and_rounds_come_to() -> None:
    given = setting("averaging", 2)
    assert rules_for(given).stopping.rounds == 2
    stated = rules_for(setting("averaging", 5))
    assert rules_for(replace(given, rules=stated)) is stated


def test_a_learner_that_remembers_nothing_begins_with_nothing() -> None:
    assert not list(remembered(setting("averaging")))
    assert BUDGET.protects == "record"
