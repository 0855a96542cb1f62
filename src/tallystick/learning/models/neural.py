"""A learner made of a network and an optimiser."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import optax

from ...base.measure import Measure
from ..learner import (
    Array,
    Batches,
    Capabilities,
    Gradient,
    Learner,
    Loss,
    Memory,
    Model,
    Planned,
    Rows,
    Trained,
    plain,
    take,
)
from ..measure import value_of
from . import network

HEAD = "head"  # the name of the last layer: its outputs are the labels, or the one number of a regression

Optimiser: TypeAlias = optax.GradientTransformation

OPTIMISERS: dict[str, Callable[[float], Optimiser]] = {
    "momentum": lambda rate: optax.sgd(rate, momentum=0.9),
    "nesterov": lambda rate: optax.sgd(rate, momentum=0.9, nesterov=True),
    "adam": optax.adam,
    "adamw": optax.adamw,
    "rmsprop": optax.rmsprop,
}


def neural(
    name: str,
    layers: Callable[[int], network.Layers],
    rate: float,
    optimiser: str | Optimiser,
    settings: Mapping[str, str | int | float],
) -> Learner:
    """The learner that trains these layers, given how many outputs the last one has."""
    chosen = _chosen(optimiser, rate)

    def loss_of(model: Model) -> Loss:
        made = layers(model[f"{HEAD}/bias"].shape[0])
        return Loss(
            lambda model, batch: network.mean(made, model, batch),
            lambda model, batch, clip: network.clipped_sum(made, model, batch, clip),
        )

    def init(plan: Planned, key: Array) -> Model:
        return network.init(layers(len(plan.task.labels) or 1), plan.task.shape, key)

    def remember(model: Model) -> Memory:
        return () if chosen is None else chosen.init(model)

    def train(
        model: Model, memory: Memory, batches: Batches, key: Array, gradient: Gradient | None = None
    ) -> Trained:
        hook, loss = gradient or plain, loss_of(model)

        def step(number: Array, state: tuple[Model, Memory, Array]) -> tuple[Model, Memory, Array]:
            model, memory, total = state
            turn = jax.random.fold_in(key, batches.first + number)
            value, slope = hook(loss, model, take(batches, number), turn)
            if chosen is None:
                model = {part: model[part] - rate * slope[part] for part in model}
            else:
                change, memory = chosen.update(slope, memory, model)
                model = optax.apply_updates(model, change)
            return model, memory, total + value

        model, memory, total = jax.lax.fori_loop(0, batches.steps, step, (model, memory, jnp.float32(0)))
        return Trained(model, memory, {"loss": total / jnp.maximum(batches.steps, 1)})

    @jax.jit
    def predict(model: Model, x: Any) -> Array:
        outputs, _ = network.forward(layers(model[f"{HEAD}/bias"].shape[0]), model, x)
        return outputs[:, 0] if outputs.shape[1] == 1 else jax.nn.softmax(outputs, axis=1)

    def evaluate(model: Model, rows: Rows, measure: Measure) -> Array:
        return value_of(measure, predict(model, rows.x), rows.y)

    how = {"rate": rate, "optimiser": optimiser if isinstance(optimiser, str) else "custom", **settings}
    able = Capabilities(parameters=True, continues=True, per_example_gradients=True, predictions=True)
    return Learner(name, "1", able, True, init, remember, train, predict, evaluate, how)


def _chosen(optimiser: str | Optimiser, rate: float) -> Optimiser | None:
    """The optimiser of this name; None for plain gradient descent, which needs no memory."""
    if not isinstance(optimiser, str):
        return optimiser
    if not 0 < rate < float("inf"):
        raise ValueError(f"a learning rate is finite and above 0, not {rate}")
    if optimiser == "sgd":
        return None
    if optimiser not in OPTIMISERS:
        raise ValueError(f"there is no optimiser {optimiser!r}; choose one of sgd, {', '.join(OPTIMISERS)}")
    return OPTIMISERS[optimiser](rate)
