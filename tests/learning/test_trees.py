"""Trees: our predictor gives LightGBM's numbers, damaged forests are refused, members' forests average."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import lightgbm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.base.measure import named
from tallystick.base.task import task
from tallystick.learning.learner import Batches, CannotClipPerExample, Rows, plain
from tallystick.learning.payload import BadPayload, PayloadHeader, decode, encode, specs_of
from tallystick.learning.trees import boost
from tallystick.learning.trees.arrays import TENSORS, averaged, depth_of, empty, forest_of, tensors_of
from tallystick.learning.trees.boost import LIGHTGBM, TreeSettings, forest_from, train
from tallystick.learning.trees.learner import boosted_trees
from tallystick.learning.trees.predict import PLACES, features_of, predict, raw_scores

HEADER = PayloadHeader("plant-7", "request-1", 0, "ab" * 32)
chance = np.random.default_rng(5)
X = chance.normal(size=(1500, 6))
X[chance.random(X.shape) < 0.1] = np.nan
X[chance.random(X.shape) < 0.1] = 0
X[:, 5] = np.round(X[:, 5])
CLEAN = np.nan_to_num(X)
Y = 2 * CLEAN[:, 0] + np.sin(3 * CLEAN[:, 1]) + CLEAN[:, 5] * CLEAN[:, 2]
TARGETS = {
    "l2": (1, Y),
    "l1": (1, Y),
    "binary": (1, (Y > 0.5).astype(float)),
    "multiclass": (3, np.digitize(Y, [-1, 1]).astype(float)),
}


def travelled(forest, blank):
    """A forest as bytes and back, checked as a node checks it: against the blank model of the task."""
    return forest_of(decode(encode(HEADER, tensors_of(forest)), specs_of(tensors_of(blank)), HEADER)[1])


def native(objective: str, **parameters: object) -> lightgbm.Booster:
    outputs, y = TARGETS[objective]
    named = {"objective": LIGHTGBM[objective], "verbosity": -1, "num_threads": 1, **parameters}
    if outputs > 1:
        named["num_class"] = outputs
    return lightgbm.train(named, lightgbm.Dataset(X, y, params={"verbosity": -1}), 25)


@pytest.mark.parametrize("objective", TARGETS)
@pytest.mark.parametrize(
    "parameters", [{}, {"use_missing": False}, {"zero_as_missing": True}, {"num_leaves": 2}]
)
def test_predictions_equal_lightgbm(objective, parameters):
    booster = native(objective, **parameters)
    forest = forest_from(booster.dump_model(), empty(objective, TARGETS[objective][0], 6))
    np.testing.assert_array_equal(next(raw_scores(forest, X)).squeeze(), booster.predict(X, raw_score=True))
    found, wanted = predict(forest, X), booster.predict(X)
    np.testing.assert_allclose(found[:, 1] if objective == "binary" else found, wanted, rtol=0, atol=1e-12)


def test_rows_that_lie_on_a_threshold_go_left_as_in_lightgbm():
    booster = native("l2")
    forest = forest_from(booster.dump_model(), empty("l2", 1, 6))
    inner = np.flatnonzero(forest.feature >= 0)
    rows = CLEAN[np.arange(len(inner)) % len(CLEAN)].copy()
    rows[np.arange(len(inner)), forest.feature[inner]] = forest.threshold[inner]
    np.testing.assert_array_equal(predict(forest, rows), booster.predict(rows))


def test_rows_in_other_types_and_shapes_are_the_same_rows():
    forest = train(CLEAN, Y, empty("l2", 1, 6), TreeSettings(rounds=5))
    single = CLEAN.astype(np.float32)
    np.testing.assert_array_equal(predict(forest, single), predict(forest, single.astype(float)))
    np.testing.assert_array_equal(predict(forest, CLEAN), predict(forest, CLEAN.reshape(-1, 2, 3)))
    np.testing.assert_array_equal(features_of(np.array([[0, 255]], np.uint8), 2), [[0, 1]])
    assert predict(forest, CLEAN[:0]).shape == (0,)
    with pytest.raises(ValueError, match="5 features"):
        predict(forest, CLEAN[:, :5])


def test_many_rows_and_trees_are_walked_in_pieces():
    forest = train(CLEAN, Y, empty("l2", 1, 6), TreeSettings(rounds=40))
    rows = np.tile(CLEAN, (20, 1))
    assert len(rows) * forest.count > PLACES
    np.testing.assert_array_equal(predict(forest, rows), np.tile(predict(forest, CLEAN), 20))


@pytest.mark.parametrize("objective", TARGETS)
def test_training_goes_on_from_a_received_forest(objective):
    outputs, y = TARGETS[objective]
    begun = empty(objective, outputs, 6)
    first = train(X[:750], y[:750], begun, TreeSettings(rounds=15))
    received = travelled(first, begun)
    second = train(X[750:], y[750:], received, TreeSettings(rounds=15))
    assert second.count == first.count + 15 * outputs

    def error(forest):
        found = predict(forest, X)
        return (
            np.abs(found - y).mean()
            if outputs == 1 and objective[0] == "l"
            else (found.argmax(1) != y).mean()
        )

    assert error(second) < error(first) < error(begun)


def test_going_on_equals_lightgbm_going_on():
    """`init_score` with our raw scores gives what LightGBM gives when it continues its own booster."""
    fixed = {"objective": "regression", "verbosity": -1, "num_threads": 1, "boost_from_average": False,
             "deterministic": True, "force_row_wise": True}  # fmt: skip
    base = Y[:750].mean()
    own = lightgbm.train(fixed, lightgbm.Dataset(X[:750], Y[:750], init_score=np.full(750, base)), 10)
    more = lightgbm.Dataset(X[750:], Y[750:], init_score=base + own.predict(X[750:], raw_score=True))
    wanted = base + own.predict(X) + lightgbm.train(fixed, more, 10).predict(X)
    ours = train(X[:750], Y[:750], empty("l2", 1, 6), TreeSettings(rounds=10))
    ours = train(X[750:], Y[750:], ours, TreeSettings(rounds=10))
    np.testing.assert_allclose(predict(ours, X), wanted, rtol=0, atol=1e-12)


def test_training_is_repeatable_and_rows_without_use_change_nothing():
    begun = empty("l2", 1, 6)
    one, other = (tensors_of(train(X, Y, begun, TreeSettings(columns=0.5, seed=9))) for _ in range(2))
    assert all(np.array_equal(one[name], other[name]) for name in one)
    assert train(X[:0], Y[:0], begun, TreeSettings()) is begun
    assert train(X, Y, begun, TreeSettings(rounds=0)) is begun
    np.testing.assert_array_equal(predict(begun, X), np.zeros(1500))
    np.testing.assert_array_equal(predict(empty("multiclass", 4, 6), X), np.full((1500, 4), 0.25))
    alone = train(X[:1], Y[:1], begun, TreeSettings())
    np.testing.assert_allclose(predict(alone, X[:1]), Y[:1])


def test_a_label_never_seen_does_not_become_impossible():
    outputs, y = TARGETS["multiclass"]
    seen = y != 2
    forest = train(X[seen], y[seen], empty("multiclass", outputs, 6), TreeSettings(rounds=5))
    share = predict(forest, X)[:, 2]
    assert share.min() > 0 and share.max() < 0.05
    both = train(X, y, forest, TreeSettings(rounds=20))
    assert (predict(both, X).argmax(1) == y).mean() > 0.85


@pytest.mark.parametrize(
    "x, y, objective, message",
    [
        (X, Y[:10], "l2", "1500 rows have 10 targets"),
        (np.full((30, 6), np.inf), np.zeros(30), "l2", "infinite"),
        (X, np.full(1500, np.nan), "l2", "not finite"),
        (X, Y, "binary", "labels must be the numbers 0 to 1"),
        (X, np.full(1500, 3.0), "multiclass", "labels must be the numbers 0 to 2"),
        (X[:, :4], Y, "l2", "4 features"),
    ],
)
def test_rows_that_cannot_be_learnt_are_refused(x, y, objective, message):
    with pytest.raises(ValueError, match=message):
        train(x, y, empty(objective, TARGETS[objective][0], 6), TreeSettings())


@pytest.mark.parametrize("wrong", [{"rounds": -1}, {"leaves": 1}, {"rate": 0}, {"columns": 2}, {"seed": -1}])
def test_settings_that_grow_nothing_are_refused(wrong):
    with pytest.raises(ValueError, match="grow no trees"):
        TreeSettings(**wrong)


def forests(objective: str, count: int = 3):
    outputs, y = TARGETS[objective]
    parts = np.array_split(np.arange(len(X)), count)
    return [train(X[p], y[p], empty(objective, outputs, 6), TreeSettings(rounds=8)) for p in parts]


@pytest.mark.parametrize("objective", TARGETS)
def test_predictions_are_averaged_over_members(objective):
    grown = forests(objective)
    weights = [1, 2, 5]
    mean = averaged(grown, weights)
    wanted = sum(weight / 8 * predict(forest, X) for weight, forest in zip(weights, grown, strict=True))
    np.testing.assert_allclose(predict(mean, X), wanted, rtol=0, atol=1e-12)
    received = travelled(mean, empty(objective, TARGETS[objective][0], 6))
    np.testing.assert_array_equal(predict(received, X), predict(mean, X))
    twice = averaged([mean, grown[0]])
    np.testing.assert_allclose(predict(twice, X), (wanted + predict(grown[0], X)) / 2, rtol=0, atol=1e-12)


def test_what_cannot_be_averaged_or_continued_is_refused():
    grown = forests("l2", 2)
    for given_forests, weights in (([], []), (grown, [1]), (grown, [1, -1]), (grown, [0, 0])):
        with pytest.raises(ValueError, match=r"average|weights"):
            averaged(given_forests, weights)
    np.testing.assert_array_equal(
        predict(averaged([*grown, empty("l2", 1, 6)]), X), predict(averaged(grown), X)
    )
    assert len(averaged([empty("l2", 1, 6)] * 2).weights) == 0
    with pytest.raises(ValueError, match="different kinds"):
        averaged([grown[0], forests("binary", 1)[0]])
    with pytest.raises(ValueError, match="2 members cannot be continued"):
        train(X, Y, averaged(grown), TreeSettings())


GROWN = train(X, Y, empty("l2", 1, 6), TreeSettings(rounds=3, leaves=4))
SOUND = {name.split(".")[2]: part for name, part in tensors_of(GROWN).items()}
INNER = int(np.flatnonzero(SOUND["feature"] >= 0)[0])
LEAF = int(np.flatnonzero(SOUND["feature"] < 0)[0])
SECOND = int(SOUND["trees"][0])


def called(parts, objective="l2", mark="trees1"):
    return {f"{mark}.{objective}.{name}": part for name, part in parts.items()}


def edited(name: str, at: int, value: float) -> dict[str, np.ndarray]:
    part = SOUND[name].copy()
    part.reshape(-1)[at] = np.float64(value).view(np.int64) if name == "threshold" else value
    return called({**SOUND, name: part})


def other(objective="l2", **parts) -> dict[str, np.ndarray]:
    return called({**SOUND, **parts}, objective)


def chain(depth: int) -> dict[str, np.ndarray]:
    """A single tree in which every left child splits again."""
    size = 2 * depth + 1
    feature, left, right = np.full(size, -1, np.int32), np.zeros(size, np.int32), np.zeros(size, np.int32)
    for level in range(depth):
        feature[2 * level], left[2 * level], right[2 * level] = 0, 2 * level + 2, 2 * level + 1
    return other(
        members=np.array([1], np.int32), trees=np.array([size], np.int32),
        uses=np.array([depth, 0, 0, 0, 0, 0], np.int32), feature=feature, left=left, right=right,
        threshold=np.zeros(size, np.int64), missing=np.zeros(size, np.uint8), value=np.zeros(size),
    )  # fmt: skip


ONE = np.ones(1, np.int32)
DAMAGED = {
    "an unknown objective": (other("ranking"), "schema"),
    "outputs of another objective": (other("multiclass"), "schema"),
    "no outputs": (other(base=np.zeros((1, 0))), "schema"),
    "two outputs of one objective": (other(base=np.zeros((1, 2))), "schema"),
    "a tensor missing": ({name: part for name, part in other().items() if "left" not in name}, "schema"),
    "a tensor too many": ({**other(), "trees1.l2.code": ONE}, "schema"),
    "another version": (called(SOUND, mark="trees2"), "schema"),
    "tensors of two objectives": ({**other(), "trees1.l1.left": ONE}, "schema"),
    "thresholds as floats": (other(threshold=np.zeros(len(SOUND["left"]))), "schema"),
    "a flat start": (other(base=np.zeros(1)), "schema"),
    "fewer features than a node asks for": (
        {**edited("feature", INNER, 1), "trees1.l2.uses": SOUND["uses"][:1]}, "value"),
    "no features": (other(uses=SOUND["uses"][:0]), "value"),
    "uses that do not count": (edited("uses", 2, 5), "value"),
    "a feature below -1": (edited("feature", INNER, -2), "value"),
    "a feature out of bounds": (edited("feature", INNER, 6), "value"),
    "a child before its parent": (edited("left", INNER, 0), "layout"),
    "a child that is itself": (edited("right", SECOND, 0), "layout"),
    "a child of the next tree": (edited("left", INNER, SECOND - INNER + 1), "layout"),
    "a child at 2^31 - 1": (edited("right", INNER, 2**31 - 1), "layout"),
    "a negative child": (edited("left", INNER, -5), "layout"),
    "both children the same": (edited("left", INNER, SOUND["right"][INNER]), "layout"),
    "a leaf with a child": (edited("left", LEAF, 1), "value"),
    "a leaf with a threshold": (edited("threshold", LEAF, 1), "value"),
    "a leaf of NaN": (edited("value", LEAF, np.nan), "value"),
    "a leaf of infinity": (edited("value", LEAF, np.inf), "value"),
    "a leaf of 1e30": (edited("value", LEAF, 1e30), "value"),
    "a value beside a split": (edited("value", INNER, 1), "value"),
    "a threshold of NaN": (edited("threshold", INNER, np.nan), "value"),
    "a threshold of infinity": (edited("threshold", INNER, np.inf), "value"),
    "an unknown way with missing values": (edited("missing", INNER, 3), "value"),
    "unknown flags": (edited("missing", INNER, 8), "value"),
    "a start of infinity": (edited("base", 0, np.inf), "value"),
    "a weight below 0": (edited("weights", 0, -1), "value"),
    "a weight of NaN": (edited("weights", 0, np.nan), "value"),
    "weights that do not add up to 1": (edited("weights", 0, 0.5), "value"),
    "a tree of negative size": (other(trees=np.array([-1, SOUND["trees"].sum() + 1, 0], np.int32)), "layout"),
    "trees beyond the nodes": (edited("trees", 1, 10**6), "layout"),
    "sizes that overflow": (other(trees=np.array([2**31 - 1] * 3, np.int32)), "layout"),
    "an empty tree": (other(trees=np.array([SECOND, 0, SOUND["trees"][1:].sum()], np.int32)), "layout"),
    "members beyond the trees": (edited("members", 0, 99), "layout"),
    "no members but trees": (other(members=ONE[:0]), "layout"),
    "members without weights": (other(weights=np.ones(2) / 2), "shape"),
    "arrays of different lengths": (other(value=SOUND["value"][:-1]), "shape"),
    "a tree 600 deep": (chain(600), "layout"),
}  # fmt: skip


def test_there_are_at_least_thirty_kinds():
    assert len(DAMAGED) >= 30


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_forest_is_refused(kind):
    tensors, reason = DAMAGED[kind]
    with pytest.raises(BadPayload) as found:
        forest_of(tensors)
    assert found.value.reason == reason, str(found.value)


def test_a_damaged_forest_is_refused_when_it_comes_as_bytes():
    specs, tried = specs_of(tensors_of(empty("l2", 1, 6))), 0
    for kind, (tensors, _) in DAMAGED.items():
        try:
            payload = encode(HEADER, tensors)
        except BadPayload:  # what is not finite is not even sent
            continue
        with pytest.raises(BadPayload):
            print(kind, decode(payload, specs, HEADER))
        tried += 1
    assert tried > 30


def test_a_forest_of_another_task_is_refused():
    assert travelled(GROWN, empty("l2", 1, 6)).count == 3
    for blank in (empty("l1", 1, 6), empty("l2", 1, 7), empty("multiclass", 3, 6)):
        with pytest.raises(BadPayload, match="schema"):
            travelled(GROWN, blank)


def test_a_deep_tree_within_the_limit_is_evaluated():
    forest = forest_of(chain(500))
    assert depth_of(forest) == 500
    assert predict(forest, X).shape == (1500,)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(TENSORS)), st.integers(0, 10**6), st.integers(0, 255))
def test_any_byte_changed_gives_a_refusal_or_a_finite_prediction(name, at, value):
    part = SOUND[name].copy()
    raw = part.reshape(-1).view(np.uint8)
    raw[at % len(raw)] = value
    try:
        forest = forest_of(other(**{name: part}))
    except BadPayload:
        return
    assert np.isfinite(predict(forest, X[:50])).all()


def test_no_text_form_of_lightgbm_is_ever_read():
    source = Path(boost.__file__).resolve().parents[2]
    readers = re.compile(r"model_str|model_file|init_model|model_from_string|Booster\(")
    assert [path.name for path in source.rglob("*.py") if readers.search(path.read_text())] == []


KEY = np.array([0, 7], np.uint32)


def given_rows(x: np.ndarray, y: np.ndarray, epochs: int = 1) -> Batches:
    order = np.tile(np.arange(-(-len(x) // 32) * 32).reshape(-1, 32), (epochs, 1))
    return Batches(Rows(x, y), np.where(order < len(x), order, -1), len(order))


@pytest.mark.parametrize("labels", [(), ("no", "yes"), ("low", "middle", "high")])
def test_trees_are_a_learner(labels):
    about = task([f"c{i}" for i in range(6)], "y", labels, None)
    plan = SimpleNamespace(task=about)
    objective = {0: "l1", 2: "binary", 3: "multiclass"}[len(labels)]
    y = TARGETS[objective][1].astype(np.float32 if not labels else np.int32)
    learner = boosted_trees(rounds=15, rate=0.2)
    model = learner.init(plan, KEY)
    rows = Rows(CLEAN.astype(np.float32), y)
    measure = named("mae") if not labels else named("accuracy")
    start = float(learner.evaluate(model, rows, measure))
    batches = given_rows(rows.x, y)
    trained = learner.train(model, learner.remember(model), batches, KEY, None)
    end = float(learner.evaluate(trained.model, rows, measure))
    assert end < start / 2 if not labels else end > 0.9 > start
    assert np.isfinite(trained.metrics["loss"])
    assert learner.predict(trained.model, rows.x).shape == ((1500, len(labels)) if labels else (1500,))
    again = learner.train(model, (), given_rows(rows.x, y, epochs=3), KEY, None)
    assert all(np.array_equal(trained.model[name], again.model[name]) for name in model)
    nothing = learner.train(model, (), given_rows(rows.x[:0], y[:0]), KEY, None)
    assert all(np.array_equal(nothing.model[name], model[name]) for name in model)


def test_trees_have_no_gradients_to_clip():
    learner = boosted_trees()
    assert not learner.capabilities.per_example_gradients and not learner.capabilities.parameters
    plan = SimpleNamespace(task=task(["a"], "y"))
    with pytest.raises(CannotClipPerExample, match="boosted-trees"):
        learner.train(learner.init(plan, KEY), (), given_rows(CLEAN[:, :1], Y), KEY, plain)
    assert replace(learner, name="x").settings["leaves"] == 31
