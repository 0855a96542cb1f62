"""The two algorithms beside which bpcv's fig. 7 stands, on members' rows that are padded to one length.

FedPAGE (Zhao, Li, Richtárik 2021) and Overlap-FedAvg (Zhou, Ye, Lv 2022), written from their descriptions; in
every round all members take part.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from tallystick.learning.learner import Learner

Tree = Any  # a model, or a gradient of the same shape


class Held(NamedTuple):
    """All members' rows; a mask of 0 marks a row that is not trained on."""

    x: Any  # [members, rows, numbers]
    y: Any
    mask: Any


@cache
def page(learner: Learner, rate: float, steps: int, size: int, often: float = 0.2) -> Any:
    """FedPAGE: a large gradient with probability `often`, else the last one as a small batch changes it.

    The same recursion goes on within each member's local steps (algorithm 1 of the paper).
    """
    slope = _slope(learner)

    def member(start: Tree, first: Tree, rows: Held, key: Any) -> Tree:
        def step(number: Any, state: tuple[Tree, Tree, Tree]) -> tuple[Tree, Tree, Tree]:
            before, now, gradient = state
            batch = _batch(rows, jax.random.fold_in(key, number), size)
            new, old = slope(now, batch), slope(before, batch)
            gradient = jax.tree.map(lambda g, a, b: g + a - b, gradient, new, old)
            return now, _moved(now, gradient, -rate), gradient

        moved = _moved(start, first, -rate)
        return jax.lax.fori_loop(1, steps, step, (start, moved, first))[1]

    @jax.jit
    def round_(state: tuple[Tree, Tree, Tree], rows: Held, key: Any) -> tuple[Tree, Tree, Tree]:
        """The model, the one before it, and the gradient kept of it → the same a round later."""
        now, before, kept = state
        coin, small, local = jax.random.split(key, 3)
        whole = _mean(jax.vmap(slope, (None, 0))(now, rows))
        batches = jax.vmap(lambda own, k: _batch(own, k, size))(rows, jax.random.split(small, len(rows.y)))
        new, old = (_mean(jax.vmap(slope, (None, 0))(model, batches)) for model in (now, before))
        large = jax.random.uniform(coin) < often
        gradient = jax.tree.map(lambda w, g, a, b: jnp.where(large, w, g + a - b), whole, kept, new, old)
        keys = jax.random.split(local, len(rows.y))
        moved = jax.vmap(member, (None, None, 0, 0))(now, gradient, rows, keys)
        return _mean(moved), now, gradient

    return round_


@cache
def overlap(
    learner: Learner, rate: float, steps: int, size: int, momentum: float = 0.5, mend: float = 0.2
) -> Any:
    """Overlap-FedAvg: members train on while models travel, so that steps arrive a round late.

    A late step is mended by its own square times the way gone since (Taylor's expansion with the gradient's
    square for the Hessian), and taken with Nesterov's momentum.
    """
    slope = _slope(learner)

    def member(start: Tree, rows: Held, key: Any) -> Tree:
        def step(number: Any, model: Tree) -> Tree:
            batch = _batch(rows, jax.random.fold_in(key, number), size)
            return _moved(model, slope(model, batch), -rate)

        return jax.lax.fori_loop(0, steps, step, start)

    @jax.jit
    def round_(state: tuple[Tree, Tree, Tree], rows: Held, key: Any) -> tuple[Tree, Tree, Tree]:
        """The model, the one that members still have, and the velocity → the same a round later."""
        now, stale, velocity = state
        trained = _mean(jax.vmap(member, (None, 0, 0))(stale, rows, jax.random.split(key, len(rows.y))))
        late = jax.tree.map(lambda a, b: a - b, trained, stale)
        mended = jax.tree.map(lambda d, a, b: d - mend * d * d / rate * (a - b), late, now, stale)
        velocity = jax.tree.map(lambda v, d: momentum * v + (1 - momentum) * d, velocity, mended)
        ahead = jax.tree.map(lambda v, d: momentum * v + (1 - momentum) * d, velocity, mended)
        return _moved(now, ahead, 1.0), now, velocity

    return round_


def _slope(learner: Learner) -> Any:
    """The gradient of the mean cross-entropy over a member's unmasked rows."""

    def loss(model: Tree, rows: Held) -> Any:
        predicted = jnp.take_along_axis(learner.predict(model, rows.x), rows.y[:, None], axis=1)[:, 0]
        return -jnp.sum(jnp.log(predicted + 1e-12) * rows.mask) / jnp.maximum(jnp.sum(rows.mask), 1)

    return jax.grad(loss)


def _batch(rows: Held, key: Any, size: int) -> Held:
    """So many of the rows that are trained on, drawn without repetition."""
    order = jax.random.uniform(key, rows.mask.shape) - rows.mask
    chosen = jnp.argsort(order)[:size]
    return Held(rows.x[chosen], rows.y[chosen], rows.mask[chosen])


def _moved(model: Tree, way: Tree, far: float) -> Tree:
    return jax.tree.map(lambda part, step: part + far * step, model, way)


def _mean(models: Tree) -> Tree:
    return jax.tree.map(lambda part: part.mean(axis=0), models)
