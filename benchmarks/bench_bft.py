"""Four validators under load: ours beside the engine's own key-value store; and the papers' light load."""

from __future__ import annotations

import os
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.case import Case, Figure, Measured, Progress, at_least, at_most

SENDERS = 2_560  # a multiple of the 40 connections: a member hands its transactions to one node, in order
RATES = (500, 1_000, 1_500, 2_000, 2_500, 3_000, 4_000, 5_000)
SECONDS = 15.0
LIGHT_RATE, LIGHT_SECONDS, LIGHT_PAUSE = 5, 120, 2_000


def members(count: int) -> tuple[list[Any], tuple[Any, ...]]:
    """Members that only send: their keys and how the genesis names them."""
    from tallystick.base.ids import digest
    from tallystick.base.keys import SigningKey
    from tallystick.client import encryption_key
    from tallystick.ledger.genesis import Founder

    keys = [SigningKey(digest(b"bft bench", n.to_bytes(8))) for n in range(count)]
    founders = [
        Founder(f"m{n}", key.public, encryption_key(key.public), (), 10**6) for n, key in enumerate(keys)
    ]
    return keys, tuple(founders)


class Transfers:
    """Signed transfers between members drawn at random, the senders in turn; never the same number twice."""

    def __init__(self, keys: Sequence[Any], chain: str) -> None:
        self._keys, self._chain, self._made = keys, chain, 0
        self._chance = random.Random(7)

    def take(self, count: int) -> list[bytes]:
        from tallystick.ledger.transactions import FORMAT, Envelope, Transfer, seal

        until = time.time_ns() // 10**6 + 3_600_000
        made = []
        for place in range(self._made, self._made + count):
            number, sender = divmod(place, len(self._keys))
            payee = (sender + 1 + self._chance.randrange(len(self._keys) - 1)) % len(self._keys)
            key = self._keys[sender]
            body = Transfer(f"m{payee}", 1 + self._chance.randrange(5))
            envelope = Envelope(FORMAT, self._chain, f"m{sender}", key.public, number, until, body)
            made.append(seal(envelope, key.sign))
        self._made += count
        return made


class Pairs:
    """Unsigned key=value transactions of a size."""

    def __init__(self, size: int) -> None:
        self._size, self._made = size, 0

    def take(self, count: int) -> list[bytes]:
        made = [f"k{at}=".encode().ljust(self._size, b"v") for at in range(self._made, self._made + count)]
        self._made += count
        return made


@contextmanager
def ours(senders: int, pause: int = 100) -> Iterator[tuple[Any, Transfers]]:
    """Four validators of ours."""
    from benchmarks.bft.members import NODES, genesis
    from benchmarks.bft.net import write
    from tallystick.engines.cometbft.homes import Pace

    keys, founders = members(senders)
    with tempfile.TemporaryDirectory(prefix="bft") as folder:
        net = write(Path(folder), genesis(founders), NODES, pace=Pace(block=pause))
        with net:
            net.start()
            yield net, Transfers(keys, net.genesis.chain)


@contextmanager
def kvstore(size: int) -> Iterator[tuple[list[str], Pairs]]:
    """Four of the engine's own nodes with the key-value store that is built into it, with our settings."""
    from benchmarks.bft.members import NODES, genesis
    from benchmarks.bft.net import write
    from benchmarks.chains.network import Store

    with tempfile.TemporaryDirectory(prefix="bft") as folder:
        net = write(Path(folder), genesis(), NODES)
        net.validators = [Store(validator.home) for validator in net.validators]
        with net:
            net.start()
            yield [validator.url for validator in net.validators], Pairs(size)


def ladder(urls: list[str], source: Any, rates: Sequence[float], seconds: float) -> list[dict[str, float]]:
    """The same network at one rate after the other, until more load no longer carries more."""
    from benchmarks.bft.offered import carry

    steps: list[dict[str, float]] = []
    for rate in rates:
        steps.append(_step(carry(urls, source.take(int(rate * seconds)), rate)))
        best = _best(steps)
        if len(steps) > 2 and all(step["committed"] < 0.97 * best for step in steps[-2:]):
            break
    return steps


def _step(carried: Any) -> dict[str, float]:
    return {
        "offered": carried.offered,
        "committed": carried.committed,
        "share": carried.decided / carried.sent,
        "median": carried.percentile(0.5),
        "p95": carried.percentile(0.95),
        "blocks": carried.blocks,
    }


def throughput(smoke: bool, progress: Progress) -> Figure:
    rates, seconds, senders = ((100, 200), 3.0, 200) if smoke else (RATES, SECONDS, SENDERS)
    size = len(Transfers(members(1_000)[0], "trouble").take(1_000)[-1])

    def run_ours(rates: Sequence[float]) -> dict[str, Any]:
        with ours(senders) as (net, source):
            steps = ladder([validator.url for validator in net.validators], source, rates, seconds)
            net.agreed()
            return {"steps": steps, "forks": len(net.forks())}

    def run_kvstore() -> dict[str, Any]:
        with kvstore(size) as (urls, source):
            return {"steps": ladder(urls, source, rates, seconds)}

    theirs = progress.once(f"kvstore {rates} {seconds}", run_kvstore)
    progress(f"kvstore: {_listed(theirs['steps'])}")
    own = progress.once(f"ours {rates} {seconds}", lambda: run_ours(rates))
    progress(f"ours: {_listed(own['steps'])}")
    calm_rate = 0.7 * _best(own["steps"])
    calm = progress.once(f"ours calm {seconds}", lambda: run_ours([calm_rate]))
    progress(f"ours at 70 %: {_listed(calm['steps'])}")
    return _figure(own, theirs, calm, size, smoke)


def _best(steps: list[dict[str, float]]) -> float:
    return max(step["committed"] for step in steps)


def _listed(steps: list[dict[str, float]]) -> str:
    return ", ".join(f"{step['committed']:,.0f} of {step['offered']:,.0f}" for step in steps)


def _figure(
    own: dict[str, Any], theirs: dict[str, Any], calm: dict[str, Any], size: int, smoke: bool
) -> Figure:
    from tallystick.report.plots import Curve, Panel

    best, peer = _best(own["steps"]), _best(theirs["steps"])
    (quiet,) = calm["steps"]
    where = f"four validators on this machine, {os.cpu_count()} cores for all of them and the load"
    measured = [
        Measured(
            value=round(best / peer, 3),
            unit="× kvstore",
            what="committed at saturation, ours against the engine's built-in key-value store",
            target=None if smoke else at_least(0.6),
            note=f"{where}; transactions of {size} bytes, ours signed, 40 connections, the same settings",
        ),
        Measured(value=round(best), unit="tx/s", what="ours at saturation", note=_listed(own["steps"])),
        Measured(value=round(peer), unit="tx/s", what="kvstore at saturation", note=_listed(theirs["steps"])),
        Measured(
            value=round(quiet["p95"], 3),
            unit="s",
            what="p95 latency of ours at 70 % of saturation",
            target=None if smoke else at_most(2.0),
            note=f"a new network, offered {quiet['offered']:,.0f} tx/s, median {quiet['median']:.2f} s; from "
            "when a transaction was due to be sent until its block was seen",
        ),
        Measured(
            value=own["forks"] + calm["forks"],
            unit="heights",
            what="at which two validators differed",
            target=at_most(0),
        ),
    ]
    sides = {"ours": own["steps"], "kvstore": theirs["steps"]}

    def curves(name: str) -> dict[str, Curve]:
        return {
            side: Curve([step["offered"] for step in steps], [step[name] for step in steps])
            for side, steps in sides.items()
        }

    return Figure(
        measured,
        [
            Panel("offered, tx/s", "committed, tx/s", curves("committed")),
            Panel("offered, tx/s", "p95 latency, s", curves("p95")),
        ],
    )


def light_load(smoke: bool, progress: Progress) -> list[Measured]:
    from benchmarks.bft.offered import carry, cpu_seconds

    seconds = 6 if smoke else LIGHT_SECONDS
    with ours(20, LIGHT_PAUSE) as (net, source):
        pids = [(validator.application, validator.engine) for validator in net.validators]
        before = [[cpu_seconds(pid or 0) for pid in pair] for pair in pids]
        begun = time.monotonic()
        carried = carry(
            [validator.url for validator in net.validators], source.take(LIGHT_RATE * seconds), LIGHT_RATE
        )
        spent = time.monotonic() - begun
        after = [[cpu_seconds(pid or 0) for pid in pair] for pair in pids]
    used = [[b - a for a, b in zip(*pair, strict=True)] for pair in zip(before, after, strict=True)]
    share = max(sum(pair) for pair in used) / spent
    parts = [sum(pair[at] for pair in used) / max(1e-9, sum(map(sum, used))) for at in (0, 1)]
    progress(f"{carried.decided} of {carried.sent} in {carried.blocks} blocks")
    return [
        Measured(
            value=round(100 * share, 2),
            unit="% of a core",
            what="used by the busiest of four nodes, application and engine",
            parts={"application": round(parts[0], 3), "engine": round(parts[1], 3)},
            note=f"{LIGHT_RATE} signed transactions a second for {seconds} s, a block every 2 s, as in the "
            "papers' figures 8 and 9; their machines are others",
        ),
        Measured(
            value=round(carried.percentile(0.95), 2),
            unit="s",
            what="p95 latency",
            target=None if smoke else at_most(4.0),
            note=f"median {carried.percentile(0.5):.2f} s, {carried.blocks} blocks",
        ),
        Measured(
            value=carried.decided / carried.sent,
            unit="of 1",
            what="of the transactions decided",
            target=at_least(1),
        ),
    ]


CASES = (
    Case("bench", "bft-throughput", "four validators, open load to saturation", throughput, minutes=8),
    Case("bench", "bft-light-load", "four validators at 5 tx/s, a block every 2 s", light_load, minutes=3),
)
