"""What the adapters share: a person's own code as a learner, its source, its seed, its rows."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import jax
import numpy as np
import numpy.typing as npt

from ..base.ids import digest
from ..base.measure import Measure
from ..base.task import Task
from ..learning.learner import Batches, Capabilities, Gradient, Learner, Memory, Model, Planned, Rows, Trained
from ..learning.measure import FLOOR

Floats = npt.NDArray[np.float32]


class BadLearner(ValueError):
    """A person's own learner is not what it has to be; the message says what is missing."""


class CannotPredict(TypeError):
    """This learner measures rows, but does not say what it predicts for each."""


class Serves(Protocol):
    """A person's code for one task, as the functions of a learner."""

    def init(self, plan: Planned, key: Any) -> Model: ...
    def remember(self, model: Model) -> Memory: ...
    def train(
        self, model: Model, memory: Memory, batches: Batches, key: Any, gradient: Gradient | None
    ) -> Trained: ...
    def predict(self, model: Model, x: Any) -> Any: ...
    def evaluate(self, model: Model, rows: Rows, measure: Measure) -> Any: ...


@dataclass(frozen=True)
class Card:
    """What a learner says of itself."""

    name: str
    version: str
    able: Capabilities
    settings: Mapping[str, str | int | float]
    needs: tuple[str, ...]
    source: bytes


def learner_of(card: Card, serve: Callable[[Task], Serves]) -> Learner:
    """The learner of code that has to know its task before it can do anything but begin."""

    def begin(plan: Planned, key: Any) -> Model:
        return serve(plan.task).init(plan, key)

    def refuse(*given: Any) -> Any:
        raise BadLearner(f"learner {card.name} has not been told its task: use what its on(task) gives")

    def bind(task: Task) -> Learner:
        served = serve(task)
        return replace(
            waiting,
            init=served.init, remember=served.remember, train=served.train, predict=served.predict,
            evaluate=served.evaluate,
        )  # fmt: skip

    waiting = Learner(
        card.name, card.version, card.able, False, begin, refuse, refuse, refuse, refuse,
        card.settings, card.needs, card.source, bind,
    )  # fmt: skip
    return waiting


def name_of(words: str) -> str:
    """A name as plans write it: small letters, digits, dots, dashes."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", words)
    plain = re.sub(r"[^a-z0-9._-]+", "-", apart.lower()).strip("-._")
    if not plain:
        raise BadLearner(f"no name can be made of {words!r}: name the learner by letters or digits")
    return plain[:48]


def source_of(own: Any) -> bytes:
    """A digest of the file in which this was written, so that a plan says which source it means."""
    module = sys.modules.get(getattr(own, "__module__", ""))
    written: tuple[Any, ...] = (module, own)
    for thing in written:
        try:
            return digest(b"source", inspect.getsource(thing).encode())
        except (OSError, TypeError):  # typed at a prompt, or not Python
            continue
    return digest(b"source", repr(own).encode())


def ensure_kind(name: str, classifies: bool, task: Task) -> None:
    """Refuse a classifier for a number, and a regressor for labels."""
    if classifies != bool(task.labels):
        needed = "a classifier" if task.labels else "a regressor"
        raise BadLearner(f"{name} cannot learn {task.target.name!r}: that takes {needed}")


def seed_of(key: Any) -> int:
    """A seed below 2^31 out of a key, of JAX or of a training."""
    if isinstance(key, jax.Array) and jax.dtypes.issubdtype(key.dtype, jax.dtypes.prng_key):
        key = jax.random.key_data(key)
    words = np.asarray(key, np.uint32).reshape(-1).tolist()
    return int(np.random.SeedSequence(words).generate_state(1)[0]) & 0x7FFFFFFF


def floats_of(x: Any) -> Floats:
    """Rows as float32; bytes count as shares of 255, as they do for every learner."""
    rows = np.asarray(x)
    whole = rows.dtype.kind in "iu"
    return rows.astype(np.float32) / np.float32(255) if whole else rows.astype(np.float32, copy=False)


def steps_of(given: Batches) -> list[npt.NDArray[np.int64]]:
    """The numbers of the rows of each step; a step of a Poisson sample may be empty."""
    index = np.asarray(given.index)[: int(given.steps)]
    return [places[places >= 0].astype(np.int64) for places in index]


def rows_taken(given: Batches) -> Rows:
    """The rows that an order names, each once, for code that shuffles by itself."""
    steps = steps_of(given)
    places = np.unique(np.concatenate(steps)) if steps else np.zeros(0, np.int64)
    return Rows(np.asarray(given.rows.x)[places], np.asarray(given.rows.y)[places])


def loss_of(predictions: Any, y: Any) -> np.float32:
    """The mean loss of these predictions: cross-entropy, or squared error of a regression; 0 of no rows."""
    if not len(y):
        return np.float32(0)
    outputs = np.asarray(predictions, np.float64)
    if outputs.ndim == 1:
        with np.errstate(over="ignore"):
            return np.float32(((outputs - np.asarray(y)) ** 2).mean())
    return np.float32(-np.log(np.clip(outputs[np.arange(len(y)), np.asarray(y)], FLOOR, 1)).mean())


def spoilt(model: Mapping[str, Any]) -> dict[str, Any]:
    """A model that says that its training came to nothing: runners name its member and never add it."""
    return {name: np.full_like(part, np.nan) for name, part in model.items()}
