"""One-dimensional convolutional network for windows of sensor readings [time, axes]."""

from functools import cache

import jax
import jax.numpy as jnp

from ..learner import Array, Learner
from .network import Layers, Weights
from .neural import HEAD, Optimiser, neural

LENGTH = 5  # readings under one filter


def spans(x: Array) -> Array:
    """Every five readings in a row of [rows, time, axes]: [rows, time - 4, 5 axes]."""
    time = x.shape[1] - LENGTH + 1
    return jnp.concatenate([x[:, i : i + time] for i in range(LENGTH)], axis=2)


def halve(x: Array) -> Array:
    """The larger of each two readings; an odd last one is left out."""
    even = x[:, : x.shape[1] // 2 * 2]
    return jnp.maximum(even[:, 0::2], even[:, 1::2])


@cache
def sensor(
    *channels: int, hidden: int = 64, rate: float = 0.1, optimiser: str | Optimiser = "sgd"
) -> Learner:
    """For each number of channels filters over time, halving and rectifier; then one hidden layer."""
    if not channels or min(channels) < 1 or hidden < 1:
        raise ValueError(f"a sensor network has at least one channel and unit, not {channels} and {hidden}")

    def layers(outputs: int) -> Layers:
        made: Layers = ()
        for number, size in enumerate(channels):
            made += (Weights(f"filter{number}", size, spans), halve, jax.nn.relu)
        return (*made, Weights("hidden", hidden), jax.nn.relu, Weights(HEAD, outputs))

    return neural(
        "sensor", layers, rate, optimiser, {"channels": "-".join(map(str, channels)), "hidden": hidden}
    )
