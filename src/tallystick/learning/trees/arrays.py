"""A forest as arrays: one line a node, children after their parent, checked before the first prediction.

LightGBM's own text form never comes from outside: its parser can be crashed by a damaged file. The arrays
are plain numbers; a check in NumPy finds what is out of bounds, circular, has two parents or is not finite.
A forest has one or several members' boosters; where there are several, their predictions are averaged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ..spec import refuse

Floats: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int32]
Bytes: TypeAlias = npt.NDArray[np.uint8]

OBJECTIVES = ("l2", "l1", "binary", "multiclass", "shares")
SEVERAL = ("multiclass", "shares")  # one output for each label
MARK = "trees1"  # the first word of a tensor's name, with the version of this form
MAX_DEPTH = 512
LARGEST = 1e6  # of a leaf or a start: raw scores, not thresholds

# `missing` of a node: what it does with NaN, and which side gets it.
NAN_IS_ZERO, ZERO_IS_MISSING, NAN_IS_MISSING, LEFT = 0, 1, 2, 4

# As they travel: sizes instead of ends, thresholds as their bits (one may be as large as a number gets), and
# how many nodes use each feature, whose length tells how many features there are.
TENSORS: dict[str, tuple[str, int]] = {
    "members": ("i4", 1),
    "weights": ("f8", 1),
    "base": ("f8", 2),
    "trees": ("i4", 1),
    "uses": ("i4", 1),
    "feature": ("i4", 1),
    "threshold": ("i8", 1),
    "left": ("i4", 1),
    "right": ("i4", 1),
    "missing": ("u1", 1),
    "value": ("f8", 1),
}


@dataclass(frozen=True, slots=True, eq=False)
class Forest:
    """Boosters of one or several members.

    Member m has the trees `members[m]` up to `members[m + 1]` and starts from `base[m]`; tree t has the nodes
    `trees[t]` up to `trees[t + 1]` and adds to output (t - its member's first) mod outputs. Node i goes to
    `left[i]` where `feature[i]` is at most `threshold[i]`, else to `right[i]`, both counted from its tree's
    first node; a leaf has feature -1 and gives `value[i]`.
    """

    objective: str
    outputs: int
    features: int
    members: Integers
    weights: Floats
    base: Floats
    trees: Integers
    feature: Integers
    threshold: Floats
    left: Integers
    right: Integers
    missing: Bytes
    value: Floats

    @property
    def count(self) -> int:
        """How many trees."""
        return len(self.trees) - 1


def empty(objective: str, outputs: int, features: int) -> Forest:
    """The forest before anybody has trained: no members, no trees."""
    none, numbers, ends = np.zeros(0, np.int32), np.zeros(0), np.zeros(1, np.int32)
    return Forest(
        objective, outputs, features, ends, numbers, np.zeros((0, outputs)), ends,
        none, numbers, none, none, np.zeros(0, np.uint8), numbers,
    )  # fmt: skip


def tensors_of(forest: Forest) -> dict[str, npt.NDArray[Any]]:
    """The arrays as they travel; their names carry the objective, their shapes outputs and features."""
    inner = forest.feature[forest.feature >= 0]
    parts = {
        "members": np.diff(forest.members),
        "weights": forest.weights,
        "base": forest.base,
        "trees": np.diff(forest.trees),
        "uses": np.bincount(inner, minlength=forest.features).astype(np.int32),
        "feature": forest.feature,
        "threshold": np.ascontiguousarray(forest.threshold).view(np.int64),
        "left": forest.left,
        "right": forest.right,
        "missing": forest.missing,
        "value": forest.value,
    }
    return {f"{MARK}.{forest.objective}.{name}": part for name, part in parts.items()}


def are_trees(tensors: Mapping[str, Any]) -> bool:
    """Whether tensors say that they are a forest."""
    return any(name.startswith(MARK) for name in tensors)


def forest_of(tensors: Mapping[str, npt.NDArray[Any]]) -> Forest:
    """The forest in these tensors, or `BadPayload` with the first flaw."""
    first = next(iter(tensors), "")
    objective = first.split(".")[1] if first.count(".") == 2 else ""
    if objective not in OBJECTIVES or set(tensors) != {f"{MARK}.{objective}.{name}" for name in TENSORS}:
        refuse("schema", "these are not the tensors of a forest")
    parts = {name: np.asarray(tensors[f"{MARK}.{objective}.{name}"]) for name in TENSORS}
    for name, (kind, dimensions) in TENSORS.items():
        if parts[name].dtype != np.dtype(kind) or parts[name].ndim != dimensions:
            refuse("schema", f"{name!r} of a forest has another type or number of dimensions")
    outputs, uses = parts["base"].shape[1], parts.pop("uses")
    if (outputs > 1) != (objective in SEVERAL) or outputs < 1:
        refuse("schema", f"{objective} has no {outputs} outputs")
    parts["threshold"] = np.ascontiguousarray(parts["threshold"]).view(np.float64)
    for name, total in (("members", len(parts["trees"])), ("trees", len(parts["feature"]))):
        sizes = parts[name].astype(np.int64)
        if sizes.min(initial=0) < 0 or sizes.sum() != total:
            refuse("layout", f"{name!r} must be sizes that add up to {total}")
        parts[name] = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
    forest = Forest(objective, outputs, len(uses), **parts)
    ensure_sound(forest)
    if not np.array_equal(uses, tensors_of(forest)[f"{MARK}.{objective}.uses"]):
        refuse("value", "'uses' must count how many nodes use each feature")
    return forest


def kind_of(forest: Forest) -> tuple[str, int, int]:
    """What forests must share to be averaged or continued."""
    return forest.objective, forest.outputs, forest.features


def ensure_sound(forest: Forest) -> None:
    """Refuse a forest that could not be evaluated safely: the same checks for our own and for others'."""
    nodes = len(forest.feature)
    per_node = (forest.threshold, forest.left, forest.right, forest.missing, forest.value)
    if any(len(part) != nodes for part in per_node):
        refuse("shape", "the arrays of the nodes have different lengths")
    ensure_ends("trees", forest.trees, nodes, 1)
    ensure_ends("members", forest.members, forest.count, 0)
    holders = len(forest.members) - 1
    if len(forest.weights) != holders or forest.base.shape != (holders, forest.outputs):
        refuse("shape", f"{holders} members do not fit the weights and starts given")
    if np.any(np.diff(forest.members) % forest.outputs):
        refuse("shape", f"a member's trees must be a multiple of {forest.outputs}, one for each output")
    numbers = (forest.weights, forest.base, forest.threshold, forest.value)
    if not all(np.isfinite(part).all() for part in numbers):
        refuse("value", "a number of the forest is not finite")
    if any(np.abs(part).max(initial=0) > LARGEST for part in (forest.base, forest.value)):
        refuse("value", f"a leaf or start lies beyond ±{LARGEST:g}")
    if holders and (forest.weights.min() < 0 or abs(forest.weights.sum() - 1) > 1e-9):
        refuse("value", "the members' weights must be at least 0 and add up to 1")
    ensure_nodes(forest)


def ensure_ends(name: str, ends: Integers, last: int, least: int) -> None:
    """Offsets from 0 to `last`, each part at least `least` long."""
    if not len(ends) or ends[0] != 0 or ends[-1] != last or np.any(np.diff(ends.astype(np.int64)) < least):
        refuse("layout", f"{name!r} must rise from 0 to {last}")


def ensure_nodes(forest: Forest) -> None:
    """Every node but a tree's first has one parent, before it and in the same tree; leaves end every path."""
    sizes = np.diff(forest.trees)
    first = np.repeat(forest.trees[:-1], sizes)
    own, size = np.arange(len(first), dtype=np.int64) - first, np.repeat(sizes, sizes)
    leaf = forest.feature == -1
    inner = ~leaf
    if np.any((forest.feature < -1) | (forest.feature >= forest.features)):
        refuse("value", f"a node asks for a feature that is not from 0 to {forest.features - 1}")
    if np.any(forest.left[leaf] | forest.right[leaf] | forest.missing[leaf]) or forest.threshold[leaf].any():
        refuse("value", "a leaf has a threshold or children")
    if np.any((forest.missing & 3) == 3) or np.any(forest.missing > 7) or forest.value[inner].any():
        refuse("value", "a node has an unknown way with missing values, or a value though it is no leaf")
    for side in (forest.left, forest.right):
        if np.any((side[inner] <= own[inner]) | (side[inner] >= size[inner])):
            refuse("layout", "a node's children must come after it and lie in its tree")
    children = np.concatenate([(forest.left + first)[inner], (forest.right + first)[inner]])
    parents = np.bincount(children, minlength=len(first))
    if np.any(parents[own > 0] != 1):
        refuse("layout", "a node must have exactly one parent")
    if depth_of(forest) > MAX_DEPTH:
        refuse("layout", f"a tree is deeper than {MAX_DEPTH}")


def depth_of(forest: Forest) -> int:
    """The longest path from a root to a leaf, counted no further than the limit."""
    at = forest.trees[:-1].astype(np.int64)
    start = at.copy()
    for depth in range(MAX_DEPTH + 1):
        inner = forest.feature[at] >= 0
        at, start = at[inner], start[inner]
        if not len(at):
            return depth
        at = np.concatenate([start + forest.left[at], start + forest.right[at]])
        start = np.concatenate([start, start])
    return MAX_DEPTH + 1


def averaged(forests: Sequence[Forest], weights: Sequence[float] = ()) -> Forest:
    """The forest that predicts the weighted mean of what these predict (poq Alg. 1, errata 14).

    Forests without members (of somebody who had no rows) have no say.
    """
    if not forests:
        raise ValueError("there is no forest to average")
    shares = np.asarray(weights or np.ones(len(forests)), np.float64)
    if (
        len(shares) != len(forests)
        or not np.isfinite(shares).all()
        or shares.min() < 0
        or not shares.sum() > 0
    ):
        raise ValueError(f"{len(forests)} forests need as many weights, none below 0, not all 0")
    kinds = {kind_of(forest) for forest in forests}
    if len(kinds) > 1:
        raise ValueError(f"forests of different kinds cannot be averaged: {sorted(kinds)}")
    grown = [index for index, forest in enumerate(forests) if len(forest.weights)]
    forests, shares = [forests[index] for index in grown], shares[grown]
    if not forests or not shares.sum():
        return empty(*kinds.pop())
    parts = [forest.weights * share for forest, share in zip(forests, shares / shares.sum(), strict=True)]
    whole = np.concatenate(parts)
    return joined(forests, ends_of([forest.members for forest in forests]), whole / whole.sum(),
                  np.concatenate([forest.base for forest in forests]))  # fmt: skip


def extended(start: Forest, more: Forest) -> Forest:
    """One booster that goes on with the trees of another."""
    if len(start.members) != 2 or len(more.members) != 2:
        raise ValueError("only a single member's booster can be extended")
    ends = np.array([0, start.count + more.count], np.int32)
    return joined([start, more], ends, np.ones(1), start.base + more.base)


def joined(forests: Sequence[Forest], members: Integers, weights: Floats, base: Floats) -> Forest:
    first = forests[0]
    nodes = {
        name: np.concatenate([getattr(forest, name) for forest in forests])
        for name in ("feature", "threshold", "left", "right", "missing", "value")
    }
    trees = ends_of([forest.trees for forest in forests])
    return Forest(first.objective, first.outputs, first.features, members, weights, base, trees, **nodes)


def ends_of(parts: Sequence[Integers]) -> Integers:
    """Offsets put one behind the other."""
    ends, last = [np.zeros(1, np.int64)], 0
    for part in parts:
        ends.append(part[1:].astype(np.int64) + last)
        last += int(part[-1])
    return np.concatenate(ends).astype(np.int32)
