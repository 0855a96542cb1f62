"""scikit-learn's estimators as learners: step by step with all labels known, or forests, fitted anew.

An estimator that has `partial_fit` keeps parameters of one shape at every member, because the task's label
set is closed. A forest is fitted anew in each training and travels as validated arrays: only its predictions
can be averaged.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone, is_classifier

from ..base.measure import Measure
from ..base.task import Task
from ..learning.learner import (
    Batches,
    Capabilities,
    Gradient,
    Learner,
    Memory,
    Model,
    Planned,
    Rows,
    Trained,
    ensure_no_gradient,
)
from ..learning.measure import value_of
from . import own
from .sklearn_trees import TREES, Trees

NEEDS = ("scikit-learn>=1.6",)
LINEAR, LAYERS = ("coef_", "intercept_"), ("coefs_", "intercepts_")
RAN_AWAY = ("overflow", "non-finite")  # how scikit-learn says that weights are no longer numbers
CAN = "take one with partial_fit and coef_ or coefs_, such as SGDClassifier or MLPClassifier, or one of"


def learner(estimator: Any, name: str = "", version: str = "1", needs: Sequence[str] = NEEDS) -> Learner:
    """The learner of an estimator that is not fitted yet, such as `SGDClassifier(loss="log_loss")`.

    Its settings are kept, but `random_state` follows the key of each training, epochs and batches are the
    plan's, and a momentum starts anew in each training.
    """
    kind = type(estimator).__name__
    forest = kind in TREES
    if not forest:
        _ensure_steps(estimator, kind)
    called = name or own.name_of(kind)
    chosen = {key: str(value) for key, value in sorted(estimator.get_params().items()) if value is not None}
    able = Capabilities(
        parameters=not forest, continues=not forest, per_example_gradients=False, predictions=True
    )
    card = own.Card(called, version, able, chosen, tuple(needs), own.source_of(type(estimator)))
    return own.learner_of(card, lambda task: (Trees if forest else Steps)(estimator, called, task))


def _ensure_steps(estimator: Any, kind: str) -> None:
    """Refuse what cannot go on from a model, or has no parameters of which a mean could be taken."""
    can = f"{CAN} {', '.join(TREES)}"
    if not callable(getattr(estimator, "partial_fit", None)):
        raise own.BadLearner(f"{kind} with these settings cannot go on from a model: {can}")
    if estimator.get_params().get("average"):
        raise own.BadLearner(
            f"{kind} averages its steps by itself, which hides where to go on: say average=False"
        )
    try:
        tried = begun(estimator, 2, 1, 0)
    except ValueError as error:
        raise own.BadLearner(f"{kind} with these settings takes no steps: {error}") from None
    if not any(hasattr(tried, name) for name in (LINEAR[0], LAYERS[0])):
        raise own.BadLearner(f"{kind} has no parameters of which a mean could be taken: {can}")


def begun(estimator: Any, labels: int, features: int, seed: int) -> Any:
    """A copy of the estimator that has seen one empty row of each label: all its arrays have their shapes."""
    made = clone(estimator)
    if "random_state" in made.get_params():
        made.set_params(random_state=seed)
    count = max(labels, 2)
    rows, targets = np.zeros((count, features)), np.arange(count) % max(labels, 1)
    with quiet():
        if is_classifier(made):
            made.partial_fit(rows, targets, classes=np.arange(labels))
        else:
            made.partial_fit(rows, targets.astype(np.float64))
    vars(made).pop("_optimizer", None)  # the momentum of that first step
    made.t_ = getattr(made, "t_", count) - count
    return made


@dataclass(frozen=True, eq=False)
class Steps:
    """An estimator that learns batch by batch, for one task."""

    estimator: Any
    name: str
    task: Task

    def init(self, plan: Planned, key: Any) -> Model:
        """Weights of 0, or for layers those that the estimator draws."""
        made = self._begun(own.seed_of(key))
        layers = hasattr(made, LAYERS[0])
        return {name: part if layers else np.zeros_like(part) for name, part in parameters_of(made).items()}

    def remember(self, model: Model) -> Memory:
        return {"seen": np.zeros((), np.int64)}  # rows so far: learning rates that fall count them

    def train(
        self, model: Model, memory: Memory, batches: Batches, key: Any, gradient: Gradient | None
    ) -> Trained:
        """One `partial_fit` for each batch."""
        ensure_no_gradient(self.name, gradient)
        steps = [places for places in own.steps_of(batches) if len(places)]
        taken = own.rows_taken(batches)
        metrics: Any = {"loss": np.float32(0)}
        if not steps:
            return Trained(model, memory, metrics)
        made = self._loaded(model, own.seed_of(key), int(memory["seen"]))
        try:
            with quiet():
                for places in steps:
                    made.partial_fit(flat(batches.rows.x[places]), np.asarray(batches.rows.y)[places])
        except ValueError as error:
            if np.isfinite(flat(taken.x)).all() and not any(word in str(error) for word in RAN_AWAY):
                raise
            return Trained(own.spoilt(model), memory, {"loss": np.float32("nan")})
        trained = parameters_of(made)
        metrics["loss"] = own.loss_of(self.predict(trained, taken.x), taken.y)
        seen = memory["seen"] + sum(map(len, steps))
        return Trained(trained, {"seen": np.asarray(seen)}, metrics)

    def predict(self, model: Model, x: Any) -> Any:
        """Probabilities [rows, labels], or values [rows]; NaN for a row that is not finite.

        An estimator without probabilities says how far a row lies on each label's side, through a softmax.
        """
        rows = flat(x)
        bad = ~np.isfinite(rows).all(axis=1)
        made = self._loaded(model, 0, 0)
        labels = len(self.task.labels)
        if not len(rows):
            return np.zeros((0, labels) if labels else 0)
        with quiet(), np.errstate(all="ignore"):
            outputs = predictions_of(made, np.where(bad[:, None], 0, rows), labels)
        outputs[bad] = np.nan
        return outputs

    def evaluate(self, model: Model, rows: Rows, measure: Measure) -> Any:
        return value_of(measure, self.predict(model, rows.x), rows.y)

    def _begun(self, seed: int) -> Any:
        own.ensure_kind(self.name, is_classifier(self.estimator), self.task)
        return begun(self.estimator, len(self.task.labels), int(np.prod(self.task.shape)), seed)

    def _loaded(self, model: Model, seed: int, seen: int) -> Any:
        made = self._begun(seed)
        for name, part in model.items():
            whole, _, place = name.partition(".")
            given = np.array(part, np.float64)
            if place:
                getattr(made, whole)[int(place)] = given
            else:
                setattr(made, whole, given)
        made.t_ += seen
        return made


def parameters_of(made: Any) -> Model:
    """The arrays by name; layers are numbered."""
    if hasattr(made, LAYERS[0]):
        parts = {f"{name}.{place}": part for name in LAYERS for place, part in enumerate(getattr(made, name))}
    else:
        parts = {name: getattr(made, name) for name in LINEAR}
    with np.errstate(over="ignore"):  # what has run away is infinite, and is named for it
        return {name: np.array(part, np.float32) for name, part in parts.items()}


def predictions_of(made: Any, rows: Any, labels: int) -> Any:
    """Probabilities, or values of a regression."""
    if not labels:
        return np.asarray(made.predict(rows), np.float64)
    if hasattr(made, "predict_proba"):
        return np.asarray(made.predict_proba(rows), np.float64)
    sides = np.asarray(made.decision_function(rows), np.float64)
    sides = np.stack([-sides / 2, sides / 2], axis=1) if sides.ndim == 1 else sides
    shares = np.exp(sides - sides.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)


def flat(x: Any) -> Any:
    """Rows as the 64-bit table that an estimator takes."""
    rows = own.floats_of(x).astype(np.float64)
    return rows.reshape(len(rows), -1) if len(rows) else rows.reshape(0, int(np.prod(rows.shape[1:])))


@contextmanager
def quiet() -> Iterator[None]:
    """Without scikit-learn's remarks about convergence, of which single steps cannot say anything."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        yield
