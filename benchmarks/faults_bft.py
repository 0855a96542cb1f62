"""Four validators under load in every kind of trouble: no fork, nothing acknowledged is lost, it goes on."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.case import Case, Measured, Progress, at_least, at_most, exactly

PATIENCE = 60.0
AT_ONCE = 2  # networks; most of the time is spent waiting
HEALS = 30.0  # seconds within which it must go on
COUNTS = {
    "application killed": 30,
    "engine killed": 30,
    "both killed": 30,
    "application paused": 8,
    "both paused": 8,
    "network cut": 25,
    "network slow": 20,
    "disk emptied, blocks replayed": 12,
    "disk emptied, snapshot taken": 10,
    "wrong state hash": 7,
    "garbage proposed": 7,
    "votes withheld": 7,
    "signs twice": 6,
    "two of four down": 8,
}


def suffered(kind: str, times: int, seed: int) -> dict[str, Any]:
    """One network in this trouble so many times; what it took to heal, and what was wrong afterwards."""
    from benchmarks.bft.load import Load
    from benchmarks.bft.members import KEYS, network
    from benchmarks.bft.trouble import KINDS, Stage
    from tallystick.engines.engine import EngineError

    healed: list[float] = []
    wrong: list[str] = []
    with tempfile.TemporaryDirectory(prefix="bft") as folder, network(Path(folder)) as (net, proxy):
        with Load(net, KEYS) as load:
            stage = Stage(net, proxy, load, random.Random(seed))
            load.progress(time.monotonic(), PATIENCE)
            for number in range(times):
                # Who begins with a snapshot lacks the blocks before it: two keep them all.
                victim = 2 + number % 2 if "snapshot" in kind else (seed + number) % 4
                try:
                    KINDS[kind](stage, victim)
                    took = load.progress(time.monotonic(), PATIENCE)
                    if took is None:
                        wrong.append(f"case {number}: nothing was decided within {PATIENCE:g} s of healing")
                        break
                    healed.append(took)
                    stage.level(net.validators[victim])
                except (AssertionError, TimeoutError, EngineError) as error:
                    wrong.append(f"case {number}: {error}")
                    break
        return {"kind": kind, "healed": healed, "wrong": wrong, **_aftermath(net, load.heard, wrong)}


def _aftermath(net: Any, notices: Any, wrong: list[str]) -> dict[str, Any]:
    """Forks, losses and tokens once everything is quiet."""
    from tallystick.engines.engine import EngineError
    from tallystick.ledger.state import ACCOUNTS, CHAIN

    forks, lost, amiss = 0, 0, 0
    try:
        net.agreed(PATIENCE)
        forks = len(net.forks())
        with net.engine(prove=False) as engine:
            lost = sum(engine.find(name) is None for name in notices.acknowledged)
            chain = CHAIN.decode(engine.get(CHAIN.key().encode()) or b"")
            held = sum(ACCOUNTS.decode(value).balance for _, value in engine.scan(b"account/", 1000))
            amiss = abs(chain.issued - held - chain.pool)
    except (TimeoutError, EngineError) as error:
        wrong.append(f"afterwards: {error}")
    return {"forks": forks, "lost": lost, "amiss": amiss, "acknowledged": len(notices.acknowledged)}


def _all_suffered(pool: Executor, few: Sequence[tuple[str, int, int]]) -> list[dict[str, Any]]:
    return list(pool.map(suffered, *zip(*few, strict=True)))


def measure(smoke: bool, progress: Progress) -> list[Measured]:
    kinds = [(kind, 1 if smoke else times, seed) for seed, (kind, times) in enumerate(COUNTS.items())]
    if smoke:
        kinds = [kind for kind in kinds if kind[0] in ("both killed", "network cut")]
    results: list[dict[str, Any]] = []
    with ProcessPoolExecutor(AT_ONCE, mp_context=get_context("spawn")) as pool:
        for start in range(0, len(kinds), AT_ONCE):
            few = kinds[start : start + AT_ONCE]
            key = "; ".join(f"{kind} {times}" for kind, times, _ in few)
            some = progress.once(key, partial(_all_suffered, pool, few))
            for result, (_, times, _) in zip(some, few, strict=True):
                line = f"{result['acknowledged']} acknowledged, {result['wrong']}"
                progress(f"{result['kind']}: {len(result['healed'])} of {times}, {line}")
            results += some
    return _rows(results, smoke)


def _rows(results: list[dict[str, Any]], smoke: bool) -> list[Measured]:
    cases = sum(len(result["healed"]) for result in results)
    wrong = [f"{result['kind']}: {line}" for result in results for line in result["wrong"]]
    slowest = max((took for result in results for took in result["healed"]), default=PATIENCE)
    kinds = "; ".join(f"{result['kind']} {len(result['healed'])}" for result in results)
    worst = {result["kind"]: max(result["healed"], default=PATIENCE) for result in results}
    longest = max(worst, key=lambda kind: worst[kind])
    note = f"Four validators of CometBFT v0.38.25 on this machine, four members that always send: {kinds}."
    target = None if smoke else at_least(200)
    return [
        Measured(value=cases, unit="cases", what="of trouble that were healed", target=target, note=note),
        Measured(
            value=len(wrong),
            unit="cases",
            what="in which something was wrong",
            target=exactly(0),
            note="; ".join(wrong)[:600],
        ),
        Measured(
            value=sum(result["forks"] for result in results),
            unit="heights",
            what="at which two validators named different states",
            target=exactly(0),
        ),
        Measured(
            value=sum(result["lost"] for result in results),
            unit="transactions",
            what="acknowledged and lost",
            target=exactly(0),
            note=f"of {sum(result['acknowledged'] for result in results):,}",
        ),
        Measured(
            value=sum(result["amiss"] for result in results),
            unit="tokens",
            what="that appeared or vanished",
            target=exactly(0),
        ),
        Measured(
            value=round(slowest, 2),
            unit="s",
            what="the longest from healing to the next acknowledged transaction",
            target=at_most(HEALS),
            note=f"with {longest}",
        ),
    ]


CASES = (
    Case(
        "faults", "bft-validators", "four validators under load in 14 kinds of trouble", measure, minutes=55
    ),
)
