"""One validator: the application in this process, the engine as its child, started again whenever it dies."""

import asyncio
import ctypes
import json
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Final, final

from ...base.codec import encode
from ...ledger.genesis import Genesis
from ..engine import EngineError, LedgerMachine, ledger_machine
from ..storage.lock import WriterLock
from .application import AbciApplication, nudge
from .homes import SOCKET, Home, engine_program, read_home
from .replica import Replica
from .rpc import RpcNode
from .server import serving
from .snapshots import Snapshots

LEDGER: Final = "ledger"
SNAPSHOTS: Final = "snapshots"
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0  # seconds before a dead engine is started again
SETTLED: Final = 30.0  # seconds after which an engine counts as running well
LOOK: Final = 0.2  # seconds between two looks for what has come due
NUDGED: Final = 2.0  # seconds until a nudge that did not help is repeated
HALTED: Final = 3  # the exit code
PR_SET_PDEATHSIG: Final = 1


def log(message: str, **more: object) -> None:
    """One line of JSON on standard error, as the engine writes its own."""
    line = {
        "ts": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "module": "tally",
        "said": message,
        **more,
    }
    print(json.dumps(line), file=sys.stderr, flush=True)


def start(folder: Path, genesis: Genesis, machine: LedgerMachine | None = None) -> int:
    """Run the validator in a folder until it is told to stop; returns the exit code."""
    home = read_home(folder)
    program = engine_program()
    os.chdir(folder)  # a socket's path must be short, so that it is named from here
    lock = WriterLock(Path(LEDGER), create=True)
    try:
        replica = Replica(Path(LEDGER), encode(genesis), machine or ledger_machine())
        for repair in replica.repairs:
            log("mended", repair=repair)
        snapshots = Snapshots(Path(SNAPSHOTS), home.snapshots)
        application = AbciApplication(replica, snapshots, lambda: time.time_ns() // 1_000_000, log)
        try:
            return asyncio.run(_Validator(home, program, application).run())
        finally:
            replica.close()
    finally:
        lock.release()


@final
class _Validator:
    def __init__(self, home: Home, program: str, application: AbciApplication) -> None:
        self._home, self._program, self._application = home, program, application
        self._stop = asyncio.Event()
        self._code = 0
        self._restarts = 0
        self._engine: asyncio.subprocess.Process | None = None

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        async with serving(self._application, Path(SOCKET), self._halt):
            metrics = await asyncio.start_server(self._metrics, "127.0.0.1", self._home.metrics)
            tasks = [asyncio.create_task(work()) for work in (self._run_engine, self._wake)]
            log("started", member=self._home.member, height=self._application.replica.height)
            await self._stop.wait()
            for task in tasks:
                task.cancel()
            await self._end_engine()
            metrics.close()
        log("stopped", height=self._application.replica.height)
        return self._code

    def _halt(self, reason: str) -> None:
        log("halted", reason=reason)
        self._code = HALTED
        self._stop.set()

    # The engine

    async def _run_engine(self) -> None:
        pause = FIRST_PAUSE
        while True:
            began = time.monotonic()
            self._engine = await asyncio.create_subprocess_exec(
                *(self._program, "start", "--home", "."),
                stdout=sys.stderr,
                stdin=asyncio.subprocess.DEVNULL,
                preexec_fn=_end_with_parent,
            )
            code = await self._engine.wait()
            self._restarts += 1
            pause = FIRST_PAUSE if time.monotonic() - began > SETTLED else min(2 * pause, LONGEST_PAUSE)
            log("the engine ended and is started again", code=code, seconds=pause)
            await asyncio.sleep(pause)

    async def _end_engine(self) -> None:
        engine = self._engine
        if engine is None or engine.returncode is not None:
            return
        engine.terminate()
        try:
            await asyncio.wait_for(engine.wait(), 10)
        except TimeoutError:
            engine.kill()
            await engine.wait()

    # What has come due

    async def _wake(self) -> None:
        """Let the engine make a block when a deadline has passed and nobody else makes it."""
        node = RpcNode(self._home.rpc)
        last: tuple[int | None, float] = (None, 0.0)
        while True:
            await asyncio.sleep(LOOK)
            due = self._application.replica.due()
            if due is None or due > self._application.now() or due == self._application.tried:
                continue
            if due == last[0] and time.monotonic() - last[1] < NUDGED:
                continue
            last = due, time.monotonic()
            with suppress(EngineError):
                await asyncio.to_thread(node.send, nudge(due))

    # Metrics

    async def _metrics(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Prometheus' text, whatever is asked for."""
        with suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
            body = measured(self._application, self._restarts).encode()
            head = (
                f"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {len(body)}"
            )
            writer.write(f"{head}\r\nConnection: close\r\n\r\n".encode() + body)
            await writer.drain()
        writer.close()


def _end_with_parent() -> None:
    """An engine whose application is gone may hang for good, its folder locked: Linux ends it too."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def measured(application: AbciApplication, restarts: int = 0) -> str:
    """The application's figures as Prometheus reads them."""
    replica, counts = application.replica, application.counts
    rows: list[tuple[str, str, int]] = [
        ("height", "gauge", replica.height),
        ("block_time_milliseconds", "gauge", replica.time),
        ("records", "gauge", len(replica.tree)),
        ("validators", "gauge", len(replica.validators())),
        ("waiting_transactions", "gauge", len(application.waiting)),
        ("checks_total", "counter", counts.checked),
        ("refusals_total", "counter", counts.refused),
        ("flooded_total", "counter", counts.flooded),
        ("blocks_total", "counter", counts.blocks),
        ("transactions_total", "counter", counts.transactions),
        ("rejected_proposals_total", "counter", counts.rejected_proposals),
        ("faults_total", "counter", counts.faults),
        ("engine_restarts_total", "counter", restarts),
    ]
    return "".join(
        f"# TYPE tallystick_{name} {kind}\ntallystick_{name} {value}\n" for name, kind, value in rows
    )
