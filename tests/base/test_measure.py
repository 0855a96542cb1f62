"""Measures: which way is better, and the one integer of every value."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.base import measure as m
from tallystick.base.codec import Decoder, encode

BOUNDS = st.integers(-1000, 1000)


@pytest.mark.parametrize("known", m.MEASURES.values(), ids=m.MEASURES)
def test_known_measures_are_sound_and_travel(known: m.Measure) -> None:
    assert m.flaw(known) is None
    assert Decoder(m.Measure)(encode(known)) == known
    assert m.better(known, m.best(known), m.worst(known))
    assert m.gain(known, m.best(known), m.worst(known)) > 0


@given(BOUNDS, st.integers(1, 1000), st.integers(1, 50), st.integers(-5000, 5000), st.integers(1, 977))
def test_a_figure_is_the_clipped_value_in_millionths_of_the_scale(
    lower: int, width: int, scale: int, top: int, bottom: int
) -> None:
    measure = m.Measure("mae", "lower", "mm", scale, lower, lower + width)
    clipped = min(max(Fraction(top, bottom), Fraction(lower)), Fraction(lower + width))

    assert m.figure_of(measure, top, bottom) == round(clipped * 10**6 / scale)


def test_the_worst_of_an_error_is_its_upper_bound() -> None:
    cycles = m.named("mae", "cycles", 125)

    assert (m.worst(cycles), m.best(cycles)) == (10**6, 0)
    assert m.better(cycles, 10, 11) and not m.better(cycles, 10, 10)
    assert m.gain(cycles, 10, 30) == 20
    assert (m.worst(m.named("accuracy")), m.best(m.named("accuracy"))) == (0, 10**6)


@pytest.mark.parametrize(
    "bad, word",
    [
        (m.Measure("mae", "lower", "", 1, 5, 5), "lower bound 5"),
        (m.Measure("mae", "lower", "", 1, 0, 10**9), "million times"),
    ],
)
def test_a_contradictory_measure_is_named(bad: m.Measure, word: str) -> None:
    assert word in str(m.flaw(bad))


def test_unknown_names_and_dimensions_of_shares_are_refused() -> None:
    with pytest.raises(m.BadMeasure, match="choose one of accuracy"):
        m.named("r2")
    with pytest.raises(m.BadMeasure, match="no dimension"):
        m.named("accuracy", "mm")
    with pytest.raises(m.BadMeasure, match="lower bound 0"):
        m.named("mae", "mm", 0)
    with pytest.raises(m.BadMeasure, match="denominator"):
        m.figure_of(m.named("mae"), 1, 0)
