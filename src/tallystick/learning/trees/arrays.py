"""A forest as arrays: one line a node, children after their parent, checked before the first prediction.

LightGBM's own text form never comes from outside: its parser can be crashed by a damaged file. The arrays
are plain numbers; a check in NumPy finds what is out of bounds, circular, has two parents or is not finite.
A forest has one or several members' boosters; where there are several, their predictions are averaged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ..payload import Limits, Spec, refuse

Floats: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int32]
Bytes: TypeAlias = npt.NDArray[np.uint8]

VERSION = 1
OBJECTIVES = ("l2", "l1", "binary", "multiclass")  # their place is their number in a payload
MAX_DEPTH = 512
MAX_OUTPUTS = 4096
MAX_FEATURES = 1 << 20
LARGEST = 1e6  # of a leaf or a start: raw scores, not thresholds
LIMITS = Limits(largest=float(np.finfo(np.float64).max), size=1 << 28)

# `missing` of a node: what it does with NaN, and which side gets it.
NAN_IS_ZERO, ZERO_IS_MISSING, NAN_IS_MISSING, LEFT = 0, 1, 2, 4

SPECS: dict[str, Spec] = {
    "about": Spec("I32", (4,)),
    "members": Spec("I32", (None,)),
    "weights": Spec("F64", (None,)),
    "base": Spec("F64", (None, None)),
    "trees": Spec("I32", (None,)),
    "feature": Spec("I32", (None,)),
    "threshold": Spec("F64", (None,)),
    "left": Spec("I32", (None,)),
    "right": Spec("I32", (None,)),
    "missing": Spec("U8", (None,)),
    "value": Spec("F64", (None,)),
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


def empty(objective: str, outputs: int, features: int, base: Sequence[float] | Floats = ()) -> Forest:
    """One booster without trees: what training begins from."""
    start = np.asarray(base if len(base) else np.zeros(outputs), np.float64).reshape(1, outputs)
    none, numbers = np.zeros(0, np.int32), np.zeros(0)
    ends = np.zeros(2, np.int32)
    return Forest(
        objective, outputs, features, ends, np.ones(1), start, np.zeros(1, np.int32),
        none, numbers, none, none, np.zeros(0, np.uint8), numbers,
    )  # fmt: skip


def tensors_of(forest: Forest) -> dict[str, npt.NDArray[Any]]:
    """The arrays as they travel."""
    about = [VERSION, OBJECTIVES.index(forest.objective), forest.outputs, forest.features]
    listed = {field.name: getattr(forest, field.name) for field in fields(forest) if field.name in SPECS}
    return {"about": np.array(about, np.int32), **listed}


def forest_of(tensors: Mapping[str, npt.NDArray[Any]], like: Forest | None = None) -> Forest:
    """The forest in these arrays (of the types of `SPECS`), or `BadPayload` with the first flaw.

    `like` is a forest of the plan's task: the objective, outputs and features must be the same.
    """
    version, objective, outputs, features = (int(number) for number in tensors["about"])
    if version != VERSION:
        refuse("schema", f"a forest of version {version}; {VERSION} is known here")
    if not 0 <= objective < len(OBJECTIVES) or not 1 <= outputs <= MAX_OUTPUTS:
        refuse("schema", f"objective {objective} with {outputs} outputs is not known")
    if (OBJECTIVES[objective] == "multiclass") != (outputs > 1) or not 1 <= features <= MAX_FEATURES:
        refuse(
            "schema",
            f"{OBJECTIVES[objective]} with {outputs} outputs and {features} features is not possible",
        )
    forest = Forest(
        OBJECTIVES[objective], outputs, features, *(tensors[name] for name in SPECS if name != "about")
    )
    if like is not None and kind_of(forest) != kind_of(like):
        refuse("schema", f"a forest of {kind_of(forest)}; the task needs {kind_of(like)}")
    ensure_sound(forest)
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
    if holders < 1 or len(forest.weights) != holders or forest.base.shape != (holders, forest.outputs):
        refuse("shape", f"{holders} members do not fit the weights and starts given")
    if np.any(np.diff(forest.members) % forest.outputs):
        refuse("shape", f"a member's trees must be a multiple of {forest.outputs}, one for each output")
    numbers = (forest.weights, forest.base, forest.threshold, forest.value)
    if not all(np.isfinite(part).all() for part in numbers):
        refuse("value", "a number of the forest is not finite")
    if any(np.abs(part).max(initial=0) > LARGEST for part in (forest.base, forest.value)):
        refuse("value", f"a leaf or start lies beyond ±{LARGEST:g}")
    if forest.weights.min() < 0 or abs(forest.weights.sum() - 1) > 1e-9:
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
    """The forest that predicts the weighted mean of what these predict (poq Alg. 1, errata 14)."""
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
    one = forests[0]
    nodes = {
        name: np.concatenate([getattr(forest, name) for forest in forests])
        for name in ("feature", "threshold", "left", "right", "missing", "value")
    }
    trees = ends_of([forest.trees for forest in forests])
    return Forest(one.objective, one.outputs, one.features, members, weights, base, trees, **nodes)


def ends_of(parts: Sequence[Integers]) -> Integers:
    """Offsets put one behind the other."""
    ends, last = [np.zeros(1, np.int64)], 0
    for part in parts:
        ends.append(part[1:].astype(np.int64) + last)
        last += int(part[-1])
    return np.concatenate(ends).astype(np.int32)
