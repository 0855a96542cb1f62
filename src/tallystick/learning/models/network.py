"""A network as layers whose weights only ever multiply, so that gradients of single rows cost little.

A layer with weights unfolds its input into `a` [rows, *places, inputs] and computes `z = a·W + b`. With
δ = ∂loss/∂z the gradient of one row is Σ_places aᵀδ: its norm needs no gradient of its own ("ghost norm",
Goodfellow 2015; Li et al. 2022), and the clipped sum is one more product ("book-keeping", Bu et al. 2023).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import jax
import jax.numpy as jnp

from ..learner import Array, Batch, Model

PIXEL = 1 / 255  # bytes count as shares of 255
MARGIN = 1 + 1e-5  # norms are float32 sums: a row is never scaled to more than the clip

Step: TypeAlias = Callable[[Array], Array]  # a layer without weights


def whole(x: Array) -> Array:
    """All numbers of a row in one place."""
    return x.reshape(x.shape[0], math.prod(x.shape[1:]))


@dataclass(frozen=True)
class Weights:
    """A layer with weights: `outputs` sums per place over what `unfold` lays out."""

    name: str
    outputs: int
    unfold: Callable[[Array], Array] = whole  # [rows, ...] → [rows, *places, inputs]


Layers: TypeAlias = tuple[Weights | Step, ...]


def init(layers: Layers, shape: tuple[int, ...], key: Array) -> Model:
    """First weights: normal with variance 2 / inputs (He et al. 2015), zeros in a network of one layer."""
    row = jax.ShapeDtypeStruct((1, *shape), jnp.float32)
    model: Model = {}
    only = sum(isinstance(layer, Weights) for layer in layers) == 1
    for number, layer in enumerate(layers):
        if not isinstance(layer, Weights):
            row = jax.eval_shape(layer, row)
            continue
        laid = jax.eval_shape(layer.unfold, row)
        if 0 in laid.shape:
            raise ValueError(
                f"rows of shape {shape} are too small for this network: nothing reaches {layer.name}"
            )
        size = (laid.shape[-1], layer.outputs)
        scale = 0.0 if only else (2 / size[0]) ** 0.5
        model[f"{layer.name}/weight"] = scale * jax.random.normal(jax.random.fold_in(key, number), size)
        model[f"{layer.name}/bias"] = jnp.zeros(layer.outputs)
        row = jax.ShapeDtypeStruct((*laid.shape[:-1], layer.outputs), jnp.float32)
    return model


def forward(
    layers: Layers, model: Model, x: Array, shifts: Model | None = None
) -> tuple[Array, dict[str, Array]]:
    """Outputs [rows, outputs], and what each layer's weights multiplied; shifts are added to the sums z."""
    h = x.astype(jnp.float32) * PIXEL if jnp.issubdtype(x.dtype, jnp.integer) else x
    laid: dict[str, Array] = {}
    for layer in layers:
        if not isinstance(layer, Weights):
            h = layer(h)
            continue
        a = layer.unfold(h)
        z = _times(a, model[f"{layer.name}/weight"]) + model[f"{layer.name}/bias"]
        laid[layer.name] = a
        h = z if shifts is None else z + shifts[layer.name]
    return whole(h), laid


def losses(outputs: Array, y: Array) -> Array:
    """Cross-entropy of whole-number labels, squared error of a number, for each row."""
    if jnp.issubdtype(y.dtype, jnp.integer):
        chosen = jnp.take_along_axis(outputs, y[:, None], axis=1)[:, 0]
        return jax.nn.logsumexp(outputs, axis=1) - chosen
    return (outputs[:, 0] - y) ** 2


def mean(layers: Layers, model: Model, batch: Batch) -> tuple[Array, Model]:
    """The mean loss over the batch's real rows and its gradient."""

    def loss(model: Model) -> Array:
        outputs, _ = forward(layers, model, batch.x)
        return jnp.sum(losses(outputs, batch.y) * batch.mask) / jnp.maximum(jnp.sum(batch.mask), 1)

    return jax.value_and_grad(loss)(model)


def clipped_sum(layers: Layers, model: Model, batch: Batch, clip: float) -> tuple[Array, Model]:
    """The mean loss, and Σ g·min(1, clip/‖g‖) over gradients g of rows, or of a subject's rows together."""
    rows = batch.mask.shape[0]
    shapes = jax.eval_shape(lambda: _sums(layers, model, batch.x))
    shifts = {name: jnp.zeros(sums.shape) for name, sums in shapes.items()}

    def total(shifts: Model) -> tuple[Array, dict[str, Array]]:
        outputs, laid = forward(layers, model, batch.x, shifts)
        return jnp.sum(losses(outputs, batch.y) * batch.mask), laid

    (loss, laid), deltas = jax.value_and_grad(total, has_aux=True)(shifts)
    squares = [_squared_norms(_placed(laid[name]), _placed(deltas[name]), batch) for name in deltas]
    norms = jnp.sqrt(sum(squares, start=jnp.zeros(rows)))
    scale = batch.mask * jnp.minimum(1, clip / jnp.maximum(norms * MARGIN, clip))
    # A row whose gradient is not finite adds nothing; zero times infinity would.
    fit = jnp.isfinite(norms) & (batch.mask > 0)
    sums: Model = {}
    for name in deltas:
        a, delta = _placed(laid[name]), _placed(deltas[name])
        scaled = jnp.where(fit[:, None, None], delta * scale[:, None, None], 0)
        kept = jnp.where(fit[:, None, None], a, 0)
        sums[f"{name}/weight"] = jnp.einsum("rpi,rpo->io", kept, scaled)
        sums[f"{name}/bias"] = jnp.sum(scaled, axis=(0, 1))
    return loss / jnp.maximum(jnp.sum(batch.mask), 1), sums


def _times(a: Array, weight: Array) -> Array:
    # One product of two matrices: a product per row would leave most of the machine idle.
    flat = a.reshape(-1, a.shape[-1]) @ weight
    return flat.reshape(*a.shape[:-1], weight.shape[1])


def _placed(a: Array) -> Array:
    return a.reshape(a.shape[0], -1, a.shape[-1]) if a.ndim > 2 else a[:, None, :]


def _sums(layers: Layers, model: Model, x: Array) -> dict[str, Array]:
    _, laid = forward(layers, model, x)
    return {name: _times(a, model[f"{name}/weight"]) for name, a in laid.items()}


def _squared_norms(a: Array, delta: Array, batch: Batch) -> Array:
    """For each row the squared norm of its gradient in one layer, or of its subject's."""
    rows, places, inputs = a.shape
    outputs = delta.shape[2]
    if batch.subject is not None:
        same = (batch.subject[:, None] == batch.subject[None, :]).astype(jnp.float32)
        same = same * batch.mask[:, None] * batch.mask[None, :]
        if places == 1:
            pairs = (a[:, 0] @ a[:, 0].T + 1) * (delta[:, 0] @ delta[:, 0].T) * same
            return same @ jnp.sum(pairs, axis=1)
        own = jnp.einsum("rpi,rpo->rio", a, delta).reshape(rows, -1)
        own = jnp.concatenate([own, jnp.sum(delta, axis=1)], axis=1)
        return jnp.sum((same @ own) ** 2, axis=1)
    if places == 1:
        return (jnp.sum(a**2, axis=(1, 2)) + 1) * jnp.sum(delta**2, axis=(1, 2))
    bias = jnp.sum(jnp.sum(delta, axis=1) ** 2, axis=1)
    if 2 * places * (inputs + outputs) < inputs * outputs:
        pairs = jnp.einsum("rpi,rqi->rpq", a, a) * jnp.einsum("rpo,rqo->rpq", delta, delta)
        return jnp.sum(pairs, axis=(1, 2)) + bias
    return jnp.sum(jnp.einsum("rpi,rpo->rio", a, delta) ** 2, axis=(1, 2)) + bias
