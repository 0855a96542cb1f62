"""How fast the embedded ledger takes signed transfers, each durable twice, and an audit executes them."""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.case import Case, Measured, Progress, at_least

BLOCK = 1_000
START = 1_700_000_000_000
SENDERS = 2_500


@dataclass
class Stopwatch:
    """Seconds by stage; what a stage spends in another one counts for the inner one alone."""

    seconds: dict[str, float] = field(default_factory=dict)
    _inner: list[float] = field(default_factory=list)

    def around(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **others: Any) -> Any:
            begun = time.perf_counter()
            self._inner.append(0.0)
            try:
                return function(*args, **others)
            finally:
                spent = time.perf_counter() - begun
                self.seconds[stage] = self.seconds.get(stage, 0.0) + spent - self._inner.pop()
                if self._inner:
                    self._inner[-1] += spent

        return timed


@dataclass(frozen=True)
class Population:
    """A genesis with this many members, and the keys of those that send."""

    genesis: Any
    keys: list[Any]

    @classmethod
    def of(cls, members: int, seed: int) -> Population:
        from tallystick.base.ids import digest
        from tallystick.base.keys import SigningKey
        from tallystick.ledger.genesis import Founder, Genesis

        keys = [SigningKey(digest(b"bench", seed.to_bytes(8), n.to_bytes(8))) for n in range(members)]
        encryption = keys[0].public
        founders = tuple(
            Founder(f"m{n}", key.public, encryption, (), 1_000_000) for n, key in enumerate(keys)
        )
        genesis = Genesis("bench", START, 2**53 - 1, founders)
        return cls(genesis, keys[: min(SENDERS, members)])

    def transfers(self, count: int, seed: int) -> list[bytes]:
        """Signed transfers to members drawn at random, the senders in turn."""
        from tallystick.ledger.transactions import FORMAT, Envelope, Transfer, seal

        chance, members = Random(seed), len(self.genesis.members)
        until = START + 10**12
        made = []
        for place in range(count):
            number, sender = divmod(place, len(self.keys))
            payee = (sender + 1 + chance.randrange(members - 1)) % members
            key = self.keys[sender]
            body = Transfer(f"m{payee}", 1 + chance.randrange(5))
            envelope = Envelope(FORMAT, "bench", f"m{sender}", key.public, number, until, body)
            made.append(seal(envelope, key.sign))
        return made


@dataclass(frozen=True)
class Run:
    """What a process that holds the ledger alone showed."""

    opening: float  # seconds
    rate: float  # transactions a second, durable twice
    worst: float  # seconds from one block to the next, at most
    memory: int  # bytes at most
    shares: dict[str, float]


def run_ledger(folder: str, warm: int) -> Run:
    """Open the ledger in a folder and hand in the transactions beside it; the first few warm it up."""
    from tallystick.base.keys import SigningKey
    from tallystick.engines.embedded.engine import EmbeddedEngine, wall_clock

    transactions = read_frames(Path(folder) / "transactions")
    begun = time.perf_counter()
    engine = EmbeddedEngine(Path(folder) / "ledger", keys=[SigningKey(bytes(32))], clock=wall_clock)
    opening = time.perf_counter() - begun
    engine.submit_many(transactions[:warm])
    half = (warm + len(transactions)) // 2 // BLOCK * BLOCK
    moments = [time.perf_counter()]
    end = engine.subscribe(lambda block: moments.append(time.perf_counter()))
    tickets = engine.submit_many(transactions[warm:half])
    seconds = time.perf_counter() - moments[0]
    end()
    watch = watched(engine)
    begun = time.perf_counter()
    tickets += engine.submit_many(transactions[half:])
    watch.seconds["the rest"] = time.perf_counter() - begun - sum(watch.seconds.values())
    refused = sum(ticket.answer is None or not ticket.answer.accepted for ticket in tickets)
    if refused:
        raise RuntimeError(
            f"{refused} of {len(tickets)} transfers were refused; the figure would mean nothing"
        )
    engine.close()
    total = sum(watch.seconds.values())
    return Run(
        opening,
        (half - warm) / seconds,
        max(after - before for before, after in pairwise(moments)),
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        {stage: spent / total for stage, spent in watch.seconds.items()},
    )


class Watched:
    """An object of which one method is timed, where the object itself takes no attributes."""

    def __init__(self, inner: Any, **timed: Callable[..., Any]) -> None:
        self._inner = inner
        self.__dict__.update(timed)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def watched(engine: Any) -> Stopwatch:
    """The stages of an engine, timed from outside."""
    watch, machine = Stopwatch(), engine._machine
    engine._machine = replace(
        machine,
        check=watch.around("check", machine.check),
        apply_block=watch.around("execute", machine.apply_block),
        read=watch.around("decode", machine.read),
    )
    engine._verifier.begin = watch.around("hand over signatures", engine._verifier.begin)
    engine._verifier.finish = watch.around("wait for signatures", engine._verifier.finish)
    engine._tree = Watched(engine._tree, update=watch.around("state tree", engine._tree.update))
    engine._seal = watch.around("header, commit, receipts", engine._seal)
    engine._log.append = watch.around("block log", engine._log.append)
    engine._store.append = watch.around("database", engine._store.append)
    return watch


def write_frames(path: Path, items: list[bytes]) -> None:
    with path.open("wb") as out:
        out.writelines(len(item).to_bytes(4, "big") + item for item in items)


def read_frames(path: Path) -> list[bytes]:
    data, at, items = path.read_bytes(), 0, []
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        items.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    return items


@contextmanager
def prepared(members: int, count: int, progress: Progress) -> Iterator[Path]:
    """A folder with a new ledger and signed transfers for it."""
    from tallystick.base.keys import SigningKey
    from tallystick.engines.embedded.engine import EmbeddedEngine, wall_clock

    population = Population.of(members, 1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        write_frames(path / "transactions", population.transfers(count, 1))
        progress(f"{count:,} transfers signed by {len(population.keys):,} senders")
        keys = [SigningKey(bytes(32))]
        EmbeddedEngine(path / "ledger", keys=keys, genesis=population.genesis, clock=wall_clock).close()
        progress(f"ledger of {members:,} members made")
        yield path


def speed(members: int, blocks: int, target: float, progress: Progress) -> list[Measured]:
    warm = 40 * BLOCK if blocks > 100 else BLOCK
    with (
        prepared(members, warm + blocks * BLOCK, progress) as folder,
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone,
    ):
        run: Run = alone.submit(run_ledger, str(folder), warm).result()
        size = sum(file.stat().st_size for file in (folder / "ledger").rglob("*") if file.is_file())
    records = 3 * members + 1
    count = warm + blocks * BLOCK
    note = (
        f"{records:,} records; shares of the main process, "
        "while a second one verifies signatures one block ahead"
    )
    return [
        Measured(
            what="transfers a second, each block of 1,000 durable twice",
            value=run.rate,
            unit="tx/s",
            target=at_least(target),
            parts=run.shares,
            note=note,
        ),
        Measured(what="longest time from one block to the next", value=run.worst * 1000, unit="ms"),
        Measured(what="opening", value=run.opening, unit="s"),
        Measured(what="memory of the ledger's process, at most", value=run.memory / 1e9, unit="GB"),
        Measured(
            what="disk for each transfer, both copies and the genesis", value=size / count, unit="bytes"
        ),
    ]


def ledger_embedded(smoke: bool, progress: Progress) -> list[Measured]:
    return speed(500 if smoke else 10_000, 4 if smoke else 200, 12_000, progress)


def ledger_million(smoke: bool, progress: Progress) -> list[Measured]:
    return speed(1_000 if smoke else 333_334, 4 if smoke else 200, 10_000, progress)


def audit(smoke: bool, progress: Progress) -> list[Measured]:
    """Export a ledger, and execute the export again."""
    from tallystick.engines.export import export, verify

    count = (2 if smoke else 60) * BLOCK
    with prepared(500 if smoke else 10_000, count, progress) as folder:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
            alone.submit(run_ledger, str(folder), 0).result()
        begun = time.perf_counter()
        export(folder / "ledger", folder / "export")
        exporting = time.perf_counter() - begun
        size = (folder / "export").stat().st_size
        begun = time.perf_counter()
        report = verify(folder / "export")
        seconds = time.perf_counter() - begun
    if not report.sound or report.transactions != count:
        raise RuntimeError(f"the audit found {report.problem or report.transactions}")
    return [
        Measured(what="transfers executed again a second", value=count / seconds, unit="tx/s"),
        Measured(what="export", value=size / exporting / 1e6, unit="MB/s"),
        Measured(what="export for each transfer", value=size / count, unit="bytes"),
    ]


CASES = (
    Case(
        "bench", "ledger-embedded", "signed transfers, durable, 10,000 accounts", ledger_embedded, minutes=2
    ),
    Case(
        "bench", "ledger-million", "signed transfers, durable, a million records", ledger_million, minutes=4
    ),
    Case("bench", "audit", "export, and execute again from the genesis", audit, minutes=1),
)
