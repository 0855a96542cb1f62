"""How privacy gets into training: a gradient hook, the order of batches, and the event that they cost.

GD-DP (bpcv eq. 1-4) and noise at every hop (bp2p eq. 5), in their sound forms (errata 4 and 5) and, for
figures only, as printed. What the ledger charges when a phase opens is the event that the hook carries out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from ...base.events import Event, Gaussian, SubsampledGaussian, within
from ...learning.batches import Order, widened
from ...learning.learner import Array, Batch, Gradient, Loss, Model, Rows, Vector, clipped
from ...ledger.rules import EventRule, dearest
from ...privacy import mechanisms, training
from ...privacy.accounting import sigma_for
from ...privacy.hooks import Noise, simulated_noise, system_noise
from ...privacy.mechanisms import NANO
from ...privacy.printed import mutual_as_printed
from ...privacy.randomness import Words
from ..vocabulary import Unfit

Hook = Callable[[Event, bool], Gradient | None]  # a member's event, whether it is simulated → its hook


@dataclass(frozen=True, eq=False)
class Protection:
    """What a member does so that its post costs its rows no more than the event that the ledger charges."""

    rule: EventRule  # the range within which a member chooses its own event
    hook: Hook
    order: Callable[[Event, Rows, Words], Order] | None = None  # shuffled epochs of the plan where None
    update: Callable[[Event, Vector, Vector, Words], Vector] | None = None  # event, start, trained → released
    needs: tuple[str, ...] = ("per_example_gradients",)

    def chosen(self, own: Event | None) -> Event:
        """The member's own event, or what the ledger charges whoever names none: the dearest."""
        if own is None:
            return dearest(self.rule)
        if not within(own, self.rule.least, self.rule.most):
            raise Unfit(f"the event {own} is outside the range from {self.rule.least} to {self.rule.most}")
        return own

    def rows(self, rows: Rows) -> Rows:
        """The rows as they are clipped: a subject's together, or each by itself.

        A record could turn its subject's clipped gradient around, which is twice the change of its own.
        """
        if self.rule.protects == "subject" and rows.subject is None:
            raise Unfit("to protect subjects, training rows must say whose they are")
        return (
            rows if self.rule.protects == "subject" or rows.subject is None else rows._replace(subject=None)
        )


def dp_sgd(
    epsilon: float,
    delta: float,
    *,
    rounds: int,
    smallest: int,
    batch: int = 32,
    steps: int = 0,
    clip: float = 1.0,
    protects: Literal["record", "subject"] = "record",
    noisier: int = 1,
) -> Protection:
    """DP-SGD on Poisson samples: all rounds together cost (epsilon, delta) for one record, or one subject.

    Samples hold `batch` records (subjects) on average. `smallest` is how many the smallest member has: it
    draws at the highest rate, larger ones at a lower one. `steps` a round; an epoch of the smallest where 0.
    A member may choose up to `noisier` times the noise, fewer steps, a lower rate, and is charged for that.
    """
    if not (1 <= batch <= smallest and rounds >= 1 and steps >= 0 and noisier >= 1):
        raise Unfit(f"batches of {batch} of {smallest} rows, {rounds} rounds of {steps} steps: no training")
    rate = min(NANO, -(-NANO * batch // smallest))
    often = steps or -(-smallest // batch)
    sigma = sigma_for(epsilon, delta, steps=rounds * often, rate_nano=rate)
    least = SubsampledGaussian(1, sigma, 1 if noisier > 1 else often)
    rule = EventRule(protects, least, SubsampledGaussian(rate, noisier * sigma, often))

    @cache
    def noised(sigma_milli: int, simulated: bool) -> Gradient:
        if simulated:
            noise: Noise = simulated_noise(clip, sigma_milli)
        else:
            noise = system_noise(training.dp_sgd(clip, rate, sigma_milli, steps=often))
        return clipped(clip, batch, noise)

    def order(event: Event, rows: Rows, words: Words) -> Order:
        if not isinstance(event, SubsampledGaussian):
            raise Unfit(f"{event} is no event of DP-SGD")
        whose = (
            np.arange(len(rows.y))
            if protects == "record"
            else np.unique(rows.subject, return_inverse=True)[1]
        )
        count = int(whose.max()) + 1 if len(whose) else 0
        # Never above the rate that is charged; at the hook's own batch size if the member has more.
        own = min(event.rate_nano, max(1, NANO * batch // max(1, count)))
        drawn = training.poisson_batches(count, own, event.steps, words)
        return _sampled(whose, drawn, len(whose) * own / NANO)

    return Protection(rule, lambda event, simulated: noised(_sigma(event), simulated), order)


def per_hop(
    epsilon: float,
    delta: float,
    *,
    rounds: int,
    steps: int = 10,
    clip: float = 1.0,
    noisier: int = 1,
    usual: int = 0,
) -> Protection:
    """Gaussian noise at every hop (bp2p eq. 5, erratum 4): steps on all rows; protects the holder's records.

    A sum over all rows may be divided by their number: how many rows a unit has is on the ledger. Divided by
    the `usual` number instead, a hop with few rows moves the model less, and so does its noise.
    """
    sigma = sigma_for(epsilon, delta, steps=rounds * steps)
    rule = EventRule("record", Gaussian(sigma, 1 if noisier > 1 else steps), Gaussian(noisier * sigma, steps))

    @cache
    def noised(sigma_milli: int, simulated: bool) -> Gradient:
        if simulated:
            noise: Noise = simulated_noise(clip, sigma_milli)
        else:
            noise = system_noise(training.hop(clip, sigma_milli, steps=steps))

        def gradient(loss: Loss, model: Model, batch: Batch, key: Array) -> tuple[Array, Model]:
            value, total = loss.clipped_sum(model, batch, clip)
            rows = usual or jnp.maximum(jnp.sum(batch.mask), 1)
            return value, {name: part / rows for name, part in noise(total, key).items()}

        return gradient

    def order(event: Event, rows: Rows, words: Words) -> Order:
        often = event.steps if isinstance(event, Gaussian) else steps
        return widened(np.tile(np.arange(len(rows.y), dtype=np.int32), (often, 1)))

    return Protection(rule, lambda event, simulated: noised(_sigma(event), simulated), order)


def noised_update(epsilon: float, delta: float, *, rounds: int, bound: float) -> Protection:
    """The whole update clipped to L2 norm `bound` and noised: protects a member, whatever its learner is."""
    sigma = sigma_for(epsilon, delta, steps=rounds)
    event = Gaussian(sigma, 1)

    def update(event: Event, start: Vector, trained: Vector, words: Words) -> Vector:
        release = mechanisms.gaussian(bound, _sigma(event), replace=True)
        released: Vector = (start + release.apply(trained - start, words)).astype(np.float32)
        return released

    rule = EventRule("member", event, event)
    return Protection(rule, lambda event, simulated: None, update=update, needs=("parameters",))


def printed_laplace(epsilon: float, clip: float = 1.0) -> Protection:
    """bpcv eq. 1-4 as printed: every row's gradient clipped in L2 norm, plus Lap(clip / epsilon) (erratum 5).

    The mean over a batch of n rows carries the mean of n Laplace draws, whose sum is a normal draw of a
    variance that is twice a gamma draw of shape n. There is no formal guarantee: the noise is for another
    norm, and nothing is said of composition.
    """
    event = mutual_as_printed(clip, epsilon).event
    scale = clip / epsilon

    def gradient(loss: Loss, model: Model, batch: Batch, key: Array) -> tuple[Array, Model]:
        value, total = loss.clipped_sum(model, batch, clip)
        rows = jnp.maximum(jnp.sum(batch.mask), 1)
        keys = jax.random.split(key, 2 * len(total))
        noised = {}
        for number, name in enumerate(sorted(total)):
            shape = total[name].shape
            spread = scale * jnp.sqrt(2 * jax.random.gamma(keys[2 * number], rows, shape))
            noised[name] = (total[name] + spread * jax.random.normal(keys[2 * number + 1], shape)) / rows
        return value, noised

    return Protection(EventRule("record", event, event), lambda event, simulated: gradient)


def rule_of(protect: Protection | None) -> EventRule | None:
    """What a phase names of a protection; without one it has no formal guarantee."""
    return None if protect is None else protect.rule


def needs_of(protect: Protection | None, *needs: str) -> tuple[str, ...]:
    """What a protocol needs of a learner, with what its protection needs."""
    return tuple(dict.fromkeys((*needs, *(protect.needs if protect else ()))))


def _sampled(whose: npt.NDArray[np.integer], drawn: Order, usual: float) -> Order:
    """The rows of the drawn records or subjects, step by step; a width for nearly all, to share a program."""
    rows = [np.flatnonzero(np.isin(whose, step[step >= 0])) for step in drawn]
    width = max([int(usual + 4 * usual**0.5), *(len(row) for row in rows)])
    order = np.full((len(rows), width), -1, np.int32)
    for place, row in zip(order, rows, strict=True):
        place[: len(row)] = row
    return widened(order)


def _sigma(event: Event) -> int:
    if isinstance(event, Gaussian | SubsampledGaussian):
        return event.sigma_milli
    raise Unfit(f"{event} says nothing of Gaussian noise")
