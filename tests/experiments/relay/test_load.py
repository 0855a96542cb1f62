"""When the ledger has what a relay asks of it."""

import pytest

from experiments.relay.load import Block, dealt


def test_a_moment_fills_as_many_blocks_as_it_needs():
    places = dealt([Block(9, 1000, 50, 300, 200), Block(1, 100, 0, 10, 20)], members=3)
    assert places["transactions"] == [0.5, 0.5, 0.1]
    assert sum(places["models"]) == 0.1
    assert sum(places["read"]) == pytest.approx(0.31)
