"""Where plan, learner and rules meet: what does not fit is refused, what the ledger enforces is all there."""

from __future__ import annotations

from dataclasses import replace

import pytest
from msgspec import structs

from tallystick.base.events import Gaussian
from tallystick.base.measure import MEASURES, named
from tallystick.learning.models import linear
from tallystick.learning.trees.learner import boosted_trees
from tallystick.ledger.rules import EventRule, Forming, Stopping
from tallystick.protocols.vocabulary import (
    Bench,
    Do,
    PhasePlan,
    Protocol,
    Unfit,
    ensure_fit,
    judged_by,
    rules_of,
)
from tests.protocols.batches import PLAN, TASK, Written

EVENT = EventRule("record", Gaussian(1_000, 1), Gaussian(2_000, 1))


def nothing(bench, jobs):
    return []


TRAIN = PhasePlan("train", "in_order", Do("model", nothing, rows="training", event=EVENT), wait=1_000)
JUDGE = PhasePlan(
    "judge", "drawn", Do("scores", nothing, of="train", rows="judging"), 2_000, sealed=True, quorum=2
)
DRAW = PhasePlan("draw", "everyone", Do("salt", nothing))
TOY = Protocol("toy", "1", ("parameters", "continues"), (TRAIN, JUDGE), "train", Forming(3, 2, 1_000),
               opening=(DRAW,), closing=(JUDGE,), scores="trimmed")  # fmt: skip


def test_a_learner_that_lacks_what_a_protocol_needs_is_refused_with_all_of_it():
    ensure_fit(TOY, linear())
    ensure_fit(replace(TOY, needs=("continues",)), boosted_trees())
    needing = replace(TOY, needs=("parameters", "continues", "per_example_gradients"))
    with pytest.raises(Unfit, match="needs parameters, per_example_gradients, which learner boosted-trees"):
        ensure_fit(needing, boosted_trees())


@pytest.mark.parametrize("name", ["accuracy", "mae"])
def test_judges_measure_what_the_plan_says(name: str):
    assert judged_by(named(name), loss_gain=False) == named(name)


def test_loss_gain_is_judged_only_where_higher_is_better():
    assert judged_by(named("accuracy"), loss_gain=True) == MEASURES["loss_gain"]
    with pytest.raises(Unfit, match="loss gain is better higher, rmse lower"):
        judged_by(named("rmse"), loss_gain=True)


@pytest.mark.parametrize(("spelled", "judged"), [("true", "loss_gain"), ("false", "auc"), (None, "auc")])
def test_a_bench_reads_the_measure_of_judges_from_the_plans_settings(spelled: str | None, judged: str):
    settings = (("loss_gain", spelled),) if spelled else ()
    plan = structs.replace(PLAN, settings=settings)
    assert Bench(plan, linear(), named("auc"), Written()).judged.name == judged


def test_a_bench_tells_its_learner_the_task():
    asked = []

    def bind(task):
        asked.append(task)
        return replace(linear(), name="bound")

    learner = replace(linear(), bind=bind, source=b"own")
    bench = Bench(PLAN, learner, named("mae"), Written())
    assert (asked, bench.learner.name, bench.learner.source) == ([TASK], "bound", b"own")


def test_the_rules_say_everything_of_a_phase_but_what_is_done():
    rules = rules_of(TOY, named("accuracy"), Stopping(4, 9_000), purchase_limit=7)
    train, judge = rules.phases
    assert (train.name, train.turn, train.content, train.wait) == ("train", "in_order", "model", 1_000)
    assert (train.rows, train.event, train.sealed) == ("training", EVENT, False)
    assert (judge.of, judge.sealed, judge.quorum, judge.rows) == ("train", True, 2, "judging")
    assert [phase.name for phase in rules.opening + rules.closing] == ["draw", "judge"]
    assert (rules.result, rules.combine_scores, rules.purchase_limit) == ("train", "trimmed", 7)
    assert (rules.forming, rules.stopping, rules.test) == (TOY.form, Stopping(4, 9_000), None)


@pytest.mark.parametrize(("name", "higher"), [("accuracy", True), ("mae", False)])
def test_the_ledger_knows_which_way_is_better(name: str, higher: bool):
    assert rules_of(TOY, named(name), Stopping(1, 1_000)).higher_is_better is higher
