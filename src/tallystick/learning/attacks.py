"""What malicious members post: mathematics only; who attacks whom is decided elsewhere.

Each attack takes what the attackers see and gives one model for each of them. The stronger ones know all
honest models, as the worst case has it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from .distances import squared_distances
from .updates import Vectors
from .updates import replay as step_again


@dataclass(frozen=True, eq=False)
class Seen:
    """What the attackers of one round know."""

    honest: Vectors  # [honest members, numbers] their models
    own: Vectors  # [attackers, numbers] what the attackers would post if they were honest
    start: Vectors  # [numbers] what all trained from
    before: Vectors  # [numbers] what the round before trained from
    seed: int = 0

    @property
    def attackers(self) -> int:
        """How many attack together."""
        return len(self.own)

    def chance(self) -> np.random.Generator:
        """Chance of this round's own."""
        return np.random.Generator(np.random.Philox(self.seed))


Attack: TypeAlias = Callable[[Seen], Vectors]


def sign_flip(strength: float = 1.0) -> Attack:
    """Step the other way: start - strength · (own - start) (Li et al. 2019, RSA)."""
    return lambda seen: _narrow(seen.start - strength * (seen.own - seen.start))


def boost(strength: float = 1.0) -> Attack:
    """One's own step so many times as long: a poisoned training counts for more (Bagdasaryan et al. 2020)."""
    return lambda seen: _narrow(seen.start + strength * (seen.own - seen.start))


def random_weights(scale: float = 1.0) -> Attack:
    """Weights drawn at random, as large as the start's: N(0, (scale · rms(start))²)."""

    def attack(seen: Seen) -> Vectors:
        size = scale * max(float(np.sqrt(np.mean(np.square(seen.start, dtype=np.float64)))), 1e-3)
        return _narrow(seen.chance().normal(0, size, seen.own.shape))

    return attack


def alie(strength: float | None = None) -> Attack:
    """ "A little is enough": mean - z · deviation of the honest (Baruch et al. 2019, algorithm 3).

    Without a strength z is the largest at which enough honest members lie further out than the attackers.
    """

    def attack(seen: Seen) -> Vectors:
        everybody = len(seen.honest) + seen.attackers
        needed = everybody // 2 + 1 - seen.attackers
        share = (everybody - seen.attackers - needed) / (everybody - seen.attackers)
        z = NormalDist().inv_cdf(min(max(share, 1e-6), 1 - 1e-6)) if strength is None else strength
        mean, deviation = _moments(seen.honest)
        return _all(seen, mean - z * deviation)

    return attack


def inner_product(strength: float = 1.0) -> Attack:
    """Against the honest mean step: start - strength · mean(step) (IPM, Xie et al. 2020)."""

    def attack(seen: Seen) -> Vectors:
        mean, _ = _moments(seen.honest)
        return _all(seen, seen.start - strength * (mean - seen.start))

    return attack


def min_max(toward: str = "deviation", share: float = 1.0) -> Attack:
    """As far from the honest as they are from one another (Shejwalkar, Houmansadr 2021, eq. 8).

    mean + share · γ · p, with γ the largest at which no honest model is further from it than that; p points
    against the deviation, the mean step or its signs.
    """
    if toward not in ("deviation", "step", "sign"):
        raise ValueError(f"an attack goes toward deviation, step or sign, not {toward!r}")

    def attack(seen: Seen) -> Vectors:
        mean, deviation = _moments(seen.honest)
        step = mean - seen.start
        p = {"deviation": -deviation, "step": -step, "sign": -np.sign(step)}[toward]
        length = sqrt(float(np.dot(p, p)))
        if length == 0:
            return _all(seen, mean)
        p = p / length
        offsets = _narrow(mean) - seen.honest
        along = (offsets @ _narrow(p)).astype(np.float64)
        squares = np.einsum("ij,ij->i", offsets, offsets).astype(np.float64)
        room = squared_distances(seen.honest).max() - squares
        # ‖offset + γ·p‖² ≤ widest² for every honest model: the smallest of the larger roots in γ.
        gamma = float(np.min(-along + np.sqrt(np.maximum(along**2 + room, 0))))
        return _all(seen, mean + share * gamma * p)

    return attack


def copy(noise: float = 0.0) -> Attack:
    """Post an honest member's model as one's own, perhaps with noise of this share of its step's length."""

    def attack(seen: Seen) -> Vectors:
        chance = seen.chance()
        stolen = seen.honest[chance.integers(0, len(seen.honest), seen.attackers)]
        size = noise * np.linalg.norm(stolen - seen.start, axis=1, keepdims=True) / sqrt(stolen.shape[1])
        return _narrow(stolen + size * chance.normal(size=stolen.shape))

    return attack


def replay(noise: float = 0.0) -> Attack:
    """Post the last step of all once more, perhaps with noise of this share of its length."""

    def attack(seen: Seen) -> Vectors:
        again = step_again(seen.start, seen.before).astype(np.float64)
        size = noise * float(np.linalg.norm(again - seen.start)) / sqrt(len(again))
        return _narrow(again + size * seen.chance().normal(size=seen.own.shape))

    return attack


def flipped_labels(y: Any, labels: int) -> npt.NDArray[np.int32]:
    """Labels turned around, 9 - y of ten: attackers train honestly on these (Tolpegin et al. 2020)."""
    turned: npt.NDArray[np.int32] = (labels - 1 - np.asarray(y)).astype(np.int32)
    return turned


ATTACKS: dict[str, Callable[[float], Attack]] = {
    "sign_flip": sign_flip,
    "random": random_weights,
    "alie": alie,
    "ipm": inner_product,
    "min_max": lambda share: min_max("deviation", share),
    "copy": copy,
    "replay": replay,
}


def _moments(honest: Vectors) -> tuple[Any, Any]:
    """Mean and deviation of each number; squares are of what differs from the mean, so nothing cancels."""
    mean = honest.mean(axis=0, dtype=np.float64)
    apart = honest - _narrow(mean)
    return mean, np.sqrt(np.einsum("ij,ij->j", apart, apart).astype(np.float64) / len(honest))


def _all(seen: Seen, model: Any) -> Vectors:
    return _narrow(np.tile(model, (seen.attackers, 1)))


def _narrow(models: Any) -> Vectors:
    narrow: Vectors = np.asarray(models).astype(np.float32)
    return narrow
