"""Judging: values of pairs are the learner's own, to the same bits whoever else is there."""

from __future__ import annotations

from dataclasses import replace

import jax
import numpy as np
import pytest

from tallystick.base.measure import MEASURES
from tallystick.learning import models
from tallystick.learning.cohort import Cohort, Stack
from tallystick.learning.devices import devices
from tallystick.learning.judge import AT_A_TIME, Judging, drawn_judges, enough, judge_one_by_one, judging
from tests.learning.cohorts import Plan, invented_rows, invented_task

pytestmark = pytest.mark.usefixtures("compiled_as_for_users")

COUNTS = (40, 5, 0, 33, 17)
KINDS = {
    "softmax": (4, ("loss_gain", "accuracy", "macro_f1", "auc")),
    "line": (0, ("loss_gain", "mae", "rmse")),
}


def asked(kind: str = "softmax", number: int = 7) -> Judging:
    labels, names = KINDS[kind]
    learner = models.linear()
    like = learner.init(Plan(invented_task((6,), labels)), jax.random.key(1))
    size = 7 * (labels or 1)
    stack = np.random.default_rng(3).normal(size=(number, size)).astype(np.float32)
    judges = Cohort(tuple(invented_rows(count, (6,), labels, m) for m, count in enumerate(COUNTS)))
    return Judging(learner, stack, like, judges, tuple(MEASURES[name] for name in names))


def stacked(given: Judging) -> Stack:
    assert isinstance(given.models, np.ndarray)
    return given.models


@pytest.mark.parametrize("kind", KINDS)
def test_values_are_the_learners_own(kind: str) -> None:
    given = asked(kind)
    values = judging()(given)

    np.testing.assert_allclose(values, judge_one_by_one(given), rtol=1e-4, atol=1e-5)
    assert np.isnan(values[:, 2]).all()
    assert np.isfinite(values[:, 0]).all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_pair_is_the_same_bits_in_any_company_on_any_devices(kind: str) -> None:
    given = asked(kind)
    given = replace(given, measures=given.measures[:2])
    everybody = judging()(given)
    one_device = judging(devices()[:1])
    np.testing.assert_array_equal(one_device(given), everybody)

    for judge in (0, 3):
        alone = replace(given, judges=Cohort((given.judges.members[judge],)))
        np.testing.assert_array_equal(one_device(alone)[:, 0], everybody[:, judge])
    some = replace(given, models=stacked(given)[[4, 2]])
    np.testing.assert_array_equal(one_device(some), everybody[[4, 2]])


def test_only_the_pairs_asked_for_are_judged() -> None:
    pairs = np.zeros((7, 5), bool)
    pairs[1, 0] = pairs[1, 4] = pairs[6, 3] = True
    given = replace(asked(), measures=(MEASURES["accuracy"],))
    values = judging()(replace(given, pairs=pairs))

    assert (np.isfinite(values[:, :, 0]) == pairs).all()
    np.testing.assert_array_equal(values[pairs], judging()(given)[pairs])
    assert np.isnan(judging()(replace(given, pairs=np.zeros((7, 5), bool)))).all()
    with pytest.raises(ValueError, match="7 models and 5 judges"):
        judging()(replace(given, pairs=np.ones((5, 7), bool)))


def test_a_model_that_is_not_finite_is_worth_nan() -> None:
    given = asked()
    stacked(given)[3, 2] = np.inf
    values = judging()(given)

    assert np.isnan(values[3]).all()
    assert np.isfinite(values[[0, 1, 2, 4], 0]).all()


def test_opaque_learners_are_judged_one_by_one() -> None:
    given = asked()
    opaque = replace(given, learner=replace(given.learner, traced=False))

    np.testing.assert_array_equal(judging()(opaque), judge_one_by_one(given))


def test_who_has_few_rows_abstains() -> None:
    assert enough(asked().judges, 17).tolist() == [True, False, False, True, True]
    assert not enough(asked().judges).any()


@pytest.mark.parametrize("judges", [range(30), range(5, 30)])
def test_drawn_judges_share_the_work_and_never_judge_themselves(judges) -> None:
    pairs = drawn_judges(30, judges, 16, seed=2)

    assert (pairs.sum(axis=1) == 16).all()
    assert not pairs.diagonal().any()
    loads = pairs.sum(axis=0)[list(judges)]
    assert loads.max() - loads.min() <= 4
    assert not pairs[:, [m for m in range(30) if m not in judges]].any()
    assert (pairs != drawn_judges(30, judges, 16, seed=3)).any()
    with pytest.raises(ValueError, match="cannot give each model 30"):
        drawn_judges(30, judges, 30, seed=2)


def test_judges_with_few_rows_are_taken_together_and_give_the_same_bits_alone() -> None:
    learner = models.mlp(8)
    like = learner.init(Plan(invented_task((6,), 4)), jax.random.key(1))
    stack = (
        np.random.default_rng(3).normal(size=(3, sum(part.size for part in like.values()))).astype(np.float32)
    )
    judges = Cohort(tuple(invented_rows(9 + m % 4, (6,), 4, m) for m in range(37)))
    given = Judging(learner, stack, like, judges, (MEASURES["loss_gain"],))
    everybody = judging()(given)

    np.testing.assert_allclose(everybody, judge_one_by_one(given), rtol=1e-4, atol=1e-5)
    for judge in (0, 17, 36):
        alone = replace(given, judges=Cohort((judges.members[judge],)))
        np.testing.assert_array_equal(judging()(alone)[:, 0], everybody[:, judge])


def test_more_models_than_are_taken_at_a_time_are_each_worth_what_they_are_alone() -> None:
    given = asked(number=2 * AT_A_TIME * len(devices()) + 3)
    given = replace(given, measures=given.measures[:1])
    pairs = np.random.default_rng(1).random((len(given.models), len(COUNTS))) < 0.5
    everybody = judging()(given)
    some = [len(given.models) - 1, 0, AT_A_TIME, 7]

    np.testing.assert_array_equal(judging()(replace(given, models=stacked(given)[some])), everybody[some])
    np.testing.assert_array_equal(judging()(replace(given, pairs=pairs))[pairs], everybody[pairs])
