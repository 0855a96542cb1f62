"""A way to train is attacked: what its accountant says stands beside what attackers find.

Membership after Carlini et al. 2022 (LiRA), each of several models once the target and the others its
shadows; the bound after Steinke, Nasr, Jagielski 2023, from one run on canaries of which a coin chose half;
rows out of a first layer's gradient after Phong et al. 2018.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..base.events import Event, SubsampledGaussian
from ..base.task import task
from ..learning.batches import Order, batches, keys_of, widened
from ..learning.cohort import Cohort, Work, train
from ..learning.learner import Gradient, Learner, Model, Rows, clipped, model_of
from ..learning.models.network import Layers, Weights
from ..learning.models.neural import HEAD, neural
from ..learning.scan import scan
from .accounting import Total, total
from .audit import (
    MembershipScores,
    invert_first_layer,
    likelihood_ratio,
    log_odds,
    membership,
    one_run,
    recovered,
)
from .clipping import Floats
from .hooks import simulated_noise
from .mechanisms import NANO
from .randomness import Words, seeded
from .training import poisson_batches

CANARIES = 5_000
LOUD = 10.0  # a canary's size: far more than any clip lets through
SHARES = (0.01, 0.04, 0.15)  # of the canaries that are guessed
HANDFUL, HANDFULS = 8, 8  # rows in a step that is to be inverted, and how many such steps are


@dataclass(frozen=True, eq=False)
class Way:
    """How a member trains, and what it says that this costs a record."""

    stated: str
    gradient: Callable[[int], Gradient | None]  # rows → the hook
    order: Callable[[int, Words], Order]  # rows → which of them each step takes
    events: tuple[Event, ...] = ()  # none where no privacy is promised
    delta: float = 1e-5

    @property
    def theory(self) -> Total | None:
        """The accountant's figure for one record."""
        return total(self.events, self.delta, "record") if self.events else None


@dataclass(frozen=True, eq=False)
class Findings:
    """What attackers found."""

    theory: Total | None
    bound: float  # epsilon is at least this, at 95 % confidence, at the way's delta
    canaries: int
    members: MembershipScores
    scores: Floats  # of every row under every target: what `members` and a curve are made of
    inside: Any
    recovered: float  # share of rows that a step's gradient gave away
    accuracy: float  # of the models under attack, on rows that they had not seen

    @property
    def sound(self) -> bool:
        """Whether the bound leaves the theory standing; without a theory there is nothing to break."""
        return self.theory is None or self.bound <= self.theory.epsilon


def dp_sgd(sigma_milli: int, rate: float, steps: int, *, clip: float = 1.0, delta: float = 1e-5) -> Way:
    """DP-SGD as members do it: Poisson samples, each row's gradient clipped, Gaussian noise."""
    rate_nano = round(rate * NANO)

    @cache
    def gradient(rows: int) -> Gradient:
        return clipped(clip, max(1.0, rows * rate), simulated_noise(clip, sigma_milli))

    return Way(
        f"DP-SGD, σ = {sigma_milli / 1000:g}",
        gradient,
        lambda rows, words: widened(poisson_batches(rows, rate_nano, steps, words)),
        (SubsampledGaussian(rate_nano, sigma_milli, steps),),
        delta,
    )


def unprotected(rate: float, steps: int, *, delta: float = 1e-5) -> Way:
    """The same samples, neither clipped nor noised."""
    rate_nano = round(rate * NANO)
    return Way(
        "without privacy",
        lambda rows: None,
        lambda rows, words: widened(poisson_batches(rows, rate_nano, steps, words)),
        (),
        delta,
    )


def probe(
    way: Way,
    learner: Learner,
    rows: Rows,
    labels: int,
    seed: int,
    shadows: int = 16,
    canaries: int = CANARIES,
) -> Findings:
    """All three attacks on one way to train; the learner's first layer is dense, and these are its rows."""
    scores, inside, accuracy = memberships(way, learner, rows, labels, seed, shadows)
    return Findings(
        theory=way.theory,
        bound=bound(way, seed, canaries),
        canaries=canaries,
        members=membership(scores, inside),
        scores=scores,
        inside=inside,
        recovered=recovery(way, learner, rows, labels, seed),
        accuracy=accuracy,
    )


def bound(way: Way, seed: int, canaries: int = CANARIES) -> float:
    """Epsilon is at least this: canaries that each own an input, half of them by a coin, one training.

    A softmax regression learns them by the way's own sampling, clipping and noise. What a canary added lies
    in weights that no other row moves.
    """
    words = seeded("canaries", seed)
    included = words(canaries) % np.uint64(2) == 0
    chosen = np.flatnonzero(included)
    rows = Rows(chosen.astype(np.float32)[:, None], np.zeros(len(chosen), np.int32))
    learner = _canary_learner(canaries)
    start = _start(learner, 1, 2, seed)
    given = batches(rows, way.order(len(chosen), words))
    key = keys_of([("canaries", seed)])[0]
    done = train(learner, start, (), given, key, way.gradient(len(chosen)))
    moved = np.asarray(done.model[f"{HEAD}/weight"], np.float64)
    if not np.isfinite(moved).all():
        raise ValueError("training on canaries gave no finite model: there is nothing to guess from")
    return one_run(moved[:, 0] - moved[:, 1], included, way.delta, shares=SHARES)


def memberships(
    way: Way, learner: Learner, rows: Rows, labels: int, seed: int, shadows: int
) -> tuple[Floats, Any, float]:
    """LiRA's scores of every row under each of `shadows` + 1 models, and whether the model had seen it.

    Every row is in the training of half of the models; each model is once the target. Last, the accuracy on
    unseen rows.
    """
    count, models = len(rows.y), shadows + 1
    chance = np.random.default_rng(seed)
    inside = chance.permuted(np.tile(np.arange(models)[:, None] < models / 2, (1, count)), axis=0)
    cohort = Cohort(tuple(Rows(rows.x[own], rows.y[own]) for own in inside))
    drawn = [way.order(size, seeded("shadow", seed, number)) for number, size in enumerate(cohort.counts)]
    width = max(order.shape[1] for order in drawn)
    orders = tuple(
        np.pad(order, ((0, 0), (0, width - order.shape[1])), constant_values=-1) for order in drawn
    )
    start = _start(learner, rows.x.shape[1], labels, seed)
    keys = keys_of(("shadow", seed, number) for number in range(models))
    work = Work(learner, cohort, start, start, orders, keys, gradient=way.gradient(count // 2), models=True,
                total=False)  # fmt: skip
    trained = np.asarray(scan()(work).models)
    outputs = np.stack([np.asarray(learner.predict(model_of(model, start), rows.x)) for model in trained])
    right = np.argmax(outputs, axis=2) == rows.y
    odds = log_odds(outputs[:, np.arange(count), rows.y])
    scores = np.stack([
        likelihood_ratio(odds[model], np.delete(odds, model, axis=0), np.delete(inside, model, axis=0))
        for model in range(models)
    ])  # fmt: skip
    return scores.ravel(), inside.ravel(), float(right[~inside].mean())


def recovery(way: Way, learner: Learner, rows: Rows, labels: int, seed: int) -> float:
    """The share of rows that somebody reads out of what one step of a handful of rows moved."""
    start = _start(learner, rows.x.shape[1], labels, seed)
    dense = [name for name, part in start.items() if part.ndim == 2 and len(part) == rows.x.shape[1]]
    first = min(dense, key=lambda name: name.startswith(HEAD))  # a hidden layer may be as wide as a row
    gradient = way.gradient(HANDFUL)
    drawn = np.random.default_rng(seed).permutation(len(rows.y))[: HANDFUL * HANDFULS].reshape(-1, HANDFUL)
    recoveries = []
    for number, own in enumerate(drawn):
        given = batches(Rows(rows.x[own], rows.y[own]), np.arange(HANDFUL, dtype=np.int32)[None])
        done = train(learner, start, (), given, keys_of([("recovery", seed, number)])[0], gradient)
        weights, bias = (
            np.asarray(start[name], np.float64) - done.model[name]
            for name in (first, first.replace("weight", "bias"))
        )
        recoveries.append(recovered(invert_first_layer(weights, bias), rows.x[own]))
    return float(np.mean(recoveries))


@cache
def _canary_learner(canaries: int) -> Learner:
    """Softmax regression on rows that are numbers: each number is an input of its own."""

    def loud(x: Any) -> Any:
        return LOUD * jax.nn.one_hot(x[:, 0].astype(jnp.int32), canaries)

    def layers(outputs: int) -> Layers:
        return (loud, Weights(HEAD, outputs))

    return neural("canaries", layers, 0.1, "sgd", {"canaries": canaries})


def _start(learner: Learner, inputs: int, labels: int, seed: int) -> Model:
    columns = [f"x{number}" for number in range(inputs)]
    plan = SimpleNamespace(task=task(columns, "y", range(labels)))
    made: Model = jax.tree.map(np.asarray, learner.init(plan, jax.random.key(seed)))
    return made
