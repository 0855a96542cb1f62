"""Integer mathematics: exact sums, known values, bounds."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.base import fixed

weights = st.lists(st.integers(0, 10**12), min_size=1, max_size=40)


@given(st.integers(0, 2**53), weights, st.data())
def test_split_adds_up_and_is_proportional(total: int, parts: list[int], data: st.DataObject) -> None:
    """Nothing is created or lost; only the named index may differ from the rounded-down share."""
    to = data.draw(st.integers(0, len(parts) - 1))
    shares = fixed.split(total, parts, to)

    assert sum(shares) == total
    assert min(shares) >= 0
    whole = sum(parts)
    for index, (share, part) in enumerate(zip(shares, parts, strict=True)):
        due = Fraction(total * part, whole) if whole else Fraction(total, len(parts))
        assert share == math.floor(due) or (index == to and due - 1 < share < due + len(parts))


def test_split_gives_the_remainder_to_the_named_one() -> None:
    """bp2p: what rounding leaves goes to the leader."""
    assert fixed.split(100, [1, 1, 1]) == (34, 33, 33)
    assert fixed.split(100, [1, 1, 1], remainder_to=2) == (33, 33, 34)
    assert fixed.split(5, [0, 0]) == (3, 2)
    for bad in [(5, [], 0), (5, [1, -1], 0), (-1, [1], 0), (5, [1], 1), (5, [1], -1)]:
        with pytest.raises(ValueError, match=r"split|remainder"):
            fixed.split(*bad)


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=12))
def test_capped_weights_obey_the_cap_and_keep_what_is_below_it(parts: list[int]) -> None:
    """Shares add up, none passes 2/n, and all uncapped members gained the same excess."""
    result = fixed.capped_weights(parts)
    count, whole = len(parts), sum(result)
    shares = [Fraction(value, whole) for value in result]
    cap = Fraction(2, count)

    assert max(shares) <= max(cap, Fraction(1, count))
    assert min(shares) >= 0
    if sum(parts) == 0:
        assert set(shares) == {Fraction(1, count)}
    else:
        due = [Fraction(part, sum(parts)) for part in parts]
        gains = {share - fair for share, fair in zip(shares, due, strict=True) if share < cap}
        assert len(gains) <= 1
        assert all(gain >= 0 for gain in gains)


def test_capped_weights_by_hand() -> None:
    """One of ten members did everything: it gets 2/10, the other nine share 8/10."""
    assert fixed.split(90, fixed.capped_weights([7] + [0] * 9)) == (18, 8, 8, 8, 8, 8, 8, 8, 8, 8)
    # Of five: 6/10 and 4/10 are cut to 2/5 each at once, the rest share 1/5.
    assert fixed.split(150, fixed.capped_weights([6, 4, 0, 0, 0])) == (60, 60, 10, 10, 10)
    # The excess of the first lifts the second over the cap, so the cut is made again.
    assert fixed.split(3000, fixed.capped_weights([60, 38, 2, 0, 0])) == (1200, 1200, 240, 180, 180)


@pytest.mark.parametrize("theta", [0, 1, 1000, 500_000, 1_570_796, 3_141_592, 50_000_000])
def test_exponentials_are_correctly_rounded(theta: int) -> None:
    """e^(-theta) to the nearest millionth, and its complement as printed in bp2p eq. 8."""
    assert fixed.exp_ppm(theta) == round(math.exp(-theta / 1e6) * 1e6)
    assert fixed.exp_ppm(theta) + fixed.one_minus_exp_ppm(theta) == fixed.PPM


def test_negative_angles_are_refused() -> None:
    """An angle lies between 0 and pi."""
    with pytest.raises(ValueError, match="negative"):
        fixed.exp_ppm(-1)


@given(st.lists(st.integers(0, fixed.PPM), min_size=1, max_size=30))
def test_softmax_matches_floats_and_adds_up(values: list[int]) -> None:
    """bp2p eq. 9 within a millionth of the float value, the sum exact."""
    shares = fixed.softmax_ppm(values)
    exponentials = [math.exp(value / 1e6) for value in values]

    assert sum(shares) == fixed.PPM
    for share, exponential in zip(shares[1:], exponentials[1:], strict=True):
        assert abs(share - exponential / sum(exponentials) * 1e6) < 1.5
    assert fixed.softmax_ppm([]) == ()


def test_softmax_of_far_apart_values_does_not_overflow() -> None:
    """The largest value is the reference, so nothing leaves the context."""
    assert fixed.softmax_weights([10**15, 0]) == (fixed.WEIGHT_SCALE, 0)


def test_median_deviation_and_bounds() -> None:
    """Even counts round the mean of the two middle ones down, also below zero."""
    assert fixed.median([5]) == 5
    assert fixed.median([9, 1, 4]) == 4
    assert fixed.median([1, 2, 3, 10]) == 2
    assert fixed.median([-1, -2]) == -2
    assert fixed.deviation([1, 1, 2, 2, 4, 6, 9]) == 1
    assert fixed.outlier_bounds([900_000, 910_000, 890_000, 905_000, 100_000], 3000) == (855_522, 944_478)
    assert fixed.outlier_bounds([5, 5, 5, 9]) == (5, 5)
    with pytest.raises(ValueError, match="no values"):
        fixed.median([])


def test_small_helpers() -> None:
    """Rounding is down, nothing of nothing is nothing, roots are whole."""
    assert fixed.mul_div(7, 3, 2) == 10
    assert fixed.share_ppm(1, 3) == 333_333
    assert fixed.share_ppm(0, 0) == 0
    assert fixed.isqrt(10**30) == 10**15
    with pytest.raises(ValueError, match="denominator"):
        fixed.mul_div(1, 1, 0)
