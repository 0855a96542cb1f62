"""A team of bp2p § 5 outside the ledger: who holds which rows, and the model on its way from hand to hand.

A pass is `relay`'s round: everybody once, in drawn order, each with the learner's own training. All hops of a
pass are one compiled program.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tallystick.learning.learner import Gradient, Learner

BATCH, MOST, LABELS = 128, 180, 10  # § 5.2: local batch size, rows of a member, digits
HELD_OUT = 10_000  # of the training set: settings were chosen on these rows, which no member then holds
SIDE = 28  # pixels of a digit

View = Callable[[Any], Any]  # pictures as bytes → rows of numbers


def pixels(images: Any) -> Any:
    """A picture as it is."""
    return images.reshape(len(images), SIDE * SIDE).astype(np.float32) / 255


def edges(images: Any) -> Any:
    """A picture as histograms of its gradients, of length 1. No data shaped them, so they cost no privacy."""
    from tallystick.data.pictures import LENGTH, oriented

    return oriented(images) / LENGTH


@dataclass(frozen=True, eq=False)
class Team:
    """What each member holds, padded to the largest, and the rows by which everybody is measured."""

    x: Any  # [members, MOST, numbers]
    y: Any
    counts: Any
    test: tuple[Any, Any]
    seed: int

    @property
    def members(self) -> int:
        return len(self.counts)

    def start(self, learner: Learner) -> Any:
        """The first model, which everybody knows."""
        import jax

        from tallystick.base.task import task

        plan = SimpleNamespace(task=task(["pixel"], "digit", range(LABELS), shape=self.x.shape[2:]))
        return learner.init(plan, jax.random.key(self.seed))


def team_of(members: int, seed: int, view: View = pixels, choosing: bool = False) -> Team:
    """0–180 rows each, as in the paper; `choosing` measures by held-out training rows, not the test set."""
    from tallystick.data.datasets import load
    from tallystick.data.partition import in_bins

    data = load("mnist")
    images, labels = (np.asarray(data["train"][name]) for name in ("image", "label"))
    parts = in_bins(len(labels) - HELD_OUT, members, seed)
    x, y = None, np.zeros((members, MOST), np.int32)
    for member, rows in enumerate(parts):
        seen = view(images[rows])
        x = np.zeros((members, MOST, seen.shape[1]), np.float32) if x is None else x
        x[member, : len(rows)], y[member, : len(rows)] = seen, labels[rows]
    part = data["train"] if choosing else data["test"]
    shown, truth = (np.asarray(part[name])[-HELD_OUT:] for name in ("image", "label"))
    return Team(x, y, np.array([len(rows) for rows in parts]), (view(shown), truth.astype(np.int32)), seed)


@dataclass(frozen=True, eq=False)
class Hops:
    """One pass: who was visited, and the model as each handed it on, one a row."""

    order: Any
    models: Any  # [hops, numbers]; empty where not wanted
    last: Any


def epoch_of(team: Team, number: int) -> tuple[Any, Any]:
    """Each member's rows once, shuffled, in batches of 128: [members, 2, 128], and how many are real."""
    from tallystick.learning.batches import keys_of, shuffles

    keys = keys_of((team.seed, number, member) for member in range(team.members))
    index = np.full((team.members, -(-MOST // BATCH), BATCH), -1, np.int32)
    for place, order in zip(index, shuffles(list(team.counts), BATCH, 1, keys), strict=True):
        place[: len(order)] = order
    return index, -(-team.counts // BATCH)


def all_rows(team: Team, steps: int) -> tuple[Any, Any]:
    """All of a member's rows in each of its steps, as `per_hop` protects them."""
    places = np.arange(MOST, dtype=np.int32)
    own = np.where(places < team.counts[:, None], places, -1).astype(np.int32)
    return np.repeat(own[:, None], steps, axis=1), np.where(team.counts > 0, steps, 0)


def passes(
    team: Team,
    learner: Learner,
    count: int,
    *,
    gradient: Gradient | None = None,
    steps: int = 0,
    keep: bool = False,
) -> list[Hops]:
    """The model on its way; a hop takes so many `steps` on all rows, or else one shuffled epoch."""
    import jax
    import jax.numpy as jnp

    from tallystick.learning.learner import Batches, Rows

    x, y = jnp.asarray(team.x), jnp.asarray(team.y)

    @jax.jit
    def handed_on(model: Any, order: Any, index: Any, real: Any, keys: Any) -> Any:
        def hop(model: Any, whose: Any) -> Any:
            member, key = whose
            given = Batches(Rows(x[member], y[member]), index[member], real[member])
            made = learner.train(model, (), given, key, gradient).model
            row = jnp.concatenate([made[name].ravel() for name in sorted(made)]) if keep else jnp.zeros(0)
            return made, row

        return jax.lax.scan(hop, model, (order, keys))

    chance = np.random.default_rng((team.seed, team.members))
    model, done = team.start(learner), []
    for number in range(count):
        order = chance.permutation(team.members).astype(np.int32)
        index, real = all_rows(team, steps) if steps else epoch_of(team, number)
        keys = jax.random.split(jax.random.fold_in(jax.random.key(team.seed), number), team.members)
        model, models = handed_on(model, order, index, real.astype(np.int32), keys)
        done.append(Hops(order, np.asarray(models), model))
    return done


def accuracy(learner: Learner, model: Any, test: tuple[Any, Any]) -> float:
    """The share of test rows that a model names rightly."""
    hits = np.argmax(np.asarray(learner.predict(model, test[0])), axis=1) == test[1]
    return float(hits.mean())


def accuracies(learner: Learner, rows: Sequence[Any], like: Any, test: tuple[Any, Any]) -> list[float]:
    """The same for models that were handed on, one a row."""
    from tallystick.learning.learner import model_of

    return [accuracy(learner, model_of(row, like), test) for row in rows]
