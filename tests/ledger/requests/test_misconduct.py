"""Who harms a round goes without pay, with a fine; few rows, other rows and accusers cost nobody anything."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tallystick.ledger import rules as ru
from tallystick.ledger import state as st
from tallystick.ledger.notices import Fined, MemberLeft, Paid
from tallystick.ledger.requests import misconduct, scoring
from tallystick.ledger.rules import flaw
from tallystick.ledger.transactions import Score
from tests.ledger.play import (
    COMBINE,
    Biased,
    answer,
    ask,
    consortium,
    judge,
    mutual,
    train,
)

NAMES = ("bob", "cleo", "dan", "eve", "fay", "gus")
EXPELS = ru.Evicting("outlier", expel=True)
RULES = mutual(6, 3, minimum=3, evicting=EXPELS, paying=ru.Paying("per_round", weight="equal"))


def formed(rules: ru.Rules = RULES) -> Biased:
    world = consortium(names=("ada", *NAMES))
    request = ask(world, rules)
    for name in NAMES[: rules.forming.size]:
        answer(world, request, name)
    play = Biased(world, request)
    play.run(until=lambda progress: progress.stage == "rounds")
    return play


def ended(play: Biased) -> dict[str, int]:
    """What each member has more than before it applied."""
    play.run()
    return {name: play.world.balance(name) - 10_000 for name in NAMES}


def gone(play: Biased) -> list[tuple[str, str]]:
    return [(one.member, one.reason) for one in play.world.said if isinstance(one, MemberLeft)]


def test_who_turns_harmful_late_loses_earlier_pay_and_what_leaving_costs() -> None:
    play = formed()
    play.run(until=lambda progress: progress.round == 2)
    play.quality = {"eve": 100_000}
    balances = ended(play)
    assert gone(play) == [("eve", "expelled")]
    turns, idle = 6, 1 + 2  # its model of round 2, and both turns of round 3
    deposit = play.world.get(st.REQUESTS, play.request).rules.forming.deposit
    assert balances["eve"] == -(deposit * idle // turns)
    assert not any(one.member == "eve" for one in play.world.said if isinstance(one, Paid))
    assert all(balances[name] > 0 for name in NAMES if name != "eve")
    assert "eve" not in dict(play.world.get(st.RECORDS, play.request).contributions)


def test_a_fine_for_harm_goes_to_nobody_in_the_team() -> None:
    play = formed()
    play.quality = {"eve": 100_000}
    ended(play)
    assert not any(one.why == "compensation" for one in play.world.said if isinstance(one, Paid))


def test_who_gains_little_stays_and_is_paid() -> None:
    play = formed()
    play.quality = {"eve": 510_000}  # a little above the start, where others reach 700,000
    assert ended(play)["eve"] > 0
    assert gone(play) == []


def test_where_all_make_it_worse_nobody_is_at_fault() -> None:
    play = formed()
    play.quality = dict.fromkeys(NAMES, 200_000)
    assert min(ended(play).values()) >= 0
    assert gone(play) == []


@pytest.mark.parametrize("liars, expelled", [(3, False), (4, True)])
def test_a_third_of_the_judges_cannot_have_an_honest_member_expelled(liars: int, expelled: bool) -> None:
    """Of five judges more than two thirds are four; those who lie alone about two posts are expelled."""
    play = formed()
    accusers = [name for name in NAMES if name != "eve"][:liars]
    play.says = {accuser: {"eve": 0} for accuser in accusers}
    play.run(until=lambda progress: progress.round == 2)
    assert (("eve", "expelled") in gone(play)) == expelled


def test_judges_who_praise_each_other_and_condemn_all_others_are_expelled() -> None:
    rules = replace(RULES, forming=replace(RULES.forming, size=6))
    play = formed(rules)
    said = {name: 1_000_000 if name in ("fay", "gus", "eve") else 0 for name in NAMES}
    play.says = {"fay": said}
    balances = ended(play)
    assert gone(play) == [("fay", "expelled")]
    assert balances["fay"] < 0
    assert min(balances[name] for name in NAMES if name != "fay") > 0


def test_a_judge_whose_rows_are_harder_or_of_one_other_kind_is_no_liar() -> None:
    play = formed()
    harder = dict.fromkeys(NAMES, 400_000)
    play.says = {"fay": harder, "gus": {"bob": 990_000}}
    assert min(ended(play).values()) > 0
    assert gone(play) == []


def test_where_all_judges_differ_none_is_a_liar() -> None:
    play = formed()
    kinds = {0: 900_000, 1: 600_000, 2: 300_000}
    play.says = {
        name: {other: kinds[(place + number) % 3] for number, other in enumerate(NAMES)}
        for place, name in enumerate(NAMES)
    }
    ended(play)
    assert gone(play) == []


def test_a_team_at_its_smallest_keeps_who_harms_it_and_pays_it_nothing_for_that_round() -> None:
    rules = replace(RULES, forming=replace(RULES.forming, minimum=6))
    play = formed(rules)
    play.quality = {"eve": 100_000}
    balances = ended(play)
    assert gone(play) == []
    assert balances["eve"] < 0
    assert [one.amount for one in play.world.said if isinstance(one, Fined)] == [25]  # idle in half its turns


def test_idle_rounds_are_not_paid() -> None:
    play = formed(replace(RULES, evicting=ru.Evicting()))
    play.verdicts = {"eve": "unchanged"}
    ended(play)
    assert not any(
        one.member == "eve" and one.why == "reward" for one in play.world.said if isinstance(one, Paid)
    )


def test_rules_that_could_not_tell_are_refused() -> None:
    assert flaw(RULES, 1_000) is None
    assert "sums" in (flaw(replace(RULES, combine_scores="sum"), 1_000) or "")
    hops = (train("in_order"), judge(), COMBINE)
    opened = replace(RULES, phases=hops, opening=(ru.PhaseRule("draw", "everyone", "salt", 1_000),))
    assert "the one before" in (flaw(opened, 1_000) or "")


def test_without_a_start_nobody_is_an_outlier() -> None:
    assert misconduct.outliers(RULES, {"a": 0, "b": 900_000, "c": 900_000}, None) == []
    assert misconduct.outliers(RULES, {"a": 0, "b": 900_000, "c": 900_000}, 500_000) == ["a"]
    assert scoring.better(RULES, 2, 1) == 1


@pytest.mark.parametrize("unmoved, found", [(2, ["eve"]), (3, [])])
def test_a_judges_few_rows_need_only_bear_out_what_the_middle_says(unmoved: int, found: list[str]) -> None:
    tolerance = RULES.electing.tolerance
    lost = [2 * tolerance] * 5 + [tolerance * 5 // 4] * (4 - unmoved) + [0] * unmoved
    start = Score(900_000)
    told = {f"j{place}": {"eve": Score(900_000 - each)} for place, each in enumerate(lost)}
    assert misconduct.outliers(
        RULES, {"eve": 900_000 - 2 * tolerance, "fay": 900_000, "gus": 900_000}, 900_000
    )
    assert misconduct._harmful(RULES, ["eve"], dict.fromkeys(told, start), told) == found
