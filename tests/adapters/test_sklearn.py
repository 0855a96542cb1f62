"""scikit-learn's own estimators, plugged in unchanged."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import jax
import numpy as np
import pytest
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Perceptron, SGDClassifier, SGDRegressor
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

import tallystick as ts
from tallystick.adapters.own import BadLearner, seed_of
from tallystick.adapters.sklearn import learner
from tallystick.base.measure import MEASURES
from tallystick.learning.batches import batches, shuffled
from tallystick.learning.cohort import train
from tallystick.learning.judge import Judging, judging
from tallystick.learning.trees.arrays import averaged, forest_of
from tallystick.learning.trees.predict import predict
from tallystick.protocols.vocabulary import Unfit
from tests.adapters.battery import BATTERY, LARGEST, Row, a_team_learns, run, same, sites, work_of
from tests.learning.cohorts import invented_rows, invented_task

ROWS = {
    "log-loss": Row(learner(SGDClassifier(loss="log_loss", random_state=1))),
    "hinge-two-labels": Row(learner(SGDClassifier(learning_rate="adaptive", eta0=0.1)), labels=2),
    "perceptron": Row(learner(Perceptron())),
    "sgd-regressor": Row(learner(SGDRegressor()), labels=0),
    "mlp": Row(learner(MLPClassifier((16, 8), solver="adam", learning_rate_init=0.1))),
    "mlp-pictures": Row(learner(MLPClassifier(8, solver="sgd", learning_rate_init=0.1)), (4, 4, 1), 2),
    "mlp-regressor": Row(learner(MLPRegressor(hidden_layer_sizes=8)), labels=0),
    "forest": Row(learner(RandomForestClassifier(5, max_depth=4))),
    "forest-regressor": Row(learner(RandomForestRegressor(5)), labels=0),
    "tree": Row(learner(DecisionTreeClassifier()), labels=2),
}


@pytest.mark.parametrize("check", BATTERY.values(), ids=BATTERY)
@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_battery(row: Row, check: Any) -> None:
    check(row)


def init_of(made: Any, labels: int, features: int = 6) -> tuple[Any, Any]:
    task = invented_task((features,), labels)
    bound = made.on(task)
    return bound, bound.init(SimpleNamespace(task=task), jax.random.key(3))


@pytest.mark.parametrize("labels", [2, 4])
def test_a_step_is_the_estimators_own_partial_fit(labels: int) -> None:
    rows = invented_rows(48, (6,), labels, 1)
    bound, start = init_of(
        learner(SGDClassifier(loss="log_loss", learning_rate="constant", eta0=0.05)), labels
    )
    key = np.array([1, 9], np.uint32)
    order = shuffled(48, 16, 2, key)
    done = train(bound, start, bound.remember(start), batches(rows, order), key)

    theirs = SGDClassifier(loss="log_loss", learning_rate="constant", eta0=0.05, random_state=seed_of(key))
    for places in order:
        theirs.partial_fit(rows.x[places].astype(float), rows.y[places], classes=range(labels))
    assert np.allclose(done.model["coef_"], theirs.coef_, rtol=1e-5)
    assert np.allclose(bound.predict(done.model, rows.x), theirs.predict_proba(rows.x), rtol=1e-4)


def test_all_members_have_one_shape_whatever_labels_they_saw() -> None:
    bound, start = init_of(learner(SGDClassifier(loss="log_loss")), 4)
    rows = invented_rows(40, (6,), 4, 1)
    only = rows._replace(y=np.full(40, 2, np.int32))
    key = np.array([1, 2], np.uint32)
    done = train(bound, start, bound.remember(start), batches(only, shuffled(40, 8, 1, key)), key)

    assert done.model["coef_"].shape == (4, 6) and start["coef_"].shape == (4, 6)
    assert (bound.predict(done.model, rows.x).argmax(axis=1) == 2).all()


def test_a_learning_rate_that_falls_counts_the_rows_of_earlier_rounds() -> None:
    row = ROWS["log-loss"]
    first = run(row)
    assert first.memory[LARGEST]["seen"] == 128 and first.memory[2]["seen"] == 0

    def again(memory: Any) -> Any:
        work = work_of(row)
        return train(
            work.learner, work.start, memory, batches(work.cohort.members[5], work.orders[5]), work.keys[5]
        ).model

    assert not same(again(first.memory[LARGEST]), again(work_of(row).memory_of(LARGEST)))


@pytest.mark.parametrize(
    "estimator, labels",
    [
        (RandomForestClassifier(7), 4),
        (ExtraTreesRegressor(4, max_leaf_nodes=9), 0),
        (DecisionTreeClassifier(), 2),
    ],
)
def test_trees_predict_what_the_estimator_does(estimator: Any, labels: int) -> None:
    rows = invented_rows(300, (6,), labels, 1)
    unseen = rows._replace(y=np.minimum(rows.y, 2)) if labels == 4 else rows  # label 3 is not among them
    bound, start = init_of(learner(estimator), labels)
    key = np.array([1, 9], np.uint32)
    done = train(bound, start, (), batches(unseen, shuffled(300, 30, 1, key)), key)
    estimator.set_params(random_state=seed_of(key)).fit(unseen.x, unseen.y)

    theirs = estimator.predict_proba(rows.x) if labels else estimator.predict(rows.x)
    if labels == 4:
        theirs = np.hstack([theirs, np.zeros((300, 1))])
    assert np.allclose(bound.predict(done.model, rows.x), theirs, atol=1e-12)


def test_forests_are_judged_and_their_predictions_averaged() -> None:
    row = ROWS["forest"]
    work, done = work_of(row), run(row)
    asked = Judging(work.learner, done.models, {}, work.cohort, (MEASURES["accuracy"],))
    values = judging()(asked)
    assert values[LARGEST, LARGEST, 0] > 0.8 and np.isnan(values[0, 2, 0])

    both = averaged([forest_of(done.models[0]), forest_of(done.models[LARGEST])], [1, 3])
    x = work.cohort.members[0].x
    mean = (predict(forest_of(done.models[0]), x) + 3 * predict(forest_of(done.models[LARGEST]), x)) / 4
    assert np.allclose(predict(both, x), mean)


@pytest.mark.parametrize(
    "estimator, words",
    [
        (SVC(), "cannot go on from a model"),
        (LogisticRegression(), "cannot go on from a model"),
        (GradientBoostingClassifier(), "cannot go on from a model"),
        (MLPClassifier(solver="lbfgs"), "with these settings cannot go on"),
        (GaussianNB(), "no parameters of which a mean"),
        (SGDClassifier(average=True), "average=False"),
        (SGDClassifier(class_weight="balanced"), "takes no steps"),
        (MLPClassifier(early_stopping=True), "takes no steps"),
    ],
    ids=repr,
)
def test_what_cannot_serve_is_refused_at_once(estimator: Any, words: str) -> None:
    with pytest.raises(BadLearner, match=words):
        learner(estimator)


@pytest.mark.parametrize(
    "estimator, labels", [(SGDRegressor(), 3), (SGDClassifier(), 0), (RandomForestClassifier(), 0)]
)
def test_a_classifier_learns_labels_and_a_regressor_numbers(estimator: Any, labels: int) -> None:
    with pytest.raises(BadLearner, match="cannot learn 'aim': that takes a"):
        init_of(learner(estimator), labels)


def test_rows_that_are_not_finite_make_the_worst_value_not_an_error() -> None:
    bound, start = init_of(learner(SGDClassifier(loss="log_loss")), 4)
    rows = invented_rows(20, (6,), 4, 1)
    x = rows.x.copy()
    x[3, 2] = np.inf
    assert np.isnan(bound.evaluate(start, rows._replace(x=x), MEASURES["accuracy"]))


@pytest.mark.parametrize("preset", ["averaging", "mutual"])
@pytest.mark.parametrize("name, least", [("log-loss", 0.6), ("mlp", 0.6)])
def test_a_team_learns(name: str, least: float, preset: str) -> None:
    a_team_learns(ROWS[name].learner, preset, least)


def test_a_preset_that_averages_parameters_refuses_a_forest() -> None:
    with pytest.raises(Unfit, match="parameters, continues, which learner random-forest-classifier"):
        ts.simulate(ts.presets.averaging(ROWS["forest"].learner, rounds=1), sites())
