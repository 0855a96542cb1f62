"""Noise for `learning`'s gradient hook: `learner.clipped(clip, expected, noise)` takes what these return.

Make a hook once and keep it: a runner compiles a program for each.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import io_callback

from .clipping import GRID, ensure_bound
from .mechanisms import Mechanism
from .training import SLACK_PPM, grid_sensitivity, over_arrays

Model: TypeAlias = dict[str, jax.Array]
Noise: TypeAlias = Callable[[Model, jax.Array], Model]  # clipped sums, key → noised sums


def system_noise(mechanism: Mechanism) -> Noise:
    """The mechanism itself, on the grid and from the operating system, called out of a compiled program.

    The key is not used: whoever knew the seed could subtract the noise.
    """
    apply = over_arrays(mechanism.apply)

    def drawn(*sums: Any) -> list[np.ndarray[Any, np.dtype[np.float32]]]:
        return [noised.astype(np.float32) for noised in apply(sums)]

    def noise(sums: Model, key: jax.Array) -> Model:
        names = sorted(sums)
        shapes = [jax.ShapeDtypeStruct(sums[name].shape, jnp.float32) for name in names]
        return dict(zip(names, io_callback(drawn, shapes, *(sums[name] for name in names)), strict=True))

    return noise


def simulated_noise(clip: float, sigma_milli: int, *, slack_ppm: int = SLACK_PPM) -> Noise:
    """The same deviation drawn from the key, without a grid: for simulation only, where runs must repeat."""
    scale = ensure_bound(clip) * sigma_milli / 1000 / GRID

    def noise(sums: Model, key: jax.Array) -> Model:
        deviation = scale * grid_sensitivity(sum(part.size for part in sums.values()), slack_ppm)
        keys = jax.random.split(key, len(sums))
        return {
            name: sums[name] + deviation * jax.random.normal(key, sums[name].shape, jnp.float32)
            for name, key in zip(sorted(sums), keys, strict=True)
        }

    return noise
