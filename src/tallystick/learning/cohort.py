"""Many members at once: what is asked of a cohort, what comes back, and the plain runner that loops over it.

A runner maps a learner, written for one member, over a cohort. Every runner gives a member the same bits
whoever else is there, and adds up models in fixed point, so that neither order nor devices matter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, TypeAlias

import jax
import numpy as np
import numpy.typing as npt

from . import fixed_point
from .batches import ROWS, STEPS, Key, Order, batches, bucket
from .fixed_point import FixedPoint, Words
from .learner import Batches, Gradient, Learner, Memory, Model, NotFinite, Rows, Trained, model_of, vector_of

Stack: TypeAlias = npt.NDArray[np.float32]  # [members, numbers] one model a row

# A compiled program takes some 250 memory maps, of which Linux grants a process 65,530.
PROGRAMS = 64


@dataclass(frozen=True, eq=False)
class Cohort:
    """Members by their rows, in an order that stays."""

    members: tuple[Rows, ...]

    @cached_property
    def counts(self) -> tuple[int, ...]:
        """How many rows each member has."""
        return tuple(len(rows.y) for rows in self.members)


@dataclass(frozen=True, eq=False)
class Work:
    """One training of a cohort: every member trains from `start` on its rows in its order."""

    learner: Learner
    cohort: Cohort
    start: Model | Stack | tuple[Model, ...]  # one model for all, or one for each
    like: Model  # the names and shapes of a model, where all have the same
    orders: tuple[Order, ...]
    keys: tuple[Key, ...]
    memory: tuple[Memory, ...] | None = None  # each member's own; None where all begin
    gradient: Gradient | None = None
    weights: tuple[int, ...] | None = None  # in the sum; their rows where None
    models: bool = False  # whether each member's model is wanted: judges and robust rules need them
    total: bool = True  # whether the weighted sum is wanted
    form: FixedPoint = fixed_point.DEFAULT

    def __post_init__(self) -> None:
        size = len(self.cohort.members)
        given = (self.orders, self.keys, self.memory, self.weights)
        if any(part is not None and len(part) != size for part in given):
            raise ValueError(f"{size} members need as many orders, keys, memories and weights")
        if not isinstance(self.start, dict) and len(self.start) != size:
            raise ValueError(f"{size} members start from {len(self.start)} models")
        if self.total and not self.learner.capabilities.parameters:
            raise TypeError(
                f"models of learner {self.learner.name} have no common shape: they cannot be added"
            )

    @property
    def shares(self) -> tuple[int, ...]:
        """Each member's weight in the sum."""
        return self.cohort.counts if self.weights is None else self.weights

    def start_of(self, number: int) -> Model:
        """What a member starts from."""
        if isinstance(self.start, dict):
            return self.start
        start = self.start[number]
        return start if isinstance(start, dict) else model_of(start, self.like)

    def memory_of(self, number: int) -> Memory:
        """What a member remembers."""
        return self.learner.remember(self.start_of(number)) if self.memory is None else self.memory[number]


@dataclass(frozen=True, eq=False)
class CohortResult:
    """What a training of a cohort gave, in the order of its members."""

    like: Model
    models: Stack | tuple[Model, ...] | None  # a row for each, or where shapes differ a model for each
    total: Words | None
    weight: int  # of the members in the total
    unfit: tuple[int, ...]  # whose model is not finite or beyond the fixed point: not in the total
    memory: tuple[Memory, ...]
    loss: npt.NDArray[np.float32]
    form: FixedPoint

    def mean(self) -> Model:
        """The weighted mean; refused where a member's model could not be added."""
        if self.unfit:
            listed = ", ".join(map(str, self.unfit[:10])) + (", …" if len(self.unfit) > 10 else "")
            raise NotFinite(f"models of members {listed} are not finite or beyond ±{self.form.bound}")
        return self.mean_of_fit()

    def mean_of_fit(self) -> Model:
        """The weighted mean of those models that could be added."""
        if self.total is None:
            raise ValueError("the sum was not asked for")
        return model_of(fixed_point.decode(self.total, self.weight, self.form), self.like)


Runner: TypeAlias = Callable[[Work], CohortResult]


def loop(work: Work) -> CohortResult:
    """The plain runner: one member after the other, with the learner's own functions."""
    return gather(work, (train_one(work, number) for number in range(len(work.orders))))


def train_one(work: Work, number: int) -> Trained:
    """The training of one member, as if it were alone."""
    given = batches(work.cohort.members[number], work.orders[number])
    start, memory = work.start_of(number), work.memory_of(number)
    return train(work.learner, start, memory, given, work.keys[number], work.gradient)


def train(
    learner: Learner, model: Any, memory: Memory, given: Batches, key: Key, gradient: Gradient | None = None
) -> Trained:
    """One member's training, compiled where the learner can be."""
    if not learner.traced:
        return learner.train(model, memory, given, key, gradient)
    call = (model, memory, _padded(given), key)
    done = _compiled(learner, gradient, shapes_of(call))(*call)
    return Trained(*jax.tree.map(np.asarray, done))


def train_pieces(
    learner: Learner,
    model: Any,
    memory: Memory,
    given: Iterable[Batches],
    key: Key,
    gradient: Gradient | None = None,
) -> Trained:
    """One member's training on rows that come piece by piece because they do not fit into memory."""
    lost, steps = 0.0, 0
    for piece in given:
        model, memory, metrics = train(learner, model, memory, piece, key, gradient)
        lost += float(metrics["loss"]) * int(piece.steps)
        steps += int(piece.steps)
    return Trained(model, memory, {"loss": np.float32(lost / max(steps, 1))})


def gather(work: Work, trained: Iterable[Trained]) -> CohortResult:
    """What members trained one by one come to together."""
    kept: list[Any] = []
    memory, losses, unfit = [], [], []
    total: Words | None = None
    weight = 0
    alike = work.learner.capabilities.parameters
    for number, (done, share) in enumerate(zip(trained, work.shares, strict=True)):
        memory.append(done.memory)
        losses.append(float(done.metrics["loss"]))
        if work.models:
            kept.append(vector_of(done.model) if alike else done.model)
        if work.total:
            try:
                words = fixed_point.encode(vector_of(done.model), share, work.form)
            except fixed_point.Overflow:
                unfit.append(number)
                continue
            total = words if total is None else total + words
            weight += share
    models = (np.stack(kept) if alike else tuple(kept)) if work.models else None
    loss = np.array(losses, np.float32)
    return CohortResult(work.like, models, total, weight, tuple(unfit), tuple(memory), loss, work.form)


def shapes_of(tree: Any) -> tuple[Any, ...]:
    """What a compiled program depends on, besides its source."""
    leaves, form = jax.tree.flatten(tree)
    return (form, *((np.shape(leaf), np.dtype(leaf.dtype).name) for leaf in leaves))


@lru_cache(PROGRAMS)
def _compiled(learner: Learner, gradient: Gradient | None, shapes: tuple[Any, ...]) -> Callable[..., Trained]:
    def train_member(model: Model, memory: Memory, given: Batches, key: Any) -> Trained:
        return learner.train(model, memory, given, jax.random.wrap_key_data(key), gradient)

    return jax.jit(train_member)


def _padded(given: Batches) -> Batches:
    """The same batches in arrays of a size for which a program is kept."""
    rows = Rows(*(None if part is None else _grown(part, bucket(len(part), ROWS)) for part in given.rows))
    index = _grown(given.index, bucket(len(given.index), STEPS), -1)
    return Batches(rows, index, np.int32(given.steps), np.int32(given.first))


def _grown(array: Any, length: int, fill: int = 0) -> Any:
    array = np.asarray(array)
    if len(array) == length:
        return array
    grown = np.full((length, *array.shape[1:]), fill, array.dtype)
    grown[: len(array)] = array
    return grown
