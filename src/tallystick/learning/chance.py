"""Normal numbers inside compiled programs, for simulations: quick and repeatable, never secret.

JAX's own generator costs more than the gradient that the noise is added to. Here a number is its place in the
array, mixed with the key by an integer hash, and pushed through the inverse of the normal distribution.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np

from .learner import Array

# Coefficients of Giles' approximation of the inverse error function (2012, table 5), highest power first.
MIDDLE = (
    *(2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087),
    *(-0.00125372503, -0.00417768164, 0.246640727, 1.50140941),
)
TAILS = (
    *(-0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773),
    *(-0.0076224613, 0.00943887047, 1.00167406, 2.83297682),
)


def normal(key: Array, shape: tuple[int, ...]) -> Array:
    """Standard normal float32 numbers; each depends on the key and its place alone."""
    words = jax.random.key_data(key).astype(jnp.uint32)
    bits = _mixed(_mixed(_places(shape) + words[-2]) ^ words[-1]) >> 9
    # The bits become a float's mantissa in [1, 2); then the middles of 2^23 steps from -1 to 1.
    mantissa = jax.lax.bitcast_convert_type(bits | jnp.uint32(0x3F800000), jnp.float32)
    return math.sqrt(2) * _inverse_error((mantissa - 1.5) * 2 + 2.0**-23)


def _places(shape: tuple[int, ...]) -> Array:
    """A number for each place of an array, counted from one that is not 0."""
    # Constants along each axis: XLA would compute a counter one place at a time, at twice the cost of all.
    places = jnp.zeros((1,) * len(shape), jnp.uint32)
    first = 0x9E3779B9
    for axis in reversed(range(len(shape))):
        steps = first + np.arange(shape[axis], dtype=np.uint64) * math.prod(shape[axis + 1 :])
        along = [1] * len(shape)
        along[axis] = shape[axis]
        places = places + (steps % 2**32).astype(np.uint32).reshape(along)
        first = 0
    return places


def _inverse_error(x: Array) -> Array:
    w = -jnp.log((1 - x) * (1 + x))
    return x * jnp.where(w < 5, _polynomial(MIDDLE, w - 2.5), _polynomial(TAILS, jnp.sqrt(w) - 3))


def _polynomial(coefficients: tuple[float, ...], x: Array) -> Array:
    total = jnp.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        total = total * x + coefficient
    return total


def _mixed(x: Array) -> Array:
    """Triple32 (Wellons 2018): every bit of the input turns every bit of the output with chance one half."""
    x = (x ^ (x >> 17)) * jnp.uint32(0xED5AD4BB)
    x = (x ^ (x >> 11)) * jnp.uint32(0xAC4C1B51)
    x = (x ^ (x >> 15)) * jnp.uint32(0x31848BAB)
    return x ^ (x >> 14)
