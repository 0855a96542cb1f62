"""What a long past costs: a node's turn after many settled requests, and how often a run is replayed."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benchmarks.case import Case, Measured, Peer, Progress, at_most, exactly

NAMES = ("ada", "bob", "cleo", "dora")  # ada asks, the others serve
START = 1_900_000_000_000
FEW, MANY, TURNS = 10, 10_000, 200
INIT = "from tallystick.cli.main import main; main()"


class Clock:
    """Time that moves while nobody has anything to do."""

    def __init__(self, now: int = START) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now

    def rest(self, seconds: float) -> None:
        self.now += int(1000 * max(seconds, 1))


def table(seed: int, rows: int = 300) -> Any:
    """Readings of a machine, with the label that two of them give."""
    import numpy as np

    from tallystick.data.table import Table

    chance = np.random.default_rng(seed)
    vibration, heat = chance.normal(size=rows), chance.normal(size=rows)
    return Table({"vib": vibration, "temp": heat, "fault": (vibration + heat > 0.2).astype(np.int64)})


def settled_once(folder: Path) -> tuple[dict[bytes, bytes], str]:
    """All records of a ledger on which one request was served and settled, and that request's id."""
    import tallystick as ts

    named = [word for name in NAMES for word in ("--organisation", name)]
    command = [sys.executable, "-c", INIT, "ledger", "init", str(folder), *named, "--no-password"]
    subprocess.run(command, capture_output=True, check=True)
    clock = Clock()
    task, learner = ts.Task(["vib", "temp"], target="fault", labels=[0, 1]), ts.mlp(8, rate=0.2)
    with ts.open(folder, clock=clock) as ledger:
        for seed, name in enumerate(NAMES[1:]):
            node = ts.join(ledger, folder / "keys" / f"{name}.key")
            unit = node.register("pumps", table(seed), task, budget=ts.Budget(epsilon=10, delta=1e-5))
            node.allow(learner, presets=["mutual"], min_reward=50)
            node.grant(unit, to="any-member", purpose="research", uses=5)
        client: Any = ts.connect(ledger, folder / "keys" / "ada.key")
        plan = ts.Plan(task, preset="mutual", learner=learner, rounds=3, members=3, settings={"deposit": 20})
        request = client.post(plan, reward=500, deadline="2h", idle=clock.rest)
        ended = request.wait()
        if not isinstance(ended, ts.Settled):
            raise ValueError(f"the request was to be settled, and ended as {ended}")
        return dict(client.engine.scan(b"", 10**6)), request.request


def repeated(records: Mapping[bytes, bytes], request: str, count: int) -> dict[bytes, bytes]:
    """The same ledger with so many settled requests: each has all records of the first, under another id.

    Ids are of one length, so that a record with another id in it is still a record.
    """
    mark = request.encode()
    own = {key: value for key, value in records.items() if mark in key}
    made = dict(records)
    for number in range(count - 1):
        other = mark[:-32] + f"{number:032x}".encode()
        made |= {key.replace(mark, other): value.replace(mark, other) for key, value in own.items()}
    return made


def begun_with(records: Mapping[bytes, bytes], home: Path, folder: Path) -> Path:
    """A ledger in a folder that begins with these records; keys and genesis are those of the one at home."""
    from tallystick.base.keys import load_key
    from tallystick.client import BLOCKS_KEY, GENESIS
    from tallystick.engines.embedded.engine import EmbeddedEngine
    from tallystick.engines.engine import ledger_machine
    from tallystick.ledger.genesis import read_genesis

    genesis = read_genesis((home / GENESIS).read_text())
    machine = replace(ledger_machine(), first_writes=lambda _: records)
    key = load_key(home / BLOCKS_KEY)
    EmbeddedEngine(folder, keys=[key], genesis=genesis, clock=Clock(), machine=machine).close()
    shutil.copy(home / BLOCKS_KEY, folder / BLOCKS_KEY)
    shutil.copy(home / GENESIS, folder / GENESIS)
    return folder


def a_long_past(smoke: bool, progress: Progress) -> list[Measured]:
    """Two ledgers that differ in their past alone, and bob's node on each, turn about."""
    import tallystick as ts
    from tallystick.ledger import views
    from tallystick.node.serving import turn

    many = 100 if smoke else MANY
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(temporary)
        records, request = settled_once(home / "once")
        nodes = {}
        for count in (FEW, many):
            folder = begun_with(repeated(records, request, count), home / "once", home / str(count))
            nodes[count] = ts.join(folder, home / "once" / "keys" / "bob.key", clock=Clock(START + 10**9))
            settled = len(views.requests(nodes[count].engine, stage="settled"))
            if settled != count:
                raise ValueError(f"{count} requests were to be settled, and {settled} are")
            progress(f"a ledger of {count:,} settled requests")
        taken: dict[int, list[float]] = {count: [] for count in nodes}
        for _ in range(10 if smoke else TURNS):
            for count, node in nodes.items():
                begun = time.process_time()
                turn([node], node.engine, node.session.now())
                taken[count].append(time.process_time() - begun)
        for node in nodes.values():
            node.close()
    few, long = (statistics.median(taken[count]) for count in (FEW, many))
    replays = executions(rounds=2 if smoke else 6)
    progress(f"a finished run was executed again {replays} times")
    return [
        Measured(
            what=f"a turn of a node on a ledger of {many:,} settled requests, beside one of {FEW}",
            value=long / few,
            unit="×",
            target=at_most(1.2),
            note=f"medians of {len(taken[FEW])} turns with nothing to do, in a processor's time; "
            "each settled request has all its records",
        ),
        Measured(
            what="that turn", value=long * 1000, unit="ms", peer=Peer(f"with {FEW}", round(few * 1000, 3))
        ),
        Measured(
            what="times that a finished simulation executes its ledger again, its report among it",
            value=replays,
            unit="executions",
            target=exactly(1),
        ),
    ]


def executions(rounds: int) -> int:
    """How often the blocks of a simulated run are executed after they were made, to report on it."""
    import numpy as np

    from tallystick.base.task import task
    from tallystick.learning.learner import Rows
    from tallystick.learning.models import linear
    from tallystick.ledger import transition
    from tallystick.protocols.plans import presets
    from tallystick.simulation.members import Members
    from tallystick.simulation.setting import Brought
    from tallystick.simulation.study import simulate

    def rows(count: int) -> Rows:
        y = chance.integers(0, 2, count).astype(np.int32)
        return Rows((chance.normal(size=(count, 4)) + y[:, None]).astype(np.float32), y)

    chance, times = np.random.default_rng(7), Counter[int]()
    roots = [(bytes([number, 0] * 16), bytes([number, 1] * 16)) for number in range(3)]
    brought = {f"m{number}": Brought(rows(120), rows(60), own) for number, own in enumerate(roots)}
    honest = transition.apply_block

    def counted(reader: Any, transactions: Any, block: Any, *more: Any) -> Any:
        times[block.height] += 1
        return honest(reader, transactions, block, *more)

    with patch.object(transition, "apply_block", counted), tempfile.TemporaryDirectory() as folder:
        run = simulate(
            presets.mutual(linear(rate=0.5), rounds=rounds),
            Members(task([f"p{number}" for number in range(4)], "label", range(2)), brought),
        )
        run.report(Path(folder) / "report.html")
    return max(times.values()) - 1


CASES = (
    Case(
        "bench", "history-10000", "a node and a report, with a long past behind them", a_long_past, minutes=1
    ),
)
