"""One chain of four validators against three (coalition paper, figs 2-3), and a model that explains both."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from multiprocessing import Manager, get_context
from typing import Any

from benchmarks.case import Case, Figure, Measured, Peer, Progress, at_least
from benchmarks.chains.network import Kind, chain

COUNTS = (1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000)
CHAINS = (1, 3)
SENDERS = 2_500
PATIENCE = 180.0
WHERE = {"waiting": "where chains wait", "cores": "where this machine's cores are the limit"}

Curves = dict[tuple[str, int], list[dict[str, float]]]  # by setting and number of chains


@dataclass(frozen=True)
class Setting:
    """How chains are made and how they are loaded."""

    kind: Kind
    ahead: int  # transactions under way at one time, on all chains together
    rate: float = 1e9  # transactions a second that are sent at most, on all chains together
    counts: tuple[int, ...] = COUNTS
    spends: float = 150.0  # seconds for the curve of one chain; a count that would take longer is left out


# Chains that mostly wait: small blocks, the pause that CometBFT has by itself, messages that take long.
WAITING = Setting(Kind(holds=100, delay=0.05, jitter=0.01, pause=1_000), ahead=600, spends=230.0)
# Chains as ours are set, which have work for all cores.
CORES = Setting(Kind(), ahead=2_400, spends=600.0)
SETTINGS = {"waiting": WAITING, "cores": CORES}


def serve(
    setting: Setting, number: int, chains: int, counts: Sequence[int], port: int, gate: Any
) -> list[dict[str, Any]]:
    """One of the chains through all counts, in a process of its own; all chains begin each count together."""
    from benchmarks.chains.steady import hold

    steps: list[dict[str, Any]] = []
    spent = 0.0
    with _network(setting.kind, port) as (urls, source, processes):
        for count, following in zip(counts, (*counts[1:], 0), strict=True):
            transactions = source.take(count // chains + (number < count % chains))
            used: list[list[float]] = []

            def ready(used: list[list[float]] = used) -> None:
                gate.wait(PATIENCE)
                used.append([*map(_used, processes), time.process_time()])

            visible = hold(urls, transactions, setting.ahead // chains, setting.rate / chains, ready)
            used.append([*map(_used, processes), time.process_time()])
            applications, engines, load = (b - a for a, b in zip(*used, strict=True))
            cpu = {"applications": applications, "engines": engines, "load": load}
            steps.append({"count": count, **cpu, **asdict(visible)})
            took = visible.ended - visible.began
            spent += took
            if chains == 1 and spent + took * following / count > setting.spends:
                break
    return steps


@contextmanager
def _network(kind: Kind, port: int) -> Iterator[tuple[list[str], Any, list[list[int]]]]:
    """A chain's nodes, what makes transactions for it, and the processes of applications and of engines."""
    from benchmarks.bench_bft import Pairs, Transfers, members

    keys, founders = members(SENDERS)
    size = len(Transfers(keys, "trouble").take(SENDERS)[-1])
    with chain(kind, founders, size, port) as net:
        applications = [validator.application for validator in net.validators if validator.application]
        engines = [validator.engine for validator in net.validators if validator.engine]
        source = Pairs(size) if kind.engine == "kvstore" else Transfers(keys, net.genesis.chain)
        yield [validator.url for validator in net.validators], source, [applications, engines]


def _used(processes: list[int]) -> float:
    from benchmarks.bft.offered import cpu_seconds

    return sum(map(cpu_seconds, processes))


def curve(setting: Setting, chains: int, counts: Sequence[int]) -> list[dict[str, float]]:
    """The same counts of transactions over so many chains together."""
    from benchmarks.bft.net import PORTS, free_ports

    row = setting.kind.validators
    first = free_ports(row * chains)
    with Manager() as manager, ProcessPoolExecutor(chains, mp_context=get_context("spawn")) as pool:
        gate = manager.Barrier(chains)
        running = [
            pool.submit(serve, setting, at, chains, counts, first + PORTS * row * at, gate)
            for at in range(chains)
        ]
        each = [worker.result() for worker in running]
    return [_together(some) for some in zip(*each, strict=True)]


def _together(some: Sequence[dict[str, Any]]) -> dict[str, float]:
    """What all chains did in one step."""
    total = {
        name: sum(chain[name] for chain in some)
        for name in ("sent", "decided", "blocks", "empty", "applications", "engines", "load")
    }
    seconds = max(chain["ended"] for chain in some) - min(chain["began"] for chain in some)
    latency = sum(chain["latency"] * chain["decided"] for chain in some) / max(1, total["decided"])
    carried = total["decided"] / max(1e-9, seconds)
    return {"count": some[0]["count"], **total, "seconds": seconds, "latency": latency, "carried": carried}


def measure(smoke: bool, progress: Progress) -> Figure:
    settings, numbers = SETTINGS, CHAINS
    if smoke:
        numbers = (1, 2)
        quick = replace(WAITING.kind, holds=50, pause=100)
        settings = {"waiting": replace(WAITING, kind=quick, counts=(100, 200), ahead=150)}
    curves: Curves = {}
    for name, setting in settings.items():
        counts: Sequence[int] = setting.counts
        for chains in numbers:
            steps = progress.once(
                f"{setting} {chains} {list(counts)}",
                partial(curve, setting, chains, tuple(counts)),
            )
            carried = ", ".join(f"{step['carried']:,.0f} tx/s of {step['count']:,}" for step in steps)
            progress(f"{name}, {chains} × {setting.kind.validators}: {carried}")
            curves[name, chains] = steps
            counts = [int(step["count"]) for step in steps]
    return shown(settings, numbers, curves, smoke)


def costs_of(settings: Mapping[str, Setting], curves: Curves) -> Any:
    """The model's costs, from the runs of one chain alone."""
    from benchmarks.chains.model import HOPS, Ran, fitted

    runs = [
        Ran(
            step["decided"],
            step["blocks"],
            setting.kind.validators,
            step["applications"] + step["engines"],
            step["applications"],
            step["load"],
        )
        for name, setting in settings.items()
        for step in curves[name, 1]
    ]
    calm, last = settings["waiting"].kind, curves["waiting", 1][-1]
    wait = last["seconds"] / max(1.0, last["blocks"]) - calm.pause / 1000 - HOPS * calm.delay
    return fitted(runs, wait)


def place_of(setting: Setting, chains: int) -> Any:
    from benchmarks.chains.model import Place

    kind = setting.kind
    return Place(
        chains, kind.holds, setting.ahead, kind.delay, kind.pause / 1000, kind.validators, os.cpu_count() or 1
    )


def shown(settings: Mapping[str, Setting], numbers: Sequence[int], curves: Curves, smoke: bool) -> Figure:
    costs = costs_of(settings, curves)
    measured: list[Measured] = []
    for name, setting in settings.items():
        single, many = (curves[name, chains] for chains in numbers)
        measured += _gained(name, setting, numbers[-1], single, many, smoke)
        measured.append(_foretold(name, costs, place_of(setting, numbers[-1]), many))
    total = [step for steps in curves.values() for step in steps]
    share = sum(step["decided"] for step in total) / sum(step["count"] for step in total)
    measured.append(
        Measured(value=share, unit="of 1", what="of the transactions decided", target=at_least(1))
    )
    far = replace(CORES.kind, delay=WAITING.kind.delay)
    measured.append(_on_own_machines(costs, replace(CORES, kind=far)))
    return Figure(measured, _drawn(settings, numbers, curves, costs))


def _gained(
    name: str,
    setting: Setting,
    chains: int,
    single: list[dict[str, float]],
    many: list[dict[str, float]],
    smoke: bool,
) -> list[Measured]:
    """What more chains gain, at the most transactions that were sent."""
    last, top, kind = single[-1], many[-1], setting.kind
    steps = "; ".join(
        f"{step['count']:,}: {step['carried']:,.0f} and {more['carried']:,.0f} tx/s"
        for step, more in zip(single, many, strict=True)
    )
    how = (
        f"{kind.holds:,} transactions in a block at most, {kind.pause} ms after each, "
        f"{setting.ahead:,} under way, {kind.delay * 1000:g} ± {kind.jitter * 1000:g} ms between nodes"
    )
    left = [count for count in setting.counts if count > last["count"]]
    stops = f"; {left[0]:,} and more would take too long for a default run" if left else ""
    where = f"{WHERE[name]}, {last['count']:,} transactions"
    busy = sum(top[part] for part in ("applications", "engines", "load")) / top["seconds"]
    return [
        Measured(
            value=round(top["carried"] / last["carried"], 3),
            unit="× one chain",
            what=f"carried by {chains} chains of {kind.validators} validators, {where}",
            target=at_least(2.5) if name == "waiting" and not smoke else None,
            peer=Peer("coalition paper at 10,000", 1.79),
            note=f"{steps}; {how}; {chains} chains used {busy:.2f} of {os.cpu_count()} cores{stops}",
        ),
        Measured(
            value=round(top["latency"] / last["latency"], 3),
            unit="× one chain",
            what=f"average latency until visible on every node, {where}",
            peer=Peer("coalition paper at 200,000", round(1.5 / 2.25, 3)),
            note=f"{top['latency']:.2f} s against {last['latency']:.2f} s; nodes are looked at every 50 ms",
        ),
        Measured(
            value=round(100 * top["empty"] / max(1, top["blocks"]), 1),
            unit="% of blocks",
            what=f"empty with {chains} chains, {where}",
            note=f"{top['empty']:,.0f} of {top['blocks']:,.0f}; one chain {last['empty']:,.0f} of "
            f"{last['blocks']:,.0f}",
        ),
    ]


def _foretold(name: str, costs: Any, place: Any, many: list[dict[str, float]]) -> Measured:
    """How far the model, which knows one chain only, is from what several did."""
    from benchmarks.chains.model import carried, latency

    top = many[-1]
    foretold = carried(costs, place, top["count"])
    return Measured(
        value=round(100 * abs(foretold / top["carried"] - 1), 1),
        unit="%",
        what=f"the model, fitted on one chain, is wrong about {place.chains}, {WHERE[name]}",
        note=f"{foretold:,.0f} tx/s for {top['carried']:,.0f}, "
        f"{latency(costs, place, top['count']):.2f} s for {top['latency']:.2f} s",
    )


def _on_own_machines(costs: Any, setting: Setting) -> Measured:
    from benchmarks.chains.model import carried

    place = replace(place_of(setting, 3), own_machines=True, ahead=math.inf)
    alone = carried(costs, replace(place, chains=1))
    return Measured(
        value=round(carried(costs, place)),
        unit="tx/s",
        what="would 3 chains carry on 3 × 4 machines of their own, by the model",
        note=f"not measured; one chain on four {alone:,.0f}; each with the cores of this one, "
        f"{place.delay * 1000:g} ms apart, blocks of {place.holds:,}; a block costs a validator "
        f"{costs.block * 1000:.1f} ms of a core, a transaction {costs.transaction * 1000:.3f} ms, "
        f"{costs.application * 1000:.3f} of them the application, which has one core; the rest of a block's "
        f"time is {costs.wait * 1000:.0f} ms",
    )


def _drawn(settings: Mapping[str, Setting], numbers: Sequence[int], courses: Curves, costs: Any) -> list[Any]:
    from benchmarks.chains.model import carried, latency
    from tallystick.report.plots import Curve, Panel

    panels = []
    for name, setting in settings.items():
        for up, part, forecast in (("tx/s", "carried", carried), ("latency, s", "latency", latency)):
            curves = {}
            for chains in numbers:
                steps, place = courses[name, chains], place_of(setting, chains)
                counts = [step["count"] for step in steps]
                label = f"{chains} chain{'s' * (chains > 1)}"
                curves[label] = Curve(counts, [step[part] for step in steps])
                curves[f"{label}, model"] = Curve(counts, [forecast(costs, place, count) for count in counts])
            panels.append(Panel(f"transactions, {name}", up, curves, log=True))
    return panels


CASES = (Case("bench", "bft-chains", "one chain of four validators against three", measure, minutes=10),)
