"""A network of real validators on this machine, each of which can be killed, paused, emptied and asked."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from tallystick.base.keys import SigningKey, load_key
from tallystick.client import Client
from tallystick.engines.cometbft.engine import CometEngine
from tallystick.engines.cometbft.homes import Pace, ValidatorKeys, ValidatorPlace, write_home, write_network
from tallystick.engines.cometbft.queries import decode_standing
from tallystick.engines.cometbft.rpc import RpcNode
from tallystick.engines.engine import EngineError
from tallystick.ledger.genesis import Genesis, read_genesis, write_genesis

PATIENCE = 60.0
PORTS = 10


def free_ports(validators: int) -> int:
    """The first of a row of free ports."""
    chance = random.SystemRandom()
    while True:
        first = chance.randrange(20_000, 32_000, PORTS)
        if all(_free(first + PORTS * n + at) for n in range(validators) for at in range(PORTS)):
            return first


def _free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def write(
    folder: Path,
    genesis: Genesis,
    keys: Sequence[ValidatorKeys],
    *,
    pace: Pace | None = None,
    snapshots: int = 0,
    peer_port: Callable[[int, int, int], int] | None = None,
    port: int | None = None,
) -> Net:
    """The homes of a network whose genesis names these keys; `peer_port` puts something between two."""
    first = free_ports(len(keys)) if port is None else port
    names = [member.member for member in genesis.members if member.validator]
    text = write_genesis(genesis)
    places = [
        ValidatorPlace(name, "127.0.0.1", at, at + 1, at + 2)
        for n, name in enumerate(names)
        for at in [first + PORTS * n]
    ]
    for n, (place, own) in enumerate(zip(places, keys, strict=True)):
        peers = [
            f"{keys[m].node_id}@{other.host}:{peer_port(n, m, other.p2p) if peer_port else other.p2p}"
            for m, other in enumerate(places)
            if m != n
        ]
        write_home(folder / place.member, genesis, text, place, own, peers, pace or Pace(), snapshots)
    (folder / "genesis.toml").write_text(text)
    write_network(folder, genesis.chain, [place.url for place in places])
    return Net(folder)


class Validator:
    """One validator's two processes."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.process: subprocess.Popen[bytes] | None = None
        config = (home / "config" / "config.toml").read_text()
        self.url = "http://" + config.split('[rpc]\nladdr = "tcp://')[1].split('"')[0]
        self.node = RpcNode(self.url, 5.0)

    def start(self) -> None:
        """Start it, unless it runs."""
        if self.process is not None and self.process.poll() is None:
            return
        with (self.home / "validator.log").open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tallystick.cli", "validator", "start", "--home", str(self.home)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )

    @property
    def application(self) -> int | None:
        """The application's process."""
        return self.process.pid if self.process is not None and self.process.poll() is None else None

    @property
    def engine(self) -> int | None:
        """The engine's process."""
        pid = self.application
        if pid is None:
            return None
        with suppress(OSError, ValueError, IndexError):
            return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
        return None

    def signal(self, which: str, number: int) -> None:
        """Send a signal to "application", "engine" or "both"."""
        pids = [self.engine, self.application] if which == "both" else [getattr(self, which)]
        for pid in pids:
            if pid is not None:
                with suppress(ProcessLookupError):
                    os.kill(pid, number)

    def ended(self) -> bool:
        """Whether nothing of it runs any more; reaps what has ended."""
        return self.process is None or self.process.poll() is not None

    def stop(self) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        engine = self.engine
        self.signal("both", signal.SIGCONT)
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            if engine is not None:
                with suppress(ProcessLookupError):
                    os.kill(engine, signal.SIGKILL)

    def empty(self) -> None:
        """Lose the disk: everything but keys, settings and what was last signed."""
        for name in ("ledger", "snapshots"):
            shutil.rmtree(self.home / name, ignore_errors=True)
        for entry in (self.home / "data").iterdir():
            if entry.name != "priv_validator_state.json":
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()

    def standing(self) -> tuple[int, bytes] | None:
        """Height and root, where it answers."""
        try:
            code, value, _, _ = self.node.query("/status")
        except EngineError:
            return None
        standing = decode_standing(value) if not code else None
        return None if standing is None else (standing.height, standing.root)

    def lowest(self) -> int:
        """The first block that it keeps: not the first of all, where it began with a snapshot."""
        return int(self.node.call("status")["sync_info"]["earliest_block_height"])

    def hash_at(self, height: int) -> str:
        """The application hash that the header of this height names."""
        return str(self.node.call("commit", height=str(height))["signed_header"]["header"]["app_hash"])


class Net:
    """All validators of one network; leaving the `with` stops them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.genesis = read_genesis((folder / "genesis.toml").read_text())
        self.validators = [
            Validator(folder / member.member) for member in self.genesis.members if member.validator
        ]

    def __enter__(self) -> Net:
        return self

    def __exit__(self, *_: object) -> None:
        for validator in self.validators:
            validator.node.close()
            validator.stop()

    def start(self) -> Net:
        for validator in self.validators:
            validator.start()
        until("every validator answers", lambda: all(peer.standing() is not None for peer in self.validators))
        until("the first block", lambda: all((peer.standing() or (0,))[0] > 0 for peer in self.validators))
        return self

    def engine(self, **more: Any) -> CometEngine:
        return CometEngine([validator.url for validator in self.validators], self.genesis, **more)

    def client(self, key: SigningKey | Path, **more: Any) -> Client:
        signing = key if isinstance(key, SigningKey) else load_key(key)
        return Client(self.engine(**more), signing)

    def agreed(self, patience: float = PATIENCE) -> tuple[int, bytes]:
        """Height and root once all that run are at the same and quiet."""
        last: list[Any] = []

        def same() -> bool:
            nonlocal last
            before, last = last, [validator.standing() for validator in self.validators]
            return None not in last and len(set(last)) == 1 and last == before

        until("all validators agree", same, patience, 0.3)
        agreed: tuple[int, bytes] = last[0]
        return agreed

    def forks(self) -> list[int]:
        """Heights at which two validators' headers name different states."""
        top = min((validator.standing() or (1,))[0] for validator in self.validators)
        kept = {validator: validator.lowest() for validator in self.validators}
        return [
            height
            for height in range(1, top + 1)
            if len({validator.hash_at(height) for validator in self.validators if kept[validator] <= height})
            > 1
        ]


def until(what: str, holds: Callable[[], bool], patience: float = PATIENCE, pause: float = 0.1) -> float:
    """Wait until something holds; returns how many seconds it took."""
    began = time.monotonic()
    while not holds():
        if time.monotonic() - began > patience:
            raise TimeoutError(f"{what}: not within {patience:g} seconds")
        time.sleep(pause)
    return time.monotonic() - began
