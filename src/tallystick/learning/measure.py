"""What measures compute from predictions, and the ledger's integer of a value; NaN is the worst value.

A value of a regression is counted in spreads of the target (rows are standardised); `figure` turns it into
the measure's own dimension.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from ..base.measure import REGRESSING, BadMeasure, Measure, figure_of, worst
from ..base.task import Task
from .batches import ROWS, bucket

FLOOR = 1e-7  # the smallest probability that counts, so that one row cannot cost more than ln(10^7)

# predictions [rows, labels] or [rows], y [rows], mask [rows] → value
Value: TypeAlias = Callable[[jax.Array, jax.Array, jax.Array], jax.Array]


def accuracy(predictions: jax.Array, y: jax.Array, mask: jax.Array) -> jax.Array:
    """The share of rows whose most probable label is theirs."""
    hit = (jnp.argmax(predictions, axis=-1) == y).astype(jnp.float32)
    return _mean(hit, mask)


def macro_f1(predictions: jax.Array, y: jax.Array, mask: jax.Array) -> jax.Array:
    """The mean over labels, seen or predicted, of 2·hits / (seen + predicted)."""
    labels = predictions.shape[-1]
    seen = jax.nn.one_hot(y, labels) * mask[:, None]
    predicted = jax.nn.one_hot(jnp.argmax(predictions, axis=-1), labels) * mask[:, None]
    hits, both = jnp.sum(seen * predicted, axis=0), jnp.sum(seen + predicted, axis=0)
    return _mean(2 * hits / jnp.maximum(both, 1), (both > 0).astype(jnp.float32))


def auc(predictions: jax.Array, y: jax.Array, mask: jax.Array) -> jax.Array:
    """The chance that a row of a label scores above another row; the mean over labels, NaN with one label."""
    if predictions.shape[-1] == 2:
        return _ranked(predictions[:, 1], (y == 1).astype(jnp.float32), mask)
    marks = jax.nn.one_hot(y, predictions.shape[-1])
    areas = jax.vmap(_ranked, in_axes=(1, 1, None))(predictions, marks, mask)
    return _mean(jnp.nan_to_num(areas), jnp.isfinite(areas).astype(jnp.float32))


def loss_gain(predictions: jax.Array, y: jax.Array, mask: jax.Array) -> jax.Array:
    """How much lower the loss is than that of knowing nothing: a uniform guess, or the target's centre."""
    if predictions.ndim == 1:
        return _mean(y**2 - (y - predictions) ** 2, mask)
    chance = jnp.take_along_axis(predictions, y[:, None].astype(jnp.int32), axis=-1)[:, 0]
    return _mean(jnp.log(jnp.clip(chance, FLOOR, 1)), mask) + math.log(predictions.shape[-1])


def mae(predictions: jax.Array, y: jax.Array, mask: jax.Array) -> jax.Array:
    """The mean absolute error."""
    return _mean(jnp.abs(predictions - y), mask)


def rmse(predictions: jax.Array, y: jax.Array, mask: jax.Array) -> jax.Array:
    """The root of the mean squared error."""
    return jnp.sqrt(_mean((predictions - y) ** 2, mask))


VALUES: dict[str, Value] = {
    "accuracy": accuracy,
    "macro_f1": macro_f1,
    "auc": auc,
    "loss_gain": loss_gain,
    "mae": mae,
    "rmse": rmse,
}


def value_of(measure: Measure, predictions: Any, y: Any, mask: Any = None) -> jax.Array:
    """The value of these predictions; NaN where one of them is not finite or there is no row."""
    if measure.name not in VALUES:
        raise BadMeasure(f"nothing here computes {measure.name!r}; known are {', '.join(VALUES)}")
    mask = np.ones(len(y), np.float32) if mask is None else mask
    if isinstance(predictions, jax.core.Tracer) or isinstance(y, jax.core.Tracer):
        return _value(measure.name, predictions, y, mask)
    # Rows in one of few sizes, so that few programs are compiled.
    size = bucket(len(y), ROWS)
    value: jax.Array = _compiled(measure.name, *(_grown(part, size) for part in (predictions, y, mask)))
    return value


def spread_of(task: Task) -> float:
    """How much one spread of the target is in the dimension of the task's measure."""
    return float(task.target.spread) if task.measure.name in REGRESSING else 1.0


def figure(measure: Measure, value: float, spread: float = 1.0) -> int:
    """The ledger's integer of a value: clipped, in millionths of the scale; the worst if not finite."""
    scaled = float(value) * spread
    if not math.isfinite(scaled):
        return worst(measure)
    return figure_of(measure, *scaled.as_integer_ratio())


def _value(name: str, predictions: Any, y: Any, real: Any) -> jax.Array:
    rows = real.reshape(real.shape + (1,) * (predictions.ndim - 1)) > 0
    sound = jnp.all(jnp.isfinite(predictions) | ~rows)
    value = VALUES[name](jnp.where(rows, predictions, 0), y, real)
    return jnp.where(sound, value, jnp.nan)


_compiled = jax.jit(_value, static_argnums=0)


def _grown(part: Any, size: int) -> Any:
    array = np.asarray(part)
    grown = np.zeros((size, *array.shape[1:]), array.dtype)
    grown[: len(array)] = array
    return grown


def _mean(values: jax.Array, mask: jax.Array) -> jax.Array:
    count = jnp.sum(mask)
    return jnp.where(count > 0, jnp.sum(values * mask) / jnp.maximum(count, 1), jnp.nan)


def _ranked(scores: jax.Array, marks: jax.Array, mask: jax.Array) -> jax.Array:
    """Mann and Whitney's form of the area: ties count half."""
    ordered = jnp.sort(jnp.where(mask > 0, scores, jnp.inf))
    below = jnp.searchsorted(ordered, scores, side="left")
    upto = jnp.searchsorted(ordered, scores, side="right")
    ranks = (below + upto + 1).astype(jnp.float32) / 2
    ones, zeros = jnp.sum(marks * mask), jnp.sum((1 - marks) * mask)
    area = (jnp.sum(ranks * marks * mask) - ones * (ones + 1) / 2) / jnp.maximum(ones * zeros, 1)
    return jnp.where(ones * zeros > 0, area, jnp.nan)
