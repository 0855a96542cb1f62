"""Training and judging rows are charged apart, and what was charged can be taken back exactly."""

from __future__ import annotations

import pytest

from tallystick.base.events import Gaussian, Unaccounted
from tallystick.ledger.budgets import curves
from tallystick.ledger.budgets.costs import LARGEST, NOTHING, ROWS, Costs, cost_of, fits

EVENT = Gaussian(3_000, 1)
ONCE = curves.curve(EVENT)
DELTA = 10**6


@pytest.mark.parametrize("rows", ROWS)
def test_an_event_costs_its_own_rows_alone(rows):
    cost = cost_of(EVENT, rows, 3)
    other = next(name for name in ROWS if name != rows)
    assert cost.of(rows) == curves.times(ONCE, 3) and cost.of(other) == curves.ZERO
    assert cost.epsilon(rows, DELTA) > 0 == cost.epsilon(other, DELTA)


def test_costs_add_and_subtract_row_by_row():
    both = cost_of(EVENT, "training", 2) + cost_of(EVENT, "judging")
    assert both == Costs(curves.times(ONCE, 2), ONCE)
    assert both - cost_of(EVENT, "training") == Costs(ONCE, ONCE)
    assert both - both == NOTHING == Costs()


@pytest.mark.parametrize("rows", ROWS)
def test_no_rows_give_back_more_than_they_were_charged(rows):
    with pytest.raises(ValueError, match="more privacy cost than was charged"):
        cost_of(EVENT, "training") + cost_of(EVENT, "judging") - cost_of(EVENT, rows, 2)


def test_what_has_no_formal_guarantee_costs_no_curve():
    with pytest.raises(curves.NoCurve):
        cost_of(Unaccounted("none"), "training")


def test_a_total_fits_up_to_the_limit_and_what_adds_nothing_always_does():
    more = cost_of(EVENT, "training")
    needed = more.epsilon("training", DELTA)
    assert fits(more, more, "training", needed, DELTA)
    assert not fits(more, more, "training", needed - 1, DELTA)
    assert fits(more, more, "judging", 0, DELTA)
    assert fits(more, NOTHING, "training", 0, DELTA)


def test_a_total_that_would_pass_the_encoding_does_not_fit():
    more = Costs(training=(LARGEST,) + (1,) * (len(curves.ORDERS) - 1))
    assert not fits(more, more, "training", curves.UNBOUNDED, DELTA)
