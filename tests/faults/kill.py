"""Kill a process that writes a ledger, at random or at named points; then look for what it acknowledged."""

import contextlib
import json
import os
import select
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

from tallystick.engines.embedded.engine import EmbeddedEngine
from tallystick.engines.export import export, verify
from tallystick.engines.storage.disk import DISK, Disk
from tallystick.engines.storage.opening import StorageSettings
from tests.faults.subject import Subject

Say = Callable[[dict[str, Any]], None]
Load = Callable[[EmbeddedEngine, Subject, int, Say], None]


@dataclass
class Toll:
    """What a series of kills showed."""

    kills: int = 0
    acknowledged: int = 0
    repaired: int = 0  # openings that had to mend something
    lost: list[str] = field(default_factory=list)


@dataclass
class Victim:
    """A ledger that is killed again and again, and what it has acknowledged."""

    path: Path
    subject: Subject
    acknowledged: dict[int, int] = field(default_factory=dict)  # number of the transaction -> its height

    def run(self, work: Callable[[Say], None], delay: float, wait_for_opening: bool) -> list[dict[str, Any]]:
        """What a child says until it is killed, `delay` seconds after it began or after it had opened."""
        source, sink = os.pipe()
        child = os.fork()
        if child == 0:
            _be_the_child(work, source, sink)
        os.close(sink)
        said = b""
        deadline = time.monotonic() + (30 if wait_for_opening else delay)
        with open(source, "rb", buffering=0) as pipe:
            while (left := deadline - time.monotonic()) > 0:
                if not select.select([pipe], [], [], left)[0]:
                    break
                piece = pipe.read(65_536)
                if not piece:
                    break
                if wait_for_opening and b'"opened"' in piece:
                    wait_for_opening, deadline = False, time.monotonic() + delay
                said += piece
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            while piece := pipe.read(65_536):
                said += piece
        return [json.loads(line) for line in said.splitlines()]

    def hear(self, said: list[dict[str, Any]], toll: Toll) -> None:
        for message in said:
            if "done" in message:
                self.acknowledged[message["done"]] = message["height"]
                toll.acknowledged += 1
            elif "lost" in message:
                toll.lost.append(message["lost"])
            elif message["opened"]:
                toll.repaired += 1

    def load(self, load: Load, seed: int, settings: StorageSettings) -> Callable[[Say], None]:
        """Open, look for a part of what was acknowledged, then go on."""
        chance = Random(seed)
        newest = sorted(self.acknowledged)[-30:]
        older = chance.sample(sorted(self.acknowledged), min(30, len(self.acknowledged)))

        def work(say: Say) -> None:
            try:
                engine = self.subject.open(self.path, settings)
            except Exception as error:
                say({"lost": f"it did not open again: {error!r}"})
                raise
            say({"opened": list(engine.status().repairs)})
            for number in {*newest, *older}:
                if missing := self.missing(engine, number):
                    say({"lost": missing})
            number = max(self.acknowledged, default=-1) + 1
            while engine.find(self.subject.name(number)) is not None:
                number += 1
            load(engine, self.subject, number, say)

        return work

    def missing(self, engine: EmbeddedEngine, number: int) -> str:
        answer = engine.find(self.subject.name(number))
        if answer is None or answer.height != self.acknowledged[number] or not answer.accepted:
            return f"transaction {number}, acknowledged at height {self.acknowledged[number]}: {answer}"
        return ""

    def judge(self, toll: Toll) -> None:
        """Open it once more, find everything, and execute all of it again."""
        with self.subject.open(self.path) as engine:
            toll.lost += filter(None, (self.missing(engine, number) for number in self.acknowledged))
            height = engine.status().height
        if height < max(self.acknowledged.values(), default=0):
            toll.lost.append(f"the ledger ends at height {height}, below what was acknowledged")
        file = self.path / "export"
        export(self.path, file)
        report = verify(file, self.subject.machine)
        if not report.sound or report.height != height:
            toll.lost.append(f"executed again: {report.problem or report.height}")


def _be_the_child(work: Callable[[Say], None], source: int, sink: int) -> None:
    os.close(source)

    def say(message: dict[str, Any]) -> None:
        os.write(sink, json.dumps(message).encode()[:4000] + b"\n")

    with contextlib.suppress(Exception):
        work(say)
    os._exit(1)


def steady_load(engine: EmbeddedEngine, subject: Subject, number: int, say: Say) -> None:
    """Blocks of different sizes, each transaction told as done once it was acknowledged."""
    chance = Random(number)
    while True:
        tickets = []
        for _ in range(chance.choice((1, 1, 2, 5, 30))):
            tickets.append((number, engine.submit(subject.transaction(number))))
            number += 1
        for one, ticket in tickets:
            answer = engine.wait(ticket)
            say({"done": one, "height": answer.height})


def hasty_load(engine: EmbeddedEngine, subject: Subject, number: int, say: Say) -> None:
    """A planted defect: tells transactions as done before any block holds them."""
    while True:
        height = engine.status().height + 1
        tickets = [engine.submit(subject.transaction(one)) for one in range(number, number + 40)]
        for one in range(number, number + 40):
            say({"done": one, "height": height})
        engine.wait(tickets[-1])
        number += 40


def kill_at_random(
    folder: Path, subject: Subject, kills: int, seed: int, load: Load = steady_load, each: int = 100
) -> Toll:
    """So many kills at random moments, opening and mending included; a new ledger every `each` kills."""
    chance, toll = Random(seed), Toll()
    victim = Victim(folder / "0", subject)
    for turn in range(kills):
        work = victim.load(load, chance.randrange(10**9), StorageSettings(segment=100_000, behind=4))
        early = chance.random() < 0.2
        delay = chance.uniform(0, 0.04) if early else chance.uniform(0, 0.15)
        victim.hear(victim.run(work, delay, not early), toll)
        toll.kills += 1
        if (turn + 1) % each == 0 or turn == kills - 1:
            victim.judge(toll)
            victim = Victim(folder / str(turn + 1), subject)
    return toll


POINTS = (
    *("log.write", "log.sync", "log.synced", "store.write", "store.flush", "store.commit", "store.committed"),
    *("store.checkpoint", "write.before", "write.half", "write.after", "sync.before", "sync.after"),
)


def dying(point: str, occurrence: int) -> Disk:
    """A disk whose process ends when it reaches a point for the n-th time."""
    left = occurrence

    def reach(reached: str) -> None:
        nonlocal left
        if reached == point:
            left -= 1
            if left == 0:
                os._exit(9)

    def write(handle: int, data: Any) -> int:
        reach("write.before")
        half = os.write(handle, bytes(data[: len(data) // 2]))
        reach("write.half")
        taken = half + os.write(handle, bytes(data[half:]))
        reach("write.after")
        return taken

    def sync(handle: int) -> None:
        reach("sync.before")
        os.fsync(handle)
        reach("sync.after")

    return replace(DISK, write=write, sync=sync, reached=reach)


def die_at_points(folder: Path, subject: Subject, occurrences: range, points: Sequence[str] = POINTS) -> Toll:
    """End the process at each named point, the n-th time it comes by, and go on from what is left."""
    toll = Toll()
    for point in points:
        victim = Victim(folder / point, subject)
        for occurrence in occurrences:
            settings = StorageSettings(dying(point, occurrence), segment=20_000, behind=4)
            said = victim.run(victim.load(steady_load, occurrence, settings), 30, False)
            victim.hear(said, toll)
            toll.kills += 1
        victim.judge(toll)
    return toll
