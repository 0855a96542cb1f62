"""What several chains carry: blocks of n transactions, one every t seconds on each of m chains.

    n = min(K, 2 A / 3 m, N / m)   a block holds K; A of N are under way: each waits half a block, then one
    t = max(p + w + 3 h,           the pause after a block; proposal, vote and second vote travel h each
            (R (b + c n) + m s n) / C,   R validators share C cores with what sends
            a n)                   an application works on one core
    X = N / (t * ceil(N / m n))    transactions a second
    L = t (f (q + 1) / 2 + (1 - f) q)   seconds from submission until visible; q = A / m n blocks are ahead of
                                   one sent later, and the share f = A / N is sent at once, at the beginning

On one machine R = m V: more chains gain until its cores are busy. On machines of their own R = 1, s = 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

IN_BLOCKS = 1.5  # how long a transaction is under way at least
HOPS = 3  # proposal, prevote, precommit
ROUNDING = 1e-9


@dataclass(frozen=True)
class Costs:
    """What a block and a transaction take, in seconds of time and of a core."""

    wait: float  # w: from block to block beside the pause, where messages take no time
    block: float  # b: of a core of each validator, however few the block holds
    transaction: float  # c: of a core of each validator
    application: float  # a: the application's part of that
    sending: float  # s: of what sends a transaction and looks where it is


@dataclass(frozen=True)
class Place:
    """Where chains run and how they are used."""

    chains: int  # m
    holds: float  # K
    ahead: float  # A
    delay: float  # h, seconds
    pause: float  # p, seconds
    validators: int = 4  # V, of each chain
    cores: int = 2  # C
    own_machines: bool = False  # each validator has so many cores for itself, senders are elsewhere


@dataclass(frozen=True)
class Ran:
    """What is taken from a run of one chain alone; seconds are those of a core."""

    transactions: float
    blocks: float
    validators: int
    seconds: float  # of all validators together
    applications: float  # of their applications
    sending: float


def in_block(place: Place, transactions: float = math.inf) -> float:
    return min(place.holds, place.ahead / IN_BLOCKS / place.chains, transactions / place.chains)


def between_blocks(costs: Costs, place: Place, transactions: float = math.inf) -> float:
    """Seconds from a full block to the next."""
    many = in_block(place, transactions)
    work = costs.block + costs.transaction * many
    if not place.own_machines:
        work = place.chains * (place.validators * work + costs.sending * many)
    waiting = place.pause + costs.wait + HOPS * place.delay
    return max(waiting, work / place.cores, costs.application * many)


def carried(costs: Costs, place: Place, transactions: float = math.inf) -> float:
    """Transactions a second, of so many in all."""
    many = place.chains * in_block(place, transactions)
    time = between_blocks(costs, place, transactions)
    if math.isinf(transactions):
        return many / time
    return transactions / (time * math.ceil(transactions / many - ROUNDING))


def latency(costs: Costs, place: Place, transactions: float = math.inf) -> float:
    """Seconds on average from submission until a transaction is visible."""
    ahead = min(place.ahead, transactions)
    blocks = ahead / (place.chains * in_block(place, transactions))
    first = ahead / transactions
    return between_blocks(costs, place, transactions) * (first * (blocks + 1) / 2 + (1 - first) * blocks)


def fitted(runs: Sequence[Ran], wait: float) -> Costs:
    """The costs by least squares over runs of one chain, each of one weight; none is below nothing."""
    each = np.array([[run.blocks * run.validators, run.transactions * run.validators] for run in runs], float)
    took = np.array([run.seconds for run in runs], float)
    block, transaction = np.linalg.lstsq(each / took[:, None], np.ones(len(runs)), rcond=None)[0]
    if block < 0:
        block, transaction = 0.0, took.sum() / each[:, 1].sum()
    elif transaction < 0:
        block, transaction = took.sum() / each[:, 0].sum(), 0.0
    longest = max(runs, key=lambda run: run.transactions)
    application = longest.applications / (longest.transactions * longest.validators)
    sending = longest.sending / longest.transactions
    return Costs(max(0.0, wait), float(block), float(transaction), application, sending)
