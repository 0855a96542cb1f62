"""The model of several chains: they gain where they wait, not where cores are busy, and on own machines."""

from dataclasses import replace

import pytest

from benchmarks.chains.model import Costs, Place, Ran, between_blocks, carried, fitted, latency

COSTS = Costs(wait=0.05, block=0.01, transaction=0.0002, application=0.0001, sending=0.0001)
WAITING = Place(1, holds=100, ahead=600, delay=0.05, pause=1.0)
BUSY = Place(1, holds=4_000, ahead=60_000, delay=0.0, pause=0.1)


def test_a_waiting_chain_makes_a_full_block_each_time():
    assert between_blocks(COSTS, WAITING) == pytest.approx(1.0 + 0.05 + 3 * 0.05)
    assert carried(COSTS, WAITING) == pytest.approx(100 / 1.2)
    assert latency(COSTS, WAITING) == pytest.approx(600 / (100 / 1.2))  # Little's law
    # Of 1,000, the first 600 see blocks 1 to 6, the others six blocks each.
    assert latency(COSTS, WAITING, 1_000) == pytest.approx(1.2 * (0.6 * 3.5 + 0.4 * 6))


def test_three_waiting_chains_carry_three_times_as_much():
    three = replace(WAITING, chains=3)
    assert carried(COSTS, three) == pytest.approx(3 * carried(COSTS, WAITING))
    assert latency(COSTS, three) == pytest.approx(latency(COSTS, WAITING) / 3)
    # 1,000 transactions are ten blocks of one chain, and four of each of three.
    assert carried(COSTS, three, 1_000) / carried(COSTS, WAITING, 1_000) == pytest.approx(10 / 4)


def test_where_the_cores_are_busy_three_chains_carry_no_more():
    one, three = carried(COSTS, BUSY), carried(COSTS, replace(BUSY, chains=3))
    assert one == pytest.approx(4_000 * 2 / (4 * (0.01 + 0.0002 * 4_000) + 0.0001 * 4_000))
    assert three == pytest.approx(one)


def test_on_machines_of_their_own_they_do():
    own = replace(BUSY, own_machines=True)
    assert carried(COSTS, replace(own, chains=3)) == pytest.approx(3 * carried(COSTS, own))
    # Two cores work at both processes, but the application at one of them.
    assert between_blocks(COSTS, own) == pytest.approx((0.01 + 0.0002 * 4_000) / 2)
    alone = replace(COSTS, application=0.00015)
    assert between_blocks(alone, own) == pytest.approx(0.00015 * 4_000)


def test_few_under_way_fill_no_block():
    few = replace(BUSY, ahead=300)
    assert carried(COSTS, few) == pytest.approx(200 / between_blocks(COSTS, few))
    assert carried(COSTS, few, 50) == pytest.approx(50 / between_blocks(COSTS, few, 50))


def test_costs_are_found_from_runs_of_one_chain():
    runs = [
        Ran(n, blocks, 4, 4 * (0.01 * blocks + 0.0002 * n), 4 * 0.0001 * n, 0.0001 * n)
        for n, blocks in ((1_000, 10), (5_000, 50), (20_000, 8))
    ]
    found = fitted(runs, wait=0.05)
    assert found.block == pytest.approx(COSTS.block)
    assert found.transaction == pytest.approx(COSTS.transaction)
    assert (found.application, found.sending) == pytest.approx((COSTS.application, COSTS.sending))


def test_no_cost_is_below_nothing():
    runs = [Ran(1_000, 10, 4, 4.0, 1.0, 0.1), Ran(1_000, 20, 4, 3.0, 1.0, 0.1)]
    assert fitted(runs, wait=-1.0).block == 0
    assert fitted(runs, wait=-1.0).wait == 0
