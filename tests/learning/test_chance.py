"""Normal numbers: distributed as they should be, and unrelated from key to key."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from scipy import stats

from tallystick.learning import chance
from tallystick.learning.chance import normal

drawn = jax.jit(normal, static_argnums=1)


def test_numbers_are_normal_also_in_the_tails() -> None:
    numbers = np.asarray(drawn(jax.random.key(3), (400, 1000))).ravel().astype(np.float64)

    assert stats.kstest(numbers, "norm").pvalue > 1e-3
    edges = stats.norm.ppf(np.linspace(0, 1, 257))
    assert stats.chisquare(np.histogram(numbers, edges)[0]).pvalue > 1e-3
    for far in (3.0, 4.0):
        expected = 2 * stats.norm.sf(far) * numbers.size
        assert abs((np.abs(numbers) > far).sum() - expected) < 5 * np.sqrt(expected)


def test_neighbours_keys_and_steps_are_unrelated() -> None:
    keys = [
        jax.random.key(0),
        jax.random.key(1),
        *(jax.random.fold_in(jax.random.key(0), n) for n in range(4)),
    ]
    arrays = [np.asarray(drawn(key, (100_000,))) for key in keys]

    for one in arrays:
        assert abs(np.corrcoef(one[:-1], one[1:])[0, 1]) < 0.02
        assert abs(np.corrcoef(one[:-1] ** 2, one[1:] ** 2)[0, 1]) < 0.02
    relations = np.corrcoef(arrays) - np.eye(len(arrays))
    assert np.abs(relations).max() < 0.02


def test_a_number_depends_on_key_and_place_alone() -> None:
    long, short = drawn(jax.random.key(5), (50,)), drawn(jax.random.key(5), (4, 5))

    np.testing.assert_array_equal(np.asarray(long)[:20].reshape(4, 5), short)


def test_no_number_is_ever_infinite() -> None:
    # The first and the last of the 2^23 steps between -1 and 1.
    edges = jnp.array([0, 2**23 - 1], jnp.uint32) | jnp.uint32(0x3F800000)
    ends = (jax.lax.bitcast_convert_type(edges, jnp.float32) - 1.5) * 2 + 2.0**-23
    np.testing.assert_allclose(chance._inverse_error(ends), jax.lax.erf_inv(ends), rtol=1e-5)

    for seed in range(8):
        numbers = np.asarray(drawn(jax.random.key(seed), (1_000_000,)))
        assert 4.2 < np.abs(numbers).max() < 5.4
