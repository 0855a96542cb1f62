"""What a person waits for: the demo from its command to its last line, a simulated round on the ledger."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any

from benchmarks.case import ROOT, Case, Measured, Peer, Progress, Target, at_most

BEFORE = "72e2dd9"  # the commit that was reviewed before the house was rebuilt
DEMO = "from tallystick.cli.main import main; main()"
MEMBERS, ROWS, JUDGING, PIXELS, LABELS, HIDDEN = 50, 1_000, 200, 784, 10, 128
ROUNDS = 3  # timed: those between the first, in which programs are compiled, and the last
STAGES = {"train": "training", "judge": "judging", "combine": "combining"}


@dataclass(frozen=True)
class Taken:
    """What one run of the demo took: seconds of the clock, seconds of processors, MiB at most."""

    clock: float
    processors: float
    memory: float


def demo_of(source: Path) -> Taken:
    """The demo of these sources in a fresh process and an empty folder, as a person has it."""
    command, environment = [sys.executable, "-c", DEMO, "demo"], os.environ | {"PYTHONPATH": str(source)}
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as shown:
        begun = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=shown, stderr=subprocess.STDOUT
        )
        _, status, usage = os.wait4(process.pid, 0)
        clock = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        shown.seek(0)
        text = shown.read().decode(errors="replace")
    if process.returncode or "all true" not in text:
        raise ValueError(f"the demo did not tell its story to the end: {text[-300:]}")
    return Taken(clock, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def earlier(folder: Path) -> Path | None:
    """The sources as they were before the house was rebuilt; None where that commit is not to be had."""
    archive = folder / "earlier.tar"
    command = ["git", "archive", "--output", str(archive), BEFORE, "src"]
    if subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode:
        return None
    with tarfile.open(archive) as opened:
        opened.extractall(folder, filter="data")
    return folder / "src"


def demo(smoke: bool, progress: Progress) -> list[Measured]:
    """The demo of today and the one of an earlier commit, turn about, so that a busy minute meets both."""
    with tempfile.TemporaryDirectory() as folder:
        known = earlier(Path(folder))
        sources = {"today": ROOT / "src"} | ({} if known is None else {BEFORE: known})
        runs: dict[str, list[Taken]] = {name: [] for name in sources}
        for number in range(1 if smoke else 5):
            for name, source in sources.items():
                runs[name].append(demo_of(source))
                taken = runs[name][-1]
                progress(
                    f"run {number + 1}, {name}: {taken.clock:.1f} s, {taken.processors:.1f} s of processors"
                )
    today, before = runs["today"], runs.get(BEFORE, [])
    return [
        _median("seconds from `tally demo` to its last line", "clock", runs, at_most(60)),
        _median("seconds of processors that it takes", "processors", runs, None),
        *(_beside(today, before) if before else []),
        Measured(what="most memory that it takes", value=max(run.memory for run in today), unit="MiB"),
    ]


def _beside(today: Sequence[Taken], before: Sequence[Taken]) -> list[Measured]:
    """Whether the demo is slower than it was; the quickest runs are those that nothing else disturbed."""
    words = {"clock": "by the clock", "processors": "in seconds of processors"}
    return [
        Measured(
            what=f"the demo beside itself at {BEFORE}, {text}",
            value=min(getattr(run, kind) for run in today) / min(getattr(run, kind) for run in before),
            unit="×",
            target=at_most(1),
            note=f"the quickest of {len(today)} runs each, turn about",
        )
        for kind, text in words.items()
    ]


def _median(what: str, kind: str, runs: Mapping[str, Sequence[Taken]], target: Target | None) -> Measured:
    figures = {name: [getattr(run, kind) for run in taken] for name, taken in runs.items()}
    today, before = figures["today"], figures.get(BEFORE)
    return Measured(
        what=what,
        value=statistics.median(today),
        unit="s",
        target=target,
        peer=None if before is None else Peer(f"the same at {BEFORE}", statistics.median(before)),
        spread=(min(today), max(today)),
        note=f"median of {len(today)} fresh processes; five members, six rounds, one process",
    )


@dataclass(eq=False)
class Watch:
    """Seconds by what they were spent on: what runs inside another is not counted to it."""

    spent: dict[str, float] = field(default_factory=dict)
    inside: list[str] = field(default_factory=lambda: ["ledger"])
    since: float = field(default_factory=time.perf_counter)

    def note(self) -> None:
        """What was running until now is counted."""
        now = time.perf_counter()
        self.spent[self.inside[-1]] = self.spent.get(self.inside[-1], 0.0) + now - self.since
        self.since = now

    @contextmanager
    def on(self, what: str) -> Iterator[None]:
        self.note()
        self.inside.append(what)
        try:
            yield
        finally:
            self.note()
            self.inside.pop()

    def timed(self, what: str, work: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(work)
        def watched(*given: Any, **named: Any) -> Any:
            with self.on(what):
                return work(*given, **named)

        return watched


def members() -> Any:
    """Fifty members with rows of MNIST's training set, each row once."""
    import numpy as np

    from tallystick.base.ids import digest
    from tallystick.base.task import task
    from tallystick.data.datasets import load
    from tallystick.learning.learner import Rows
    from tallystick.simulation.members import Members
    from tallystick.simulation.setting import Brought

    train = load("mnist")["train"]
    x = np.asarray(train["image"]).reshape(-1, PIXELS)
    y = np.asarray(train["label"]).astype(np.int32)
    places = np.random.default_rng(7).permutation(len(y))[: MEMBERS * (ROWS + JUDGING)].reshape(MEMBERS, -1)
    brought = {}
    for number, own in enumerate(places):
        parts = [Rows(x[rows], y[rows]) for rows in (own[:ROWS], own[ROWS:])]
        roots = [digest(b"rows", bytes([number, kind])) for kind in (0, 1)]
        brought[f"m{number:02}"] = Brought(parts[0], parts[1], (roots[0], roots[1]))
    digits = task([f"p{number}" for number in range(PIXELS)], "digit", range(LABELS))
    return Members(digits, brought)


def round_on_ledger(smoke: bool, progress: Progress) -> list[Measured]:
    """Mutual supervision by fifty: all train, all judge all, one combines; every post signed, in blocks."""
    from tallystick.learning import payload
    from tallystick.learning.models import mlp
    from tallystick.node.payloads import store as payloads
    from tallystick.protocols.plans import presets
    from tallystick.simulation.behaviours import Behaviour
    from tallystick.simulation.run import simulate
    from tallystick.simulation.study import setting_of

    watch, begun = Watch(), [0.0, 0.0]
    rounds = 3 if smoke else ROUNDS + 2

    def listen(phase: Any, honest: Callable[..., Any]) -> Callable[..., Any]:
        def serve(bench: Any, jobs: Sequence[Any]) -> Any:
            if phase.name == "train" and jobs[0].round in (2, rounds):
                watch.note()
                begun[jobs[0].round == rounds] = time.perf_counter()
                if jobs[0].round == rounds:
                    ended.update(watch.spent)
                watch.spent.clear()
            with watch.on(STAGES[phase.name]) if phase.name in STAGES else nullcontext():
                return honest(bench, jobs)

        return serve

    ended: dict[str, float] = {}
    scheme = presets.mutual(mlp(HIDDEN, rate=0.1), rounds=rounds, batch=32)
    made = setting_of(scheme, members(), 7, {}, [Behaviour("watches", (), serve=listen)], None)
    held = [
        (payload, "encode"),
        (payload, "decode"),
        (payloads.PayloadsInMemory, "put"),
        (payloads.PayloadsInMemory, "get"),
    ]
    before = [getattr(holder, name) for holder, name in held]
    for (holder, name), work in zip(held, before, strict=True):
        setattr(holder, name, watch.timed("payloads", work))
    try:
        with tempfile.TemporaryDirectory() as folder:
            simulate(made, Path(folder) / "ledger")
    finally:
        for (holder, name), work in zip(held, before, strict=True):
            setattr(holder, name, work)
    whole = sum(ended.values())
    shares = {name: seconds / whole for name, seconds in sorted(ended.items())}
    seconds = (begun[1] - begun[0]) / (rounds - 2)
    progress(f"{seconds:.2f} s a round")
    about = f"{MEMBERS} members × {ROWS:,} rows of MNIST, MLP 784-128-10, {JUDGING} judging rows each"
    return [
        Measured(
            what="ledger and payloads in a simulated round of 50 on the ledger",
            value=shares.get("ledger", 0.0) + shares.get("payloads", 0.0),
            unit="of its time",
            target=at_most(0.3),
            parts=shares,
            note=f"{about}; mean of {rounds - 2} rounds after the first",
        ),
        Measured(what="seconds of that round", value=seconds, unit="s"),
    ]


CASES = (
    Case("bench", "demo", "the demo from its command to its last line", demo, behaviour=2, minutes=3),
    Case("bench", "round-on-ledger", "a simulated round of 50 on the ledger", round_on_ledger, minutes=2),
)
