"""What a request agrees to holds together, or is told how it does not; small questions that rules answer."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tallystick.base.events import Gaussian, Unaccounted
from tallystick.ledger import rules as ru
from tests.ledger.play import COMBINE, DRAW, MEASURE, judge, mutual, relay, train


def test_every_contradiction_in_rules_has_its_sentence():
    """Each rule set breaks one thing, and is told which."""
    good = mutual()
    pay, form, stop = ru.Paying, good.forming, good.stopping
    broken = [
        (replace(good, phases=()), "no phase to train"),
        (replace(good, phases=(train(), train())), "same name"),
        (replace(good, forming=replace(form, minimum=4)), "larger than the team"),
        (replace(good, forming=replace(form, candidates="team")), "standing team"),
        (replace(good, forming=replace(form, leader="named")), "leader must be named"),
        (replace(good, forming=replace(form, ability="graded")), "grade"),
        (replace(good, forming=replace(form, order="listed")), "posted list"),
        (replace(good, result="train2"), "not a model phase"),
        (replace(good, opening=(DRAW,)), "draws needs"),
        (replace(good, opening=(replace(COMBINE, name="start"),)), "salts and nothing else"),
        (replace(good, phases=(train("in_order"), judge(), COMBINE)), "draws needs"),
        (replace(good, phases=(train(), DRAW, COMBINE)), "opening phases only"),
        (replace(good, phases=(train(), replace(judge(), of=""), COMBINE)), "name the phase"),
        (replace(good, phases=(judge(), train(), COMBINE)), "no earlier model phase"),
        (replace(good, phases=(train("present:judge"), judge(), COMBINE)), "no earlier phase"),
        (
            replace(good, phases=(train(), judge(turn="drawn:combine:2"), COMBINE), opening=(DRAW,)),
            "drawn judges",
        ),
        (replace(good, forming=replace(form, size=65)), "drawn few"),
        (replace(good, paying=pay(recorder_fee=600, analyst_fee=600)), "more than the reward"),
        (replace(good, paying=pay(kind="per_round", schedule=(1,))), "schedule names"),
        (replace(good, paying=pay(kind="per_round", schedule=(600, 600))), "schedule adds up"),
        (replace(good, paying=pay(weight="angle")), "angles are measured"),
        (replace(good, electing=ru.Electing("error")), "errors are measured"),
        (replace(good, phases=(train(), COMBINE)), "need a phase of scores"),
        (replace(good, paying=pay(kind="per_round", leader_share=True)), "lump reward"),
        (replace(good, purchase_limit=10), "only an analyst"),
        (replace(good, stopping=replace(stop), phases=(train(rows="training"), judge(), COMBINE)), None),
    ]
    for rules, sentence in broken:
        found = ru.flaw(rules, 1_000)
        assert (found is None) if sentence is None else (sentence in (found or "")), (sentence, found)


def test_phases_are_served_opening_first_and_closing_last():
    rules = relay(closing=(MEASURE,))
    assert [rule.name for rule in ru.all_phases(rules)] == ["draw", "train", "judge", "measure"]


@pytest.mark.parametrize(
    "rules, chance",
    [
        (mutual(), False),
        (relay(), True),
        (mutual(electing=ru.Electing("drawn")), True),
        (mutual(phases=(train(), judge(turn="drawn:3"), COMBINE)), True),
        (mutual(phases=(train("groups:2"), judge(), COMBINE)), True),
    ],
)
def test_what_is_decided_by_chance_needs_salts(rules, chance):
    assert ru.draws(rules) is chance


@pytest.mark.parametrize("units, analyst, needed", [(True, True, 2), (False, True, 1), (False, False, 2)])
def test_an_analyst_counts_as_a_member_where_no_units_are_wanted(units, analyst, needed):
    form = replace(mutual(3).forming, minimum=2, units=units)
    assert ru.smallest_team(form, analyst) == needed


def test_the_dearest_event_has_the_least_noise_and_what_has_no_guarantee_is_named():
    noise = ru.EventRule("record", Gaussian(3_000, 1), Gaussian(6_000, 4))
    assert ru.dearest(noise) == Gaussian(3_000, 4)
    rules = mutual(phases=(train(rows="training"), judge(rows="judging", event=noise), COMBINE))
    assert ru.uncharged(rules) == ("train",)
    bare = replace(noise, least=Unaccounted("x"), most=Unaccounted("x"))
    assert ru.uncharged(mutual(phases=(train(rows="training", event=bare), judge(), COMBINE))) == ("train",)
