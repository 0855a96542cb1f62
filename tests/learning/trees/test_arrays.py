"""Forests as arrays: damaged ones are refused, members' forests average."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.learning.payload import BadPayload, decode, encode, specs_of
from tallystick.learning.trees.arrays import TENSORS, averaged, depth_of, empty, forest_of, tensors_of
from tallystick.learning.trees.boost import TreeSettings, train
from tallystick.learning.trees.predict import predict
from tests.learning.trees.grown import HEADER, TARGETS, X, Y, travelled


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
