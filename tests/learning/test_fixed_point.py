"""Fixed point: sums that no order changes, exact or refused."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.learning import fixed_point as fp

NARROW = fp.FixedPoint(bits=16, bound=4, width=32)
VALUES = st.lists(st.floats(-4, 4, width=32), min_size=1, max_size=8)


@pytest.mark.parametrize("form", [fp.DEFAULT, NARROW])
@given(VALUES, st.lists(st.integers(0, 900), min_size=1, max_size=6), st.randoms())
def test_a_mean_is_exact_to_half_a_step_in_any_order(form, values, weights, chance) -> None:
    weights = [*weights, 1]
    vectors = [np.roll(np.array(values, np.float32), shift) for shift in range(len(weights))]
    exact = [
        float(sum(Fraction(float(v[i])) * w for v, w in zip(vectors, weights, strict=True)) / sum(weights))
        for i in range(len(values))
    ]

    mean = fp.mean(vectors, weights, form)
    mixed = list(zip(vectors, weights, strict=True))
    chance.shuffle(mixed)
    again = fp.mean([v for v, _ in mixed], [w for _, w in mixed], form)

    assert mean.tobytes() == again.tobytes()
    np.testing.assert_allclose(mean, exact, atol=0.5 / 2**form.bits, rtol=1e-7)


def test_encoding_rounds_half_to_even() -> None:
    steps = np.array([0.5, 1.5, -0.5, -1.5, 2.4], np.float32) / 2**16

    assert fp.encode(steps, 1, NARROW).view(np.int32).tolist() == [0, 2, 0, -2, 2]
    assert fp.encode(steps, 3, NARROW).view(np.int32).tolist() == [0, 6, 0, -6, 6]


def test_the_largest_sum_that_fits_comes_back() -> None:
    for form in (fp.DEFAULT, NARROW):
        edge = np.array([form.bound, -form.bound], np.float32)

        assert fp.mean([edge], [form.capacity], form).tolist() == edge.tolist()
        with pytest.raises(fp.Overflow, match="weight"):
            fp.mean([edge], [form.capacity + 1], form)
        with pytest.raises(fp.Overflow, match="add up"):
            fp.mean([edge, edge], [form.capacity, 1], form)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 4.0000005])
def test_what_does_not_fit_is_refused_with_its_place(bad: float) -> None:
    with pytest.raises(fp.Overflow, match="at place 2"):
        fp.encode(np.array([0, 1, bad], np.float32), 1, NARROW)


@pytest.mark.parametrize("weight", [-1, NARROW.capacity + 1])
def test_weights_out_of_range_are_refused(weight: int) -> None:
    with pytest.raises(fp.Overflow, match="weight"):
        fp.encode(np.zeros(1, np.float32), weight, NARROW)


def test_nothing_has_no_mean() -> None:
    with pytest.raises(fp.Overflow, match="add up to 0"):
        fp.mean([np.ones(2, np.float32)], [0])
    with pytest.raises(ValueError, match="nothing to add"):
        fp.mean([], [])


@pytest.mark.parametrize(
    "wrong", [{"width": 48}, {"bits": 60}, {"bits": 20, "bound": 2**30, "width": 32}, {"bits": -1}]
)
def test_impossible_forms_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="bits"):
        fp.FixedPoint(**wrong)
