"""Noise inside a compiled training loop."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from tallystick.privacy.clipping import GRID
from tallystick.privacy.hooks import Noise, simulated_noise, system_noise
from tallystick.privacy.training import dp_sgd, grid_sensitivity, hop

SUMS = {"b": jnp.full((300,), 2.0), "a": jnp.zeros((100, 200))}


def looped(noise: Noise, steps: int) -> dict[str, np.ndarray]:
    """The noise of every step of a scan, compiled."""

    def step(key: jax.Array, _: None) -> tuple[jax.Array, dict[str, jax.Array]]:
        key, mine = jax.random.split(key)
        return key, noise(SUMS, mine)

    _, out = jax.jit(lambda key: jax.lax.scan(step, key, None, steps))(jax.random.key(3))
    return {name: np.asarray(part) for name, part in out.items()}


@pytest.mark.parametrize("noise", [system_noise(hop(0.5, 2000)), simulated_noise(0.5, 2000)])
def test_every_step_gets_fresh_noise_of_the_stated_size(noise: Noise) -> None:
    """sigma x clip on every number of every array, in no step twice."""
    out = looped(noise, 5)
    deviation = 2.0 * 0.5 * grid_sensitivity(20_300, 1000) / GRID

    assert set(out) == {"a", "b"}
    assert out["a"].shape == (5, 100, 200) and out["b"].shape == (5, 300)
    both = np.concatenate([out["a"].ravel(), (out["b"] - 2.0).ravel()]) / deviation
    assert stats.kstest(both, stats.norm.cdf).pvalue > 1e-4
    assert len(np.unique(out["a"][:, 0, 0])) == 5


def test_only_the_simulated_noise_repeats() -> None:
    """The key decides in simulation, the operating system outside it."""
    simulated, system = simulated_noise(1.0, 1000), system_noise(dp_sgd(1.0, 10**9, 1000, steps=1))

    assert np.array_equal(looped(simulated, 2)["a"], looped(simulated, 2)["a"])
    assert not np.array_equal(looped(system, 2)["a"], looped(system, 2)["a"])
