"""Clipping: no vector leaves longer than the bound, on the grid exactly."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tallystick.learning.learner import NotFinite
from tallystick.privacy.clipping import GRID, clipped, clipped_on_grid

vectors = arrays(
    np.float64, st.tuples(st.integers(1, 5), st.integers(1, 30)), elements=st.floats(-1e300, 1e300)
)
bounds = st.floats(1e-6, 1e6)


@given(vectors, bounds)
def test_the_integer_norm_never_passes_the_bound(values: np.ndarray, bound: float) -> None:
    """In Python integers, so that no rounding hides an excess."""
    for norm, power in (("l1", 1), ("l2", 2)):
        for row in clipped_on_grid(values, bound, norm):  # type: ignore[arg-type]
            assert sum(abs(int(x)) ** power for x in row) <= GRID**power


@given(vectors, bounds)
def test_direction_is_kept_and_short_vectors_are_left_alone(values: np.ndarray, bound: float) -> None:
    """Clipping scales; it does not cut single numbers."""
    for norm, order in (("l1", 1), ("l2", 2)):
        shorter = clipped(values, bound, norm)  # type: ignore[arg-type]
        lengths = [np.linalg.norm(row / 1e150, order) * 1e150 for row in values]
        for row, short, length in zip(values, shorter, lengths, strict=True):
            if 0 < length <= bound * (1 - 1e-12):
                assert np.array_equal(row, short)
            assert np.linalg.norm(short, order) <= bound * (1 + 1e-12)
            assert np.all(row * short >= 0)


def test_grid_and_real_numbers_agree_to_a_unit() -> None:
    """Rounding toward zero costs less than two millionths of the bound per number."""
    values = np.random.default_rng(3).normal(size=(4, 1000))

    difference = clipped_on_grid(values, 5.0, "l2") * (5.0 / GRID) - clipped(values, 5.0, "l2")
    assert np.abs(difference).max() < 2 * 5.0 / GRID


def test_what_cannot_be_bounded_is_refused() -> None:
    """NaN, infinity, and bounds that are none."""
    for bad in (np.nan, np.inf, -np.inf):
        with pytest.raises(NotFinite, match="1 of 3"):
            clipped([0.0, bad, 1.0], 1.0, "l2")
    for bound in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="bound"):
            clipped_on_grid([1.0], bound, "l1")
