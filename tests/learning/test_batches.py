"""Orders: every row once an epoch, Poisson samples as privacy wants them, long sets in pieces."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tallystick.learning.batches import batches, bucket, keys_of, pieces, poisson, shuffled, shuffles
from tallystick.learning.learner import Rows


@given(st.integers(1, 10**7))
def test_buckets_hold_what_they_are_for_and_waste_an_eighth_at_most(count: int) -> None:
    assert count <= bucket(count) <= count * 1.125
    assert bucket(bucket(count)) == bucket(count)


@given(st.lists(st.integers(0, 70), min_size=1, max_size=5), st.integers(1, 40), st.integers(1, 3))
def test_every_row_once_an_epoch_whoever_else_is_there(counts: list[int], size: int, epochs: int) -> None:
    keys = keys_of((3, member) for member in range(len(counts)))
    for member, order in enumerate(shuffles(counts, size, epochs, keys)):
        count = counts[member]
        assert order.shape == (epochs * -(-count // size), size)
        for epoch in order.reshape(epochs, -1):
            assert sorted(epoch[epoch >= 0]) == list(range(count))
            assert (epoch[count:] == -1).all()
        assert (order == shuffled(count, size, epochs, keys[member])).all()


def test_orders_differ_between_epochs_members_and_moments() -> None:
    keys = keys_of([(1, 0, "a"), (1, 0, "b"), (1, 1, "a")])
    orders = shuffles([50, 50, 50], 50, 2, keys)
    rows = [tuple(epoch) for order in orders for epoch in order]

    assert len(set(rows)) == 6
    assert (shuffled(50, 50, 2, keys_of([(1, 0, "a")])[0]) == orders[0]).all()


def test_shuffles_are_fair() -> None:
    firsts = [shuffled(6, 6, 1, key)[0, 0] for key in keys_of((9, n) for n in range(3000))]

    assert stats.chisquare(np.bincount(firsts, minlength=6)).pvalue > 1e-4


def test_poisson_batches_draw_each_row_by_itself() -> None:
    order = poisson(100, 0.2, 4000, seed=5)
    taken = np.zeros((4000, 100), bool)
    for step, rows in enumerate(order):
        taken[step, rows[rows >= 0]] = True
    sizes = taken.sum(axis=1)

    assert (order >= 0).sum() == taken.sum()
    assert abs(taken.mean() - 0.2) < 0.005
    assert sizes.var() == pytest.approx(100 * 0.2 * 0.8, rel=0.1)
    assert abs(np.corrcoef(taken[:, 0], taken[:, 1])[0, 1]) < 0.06
    assert order.shape[1] == bucket(int(sizes.max()))


def test_a_poisson_batch_may_be_empty_and_is_never_cut() -> None:
    assert (poisson(0, 0.5, 3, seed=1) == -1).all()
    assert ((poisson(50, 1.0, 2, seed=1) >= 0).sum(axis=1) == 50).all()


def test_pieces_take_every_row_in_order_whatever_the_chunks() -> None:
    x = np.arange(103, dtype=np.float32)[:, None]
    chunks = [Rows(x[a:b], x[a:b, 0], np.arange(a, b)) for a, b in [(0, 5), (5, 50), (50, 50), (50, 103)]]
    seen: list[float] = []
    steps = 0
    for given_ in pieces(chunks, 8):
        assert int(given_.first) == steps
        steps += int(given_.steps)
        for places in given_.index:
            real = places[places >= 0]
            seen += given_.rows.x[real, 0].tolist()
            assert (given_.rows.subject[real] == given_.rows.y[real]).all()
            assert len(real) == 8 or steps == 13

    assert seen == list(range(103))
    assert list(pieces([], 8)) == []


def test_impossible_orders_are_refused() -> None:
    rows = Rows(np.zeros((3, 1), np.float32), np.zeros(3, np.int32))
    with pytest.raises(ValueError, match="beyond the 3"):
        batches(rows, np.array([[3]], np.int32))
    with pytest.raises(ValueError, match="cannot be taken"):
        shuffled(3, 0, 1, keys_of([(0,)])[0])
    with pytest.raises(ValueError, match="cannot be drawn"):
        poisson(3, 0.0, 1, seed=0)
