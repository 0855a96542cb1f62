"""Convolutional network for pictures; convolutions are products with unfolded patches.

Inside a loop XLA's convolution on a CPU is several times slower than alone; a product of matrices is not.
"""

from functools import cache

import jax
import jax.numpy as jnp

from ..learner import Array, Learner
from .network import Layers, Weights
from .neural import HEAD, Optimiser, neural

SIDE = 3  # of a patch


def patches(x: Array) -> Array:
    """Every 3 × 3 patch inside [rows, height, width, channels]: [rows, height - 2, width - 2, 9 channels]."""
    height, width = x.shape[1] - SIDE + 1, x.shape[2] - SIDE + 1
    parts = [x[:, i : i + height, j : j + width] for i in range(SIDE) for j in range(SIDE)]
    return jnp.concatenate(parts, axis=3)


def pool(x: Array) -> Array:
    """The largest of each 2 × 2 places; an odd last row or column is left out."""
    even = x[:, : x.shape[1] // 2 * 2, : x.shape[2] // 2 * 2]
    left, right = even[:, :, 0::2], even[:, :, 1::2]
    wide = jnp.maximum(left, right)
    return jnp.maximum(wide[:, 0::2], wide[:, 1::2])


@cache
def cnn(*channels: int, hidden: int = 0, rate: float = 0.1, optimiser: str | Optimiser = "sgd") -> Learner:
    """For each number of channels a 3 × 3 convolution, 2 × 2 pool, rectifier; a hidden layer if asked."""
    if not channels or min(channels) < 1 or hidden < 0:
        raise ValueError(
            f"a CNN has layers of at least one channel, not {channels} and {hidden} hidden units"
        )

    def layers(outputs: int) -> Layers:
        made: Layers = ()
        for number, size in enumerate(channels):
            # The larger of rectified numbers is the rectified larger one, and fewer are left to rectify.
            made += (Weights(f"conv{number}", size, patches), pool, jax.nn.relu)
        if hidden:
            made += (Weights("hidden", hidden), jax.nn.relu)
        return (*made, Weights(HEAD, outputs))

    return neural(
        "cnn", layers, rate, optimiser, {"channels": "-".join(map(str, channels)), "hidden": hidden}
    )
