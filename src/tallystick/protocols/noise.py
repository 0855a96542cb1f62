"""The noise that a plan asks for, and the parts that bring it: in training, or on the final model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .options import Value
from .parts import protect as parts
from .parts.protect import Protection
from .parts.share import release_as_printed, release_protecting_members
from .settings import PlanSettings
from .vocabulary import Do, Unfit

HOP_STEPS = 10


@dataclass(frozen=True)
class Protect:
    """A wanted privacy guarantee; how much noise it takes follows once rounds and rows are known."""

    kind: str
    epsilon: float
    delta: float
    protects: str
    settings: Mapping[str, Value] = field(default_factory=dict)

    @property
    def asked(self) -> dict[str, Value]:
        """The settings of a plan that ask for it."""
        whose = {"protects": self.protects} if self.kind == "dp_sgd" else {}
        return {
            "protect": self.kind,
            "epsilon": self.epsilon,
            "delta": self.delta,
            **whose,
            **self.settings,
        }


def dp_sgd(epsilon: float, delta: float = 1e-5, protects: str = "record", **settings: Value) -> Protect:
    """Clipped, noised gradients on Poisson samples; `protects` a record, or a subject with all its rows."""
    return Protect("dp_sgd", epsilon, delta, protects, settings)


def per_hop(epsilon: float, delta: float = 1e-5, **settings: Value) -> Protect:
    """Noise at every hop of a relay; protects a record of the holder's."""
    return Protect("per_hop", epsilon, delta, "record", settings)


def noised_update(epsilon: float, delta: float = 1e-5, bound: float = 1.0) -> Protect:
    """The whole update clipped to the L2 norm `bound` and noised; protects a member."""
    return Protect("noised_update", epsilon, delta, "member", {"bound": bound})


def printed_laplace(epsilon: float, clip: float = 1.0) -> Protect:
    """bpcv eq. 1-4 as printed, for figures: no formal guarantee."""
    return Protect("printed_laplace", epsilon, 1e-5, "record", {"clip": clip})


def protection(asked: PlanSettings, batch: int) -> Protection | None:
    """The noise in training with which all rounds together stay within what is asked."""
    if asked.protect == "none":
        return None
    epsilon, delta, rounds = _positive(asked.epsilon, "epsilon"), asked.delta, asked.rounds
    match asked.protect:
        case "dp_sgd":
            return parts.dp_sgd(
                epsilon, delta, rounds=rounds, smallest=asked.least_rows, batch=min(batch, asked.least_rows),
                steps=asked.steps, clip=asked.clip, protects=asked.protects, noisier=asked.noisier,
            )  # fmt: skip
        case "per_hop":
            steps = asked.steps or HOP_STEPS
            return parts.per_hop(
                epsilon, delta, rounds=rounds, steps=steps, clip=asked.clip, noisier=asked.noisier,
                usual=asked.usual,
            )  # fmt: skip
        case "noised_update":
            return parts.noised_update(epsilon, delta, rounds=rounds, bound=asked.bound)
        case "printed_laplace":
            return parts.printed_laplace(epsilon, asked.clip)


def release(asked: PlanSettings) -> Do | None:
    """What the leader adds to the final model before it is recorded."""
    if asked.release == "none":
        return None
    epsilon = _positive(asked.release_epsilon, "release_epsilon")
    if asked.release == "as_printed":
        return release_as_printed(epsilon)
    return release_protecting_members(epsilon, asked.release_bound)


def _positive(epsilon: float | None, name: str) -> float:
    if not epsilon:
        raise Unfit(f"noise is as strong as its ε says: set {name}, above 0")
    return epsilon
