"""A chain to be measured: its validators, the wires between them, and blocks of a chosen size."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from benchmarks.bft import members
from benchmarks.bft.members import FIRST_WIRE
from benchmarks.bft.net import PORTS, Net, Validator, write
from benchmarks.bft.proxy import Proxy, Wire
from tallystick.base.keys import SigningKey
from tallystick.client import encryption_key
from tallystick.engines.cometbft.homes import SOCKET, Pace, ValidatorKeys, engine_program
from tallystick.engines.engine import EngineError
from tallystick.ledger.genesis import Founder, Genesis

ORDER = 1e-6  # seconds by which what comes later is handed on later
HEAD, FRAME = 1_400, 4  # bytes of a block beside its transactions, and of each beside itself


@dataclass(frozen=True)
class Kind:
    """How a chain is made."""

    engine: str = "ours"  # or "kvstore", the key-value store that is built into CometBFT
    validators: int = 4  # six at most where wires are between them
    holds: int = 4_000  # transactions in a block, at most
    delay: float = 0.0  # seconds between two nodes, each way
    jitter: float = 0.0  # by how much that may be more or less
    pause: int = 100  # milliseconds after a block


@contextmanager
def chain(kind: Kind, senders: tuple[Founder, ...], size: int, first: int) -> Iterator[Net]:
    """A running chain whose transactions have this size; its ports begin at `first`, which must be free."""
    keys = [
        ValidatorKeys(SigningKey(bytes([n]) * 32), SigningKey(bytes([n + 50]) * 32))
        for n in range(20, 20 + kind.validators)
    ]

    def wire(dialling: int, heard: int, _p2p: int) -> int:
        return first + PORTS * dialling + FIRST_WIRE + heard

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bft")))
        net = write(
            folder, _genesis(keys, senders), keys, pace=Pace(block=kind.pause),
            peer_port=wire if kind.delay else None, port=first,
        )  # fmt: skip
        for validator in net.validators:
            _limit(validator.home / "config" / "genesis.json", HEAD + kind.holds * (size + FRAME))
        if kind.delay:
            every = range(kind.validators)
            wires = [Wire(n, m, wire(n, m, 0), first + PORTS * m) for n in every for m in every if n != m]
            stack.enter_context(Distant(wires, kind.delay, kind.jitter))
            for validator in net.validators:
                # Nobody tells anybody of addresses that bypass the wires.
                _rewrite(validator.home, "[p2p]\n", "[p2p]\npex = false\n")
        if kind.engine == "kvstore":
            net.validators = [Store(validator.home) for validator in net.validators]
        stack.enter_context(net)
        yield net.start()


class Distant(Proxy):
    """Wires that take long: each piece is handed on when its time has come, none before an earlier one."""

    def __init__(self, wires: list[Wire], delay: float, jitter: float) -> None:
        super().__init__(wires)
        self._takes = (delay - jitter, delay + jitter)

    async def _hand_on(self, wire: Wire, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        with suppress(OSError):
            while data := await reader.read(2**16):
                due = max(due + ORDER, loop.time() + random.uniform(*self._takes))
                loop.call_at(due, _write, writer, data)
                await writer.drain()
        await asyncio.sleep(max(0.0, due - loop.time()))
        writer.close()


class Store(Validator):
    """CometBFT with the key-value store that is built into it, in an application's place."""

    def start(self) -> None:
        _rewrite(self.home, f"unix://{SOCKET}", "kvstore")
        with (self.home / "engine.log").open("ab") as out:
            command = [engine_program(), "start", "--home", str(self.home)]
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)

    @property
    def application(self) -> int | None:
        return None

    @property
    def engine(self) -> int | None:
        return self.process.pid if self.process is not None else None

    def standing(self) -> tuple[int, bytes] | None:
        try:
            return self.node.height(), b""
        except EngineError:
            return None


def _genesis(keys: Sequence[ValidatorKeys], senders: tuple[Founder, ...]) -> Genesis:
    """Members whose nodes validate, and others that only send."""
    validating = []
    for n, node in enumerate(keys):
        key = SigningKey(bytes([150 + n]) * 32)
        founder = Founder(
            f"node-{n}", key.public, encryption_key(key.public), ("operator",), 10**6, node.validator.public
        )
        validating.append(founder)
    return replace(members.genesis(), members=(*validating, *senders))


def _limit(path: Path, size: int) -> None:
    """Let a chain's blocks have no more bytes than this."""
    document = json.loads(path.read_text())
    params = document["consensus_params"]
    size = min(size, int(params["block"]["max_bytes"]))
    params["block"]["max_bytes"] = str(size)
    params["evidence"]["max_bytes"] = str(size // 4)
    path.write_text(json.dumps(document))


def _rewrite(home: Path, old: str, new: str) -> None:
    config = home / "config" / "config.toml"
    config.write_text(config.read_text().replace(old, new))


def _write(writer: asyncio.StreamWriter, data: bytes) -> None:
    if not writer.is_closing():
        writer.write(data)
