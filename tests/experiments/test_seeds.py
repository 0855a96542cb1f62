"""One figure and one curve out of several seeds."""

from benchmarks.case import Peer, at_least
from experiments.seeds import curve, over_seeds


def test_a_figure_is_the_mean_and_says_what_it_varied_between():
    row = over_seeds("accuracy", {1: 0.5, 2: 0.75, 3: 1.0}, paper=0.9, target=at_least(0.8))
    assert (row.value, row.spread, row.seeds) == (0.75, (0.5, 1.0), [1, 2, 3])
    assert row.peer == Peer("the paper", 0.9)
    assert row.met is False


def test_one_seed_has_no_spread():
    assert over_seeds("accuracy", {7: 0.5}).spread is None
    assert curve([1, 2], [[0.1, 0.2]]).low == []


def test_a_curve_is_the_mean_within_its_band():
    drawn = curve([1, 2], [[0.0, 0.5], [1.0, 1.0]])
    assert (drawn.y, drawn.low, drawn.high) == ([0.5, 0.75], [0.0, 0.5], [1.0, 1.0])
