"""One member's way to learn: pure functions over a model of named arrays; a runner maps them over a cohort.

A learner never knows how many members there are. `train` continues from a model that it received, takes
`memory` (momentum, control variates) that is the member's own and never travels, and asks the `gradient` hook
for every step's gradient: that is where differential privacy gets inside training.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Protocol, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from ..base.measure import Measure
from ..base.task import Task

Array: TypeAlias = jax.Array
Model: TypeAlias = dict[str, Any]  # float32 arrays by name; sorted names are the order of its vector
Memory: TypeAlias = Any  # a tree of arrays; () where a learner keeps nothing
Vector: TypeAlias = npt.NDArray[np.float32]


class CannotClipPerExample(TypeError):
    """This learner does not show the gradients of single rows, so noise cannot get inside its training."""


class NotFinite(ValueError):
    """A value is NaN or infinite where only finite values may enter."""


class Planned(Protocol):
    """What a learner may know of a plan before it sees data."""

    @property
    def task(self) -> Task:
        """Columns, labels and the shape of a row."""


class Rows(NamedTuple):
    """Rows that a task's constants have standardised."""

    x: Any  # [rows, *shape] float32, or bytes that count as shares of 255
    y: Any  # [rows] the numbers of labels, or for a regression the standardised target
    subject: Any = None  # [rows] integers: whose row it is, where privacy counts subjects


class Batches(NamedTuple):
    """A member's rows and the order in which a training takes them; -1 marks an empty place."""

    rows: Rows
    index: Any  # [steps, size] integers: the rows of each step
    steps: Any  # how many steps are real; the index may be padded beyond them
    first: Any = 0  # the number of the first step, where a long training comes in pieces


class Batch(NamedTuple):
    """The rows of one step; rows whose mask is 0 are padding."""

    x: Array
    y: Array
    mask: Array
    subject: Array | None


class Trained(NamedTuple):
    """What training returns."""

    model: Model
    memory: Memory
    metrics: dict[str, Any]  # of this training: "loss", the mean over its steps


@dataclass(frozen=True)
class Loss:
    """What a learner shows a gradient hook: losses with the gradient of their mean, or of rows one by one."""

    mean: Callable[[Model, Batch], tuple[Array, Model]]
    # Sum over rows (over subjects, where a batch names them) of gradients clipped to this L2 norm.
    clipped_sum: Callable[[Model, Batch, float], tuple[Array, Model]]


Gradient: TypeAlias = Callable[[Loss, Model, Batch, Array], tuple[Array, Model]]


@dataclass(frozen=True)
class Capabilities:
    """What a learner can do; presets say what they need."""

    parameters: bool  # models of one task have one shape and may be averaged
    continues: bool  # training goes on from a received model
    per_example_gradients: bool  # gradients of single rows can be clipped inside training
    predictions: bool  # predictions of several members' models may be averaged


@dataclass(frozen=True)
class Learner:
    """A way to learn, for one member."""

    name: str
    version: str
    capabilities: Capabilities
    traced: bool  # its functions are JAX functions: runners may compile them
    init: Callable[[Planned, Any], Any]  # plan, key → model
    remember: Callable[[Any], Memory]  # model → the memory of a member that starts
    train: Callable[[Any, Memory, Batches, Any, Gradient | None], Trained]
    predict: Callable[[Any, Any], Any]  # model, x → probabilities [rows, labels], or values [rows]
    evaluate: Callable[[Any, Rows, Measure], Any]  # model, rows, measure → value
    settings: Mapping[str, str | int | float] = field(default_factory=dict, compare=False)
    needs: tuple[str, ...] = ()  # ranges of the packages that it uses, such as torch>=2.4
    source: bytes = b""  # a digest of a person's own source
    bind: Callable[[Task], Learner] | None = field(default=None, compare=False)

    def on(self, task: Task) -> Learner:
        """The same learner, told its task: one that others wrote builds its network from it."""
        return self if self.bind is None else replace(self.bind(task), source=self.source)


def take(batches: Batches, step: Any) -> Batch:
    """The rows of one step."""
    places = batches.index[step]
    mask = (places >= 0).astype(jnp.float32)
    places = jnp.maximum(places, 0)
    subject = batches.rows.subject
    return Batch(
        batches.rows.x[places],
        batches.rows.y[places],
        mask,
        None if subject is None else subject[places],
    )


def plain(loss: Loss, model: Model, batch: Batch, key: Array) -> tuple[Array, Model]:
    """The gradient hook without privacy: the mean over the rows of the step."""
    return loss.mean(model, batch)


def clipped(clip: float, expected: float, noise: Callable[[Model, Array], Model]) -> Gradient:
    """The gradient hook of DP-SGD (Abadi et al. 2016, Algorithm 1): clip each row's gradient, sum, add noise.

    Where batches name subjects, a subject's rows are clipped together. The sum is divided by `expected`, the
    expected size of a Poisson batch and not the drawn one, which is private. `noise` comes from `privacy/`.
    """
    if not (0 < clip < float("inf") and 0 < expected < float("inf")):
        raise ValueError(f"clip {clip} and expected batch {expected} must be finite and above 0")

    def gradient(loss: Loss, model: Model, batch: Batch, key: Array) -> tuple[Array, Model]:
        value, total = loss.clipped_sum(model, batch, clip)
        return value, {name: part / expected for name, part in noise(total, key).items()}

    return gradient


def ensure_no_gradient(name: str, gradient: Gradient | None) -> None:
    """What a learner calls that cannot show the gradients of single rows."""
    if gradient is not None:
        raise CannotClipPerExample(
            f"learner {name} does not show gradients of single rows: clip and noise its whole update instead"
        )


def vector_of(model: Mapping[str, Any]) -> Vector:
    """All numbers of a model in one row, names in sorted order."""
    return np.concatenate([np.asarray(model[name], np.float32).ravel() for name in sorted(model)])


def model_of(vector: Any, like: Mapping[str, Any]) -> dict[str, Any]:
    """The model whose numbers stand in this row, with the names and shapes of another."""
    if len(vector) != size_of(like):
        raise ValueError(f"a vector of {len(vector)} numbers is no model of {size_of(like)}")
    parts, start = {}, 0
    for name in sorted(like):
        size = math.prod(like[name].shape)
        parts[name] = vector[start : start + size].reshape(like[name].shape)
        start += size
    return parts


def size_of(model: Mapping[str, Any]) -> int:
    """How many numbers a model has."""
    return sum(math.prod(part.shape) for part in model.values())


def ensure_finite(values: Any, what: str) -> None:
    """Refuse NaN and infinity."""
    if not np.isfinite(np.asarray(values)).all():
        raise NotFinite(f"{what} holds NaN or infinite values")
