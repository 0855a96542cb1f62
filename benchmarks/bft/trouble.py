"""What befalls a validator, and how it is healed; each kind of trouble is one function of net and victim."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bft.load import Load
from benchmarks.bft.net import PORTS, Net, Validator, until
from benchmarks.bft.proxy import Proxy

STOPPED = 10.0  # seconds of a SIGSTOP
CATCHES_UP = 120.0  # a snapshot may be gone before all of it is fetched, and the next one is taken then


@dataclass
class Stage:
    """A running network with its wires and its load."""

    net: Net
    proxy: Proxy
    load: Load
    chance: random.Random

    def level(self, validator: Validator) -> None:
        """Wait until a validator is where the others are."""

        def reached() -> bool:
            tops = [peer.standing() for peer in self.net.validators]
            own = validator.standing()
            return own is not None and own[0] + 3 >= max((top[0] for top in tops if top), default=0)

        until("the validator catches up", reached, CATCHES_UP)


Trouble = Callable[[Stage, int], None]


def killed(which: str) -> Trouble:
    """kill -9, and a start a little later; the application starts its engine again by itself."""

    def trouble(stage: Stage, victim: int) -> None:
        validator = stage.net.validators[victim]
        time.sleep(stage.chance.random() * 0.5)
        validator.signal(which, signal.SIGKILL)
        time.sleep(0.2 + stage.chance.random())
        if which != "engine" and validator.process is not None:
            validator.process.wait(10)
        validator.start()

    return trouble


def paused(which: str) -> Trouble:
    def trouble(stage: Stage, victim: int) -> None:
        validator = stage.net.validators[victim]
        validator.signal(which, signal.SIGSTOP)
        time.sleep(STOPPED)
        validator.signal(which, signal.SIGCONT)

    return trouble


def cut(stage: Stage, victim: int) -> None:
    stage.proxy.cut(victim, True)
    time.sleep(2 + 3 * stage.chance.random())
    stage.proxy.cut(victim, False)


def slowed(stage: Stage, victim: int) -> None:
    stage.proxy.slow(victim, 0.05 + 0.45 * stage.chance.random())
    time.sleep(3 + 3 * stage.chance.random())
    stage.proxy.slow(victim, 0.0)


def emptied(stage: Stage, victim: int) -> None:
    """Nothing is left on the disk: it replays the others' blocks."""
    validator = stage.net.validators[victim]
    validator.stop()
    validator.empty()
    validator.start()


def from_snapshot(stage: Stage, victim: int) -> None:
    """Nothing is left on the disk: it takes a snapshot of the state, trusting one header."""
    validator = stage.net.validators[victim]
    others = [other for other in stage.net.validators if other is not validator]
    height = max(1, (others[0].standing() or (1, b""))[0] - 5)
    trusted = others[0].node.call("commit", height=str(height))["signed_header"]["commit"]["block_id"]["hash"]
    validator.stop()
    validator.empty()
    servers = ",".join(other.url for other in others[:2])
    config = validator.home / "config" / "config.toml"
    before = config.read_text()
    config.write_text(
        f'{before}\n[statesync]\nenable = true\nrpc_servers = "{servers}"\ntrust_height = {height}\n'
        f'trust_hash = "{trusted}"\ntrust_period = "168h0m0s"\ndiscovery_time = "5s"\n'
    )
    validator.start()
    try:
        stage.level(validator)
    finally:
        config.write_text(before)


def lying(kind: str) -> Trouble:
    """A liar runs in the validator's place; afterwards the honest one begins again from its peers' blocks."""

    def trouble(stage: Stage, victim: int) -> None:
        validator = stage.net.validators[victim]
        validator.stop()
        liar = _run(kind, validator.home)
        try:
            time.sleep(6)
        finally:
            _end(liar)
        validator.empty()
        validator.start()

    return trouble


def doubled(stage: Stage, victim: int) -> None:
    """The same key signs on two machines, which propose and vote apart from each other."""
    validator = stage.net.validators[victim]
    twin = validator.home.with_name(f"{validator.home.name}-twin")
    shutil.rmtree(twin, ignore_errors=True)
    (twin / "data").mkdir(parents=True)
    shutil.copytree(validator.home / "config", twin / "config")
    for name in ("genesis.toml", "validator.toml", "network.toml"):
        shutil.copy(validator.home / name, twin / name)
    shutil.copy(validator.home / "data" / "priv_validator_state.json", twin / "data")
    (twin / "config" / "node_key.json").unlink()  # made anew by the engine
    _move_ports(twin, PORTS * len(stage.net.validators))
    liar = _run("twin", twin)
    try:
        time.sleep(8)
    finally:
        _end(liar)
        shutil.rmtree(twin, ignore_errors=True)


def two_down(stage: Stage, victim: int) -> None:
    """More than a third is gone: nothing may be decided until one is back."""
    both = [stage.net.validators[victim], stage.net.validators[(victim + 1) % 4]]
    for validator in both:
        validator.signal("both", signal.SIGKILL)
        if validator.process is not None:
            validator.process.wait(10)
    time.sleep(1.5)
    others = [validator for validator in stage.net.validators if validator not in both]
    before = [validator.standing() for validator in others]
    time.sleep(4)
    if [validator.standing() for validator in others] != before:
        raise AssertionError("two of four validators decided a block")
    for validator in both:
        validator.start()


KINDS: dict[str, Trouble] = {
    "application killed": killed("application"),
    "engine killed": killed("engine"),
    "both killed": killed("both"),
    "application paused": paused("application"),
    "both paused": paused("both"),
    "network cut": cut,
    "network slow": slowed,
    "disk emptied, blocks replayed": emptied,
    "disk emptied, snapshot taken": from_snapshot,
    "wrong state hash": lying("wrong-hash"),
    "garbage proposed": lying("garbage"),
    "votes withheld": lying("withheld"),
    "signs twice": doubled,
    "two of four down": two_down,
}


def _run(kind: str, home: Path) -> subprocess.Popen[bytes]:
    with (home / "liar.log").open("ab") as out:
        command = [sys.executable, "-m", "benchmarks.bft.byzantine", kind, str(home)]
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _move_ports(home: Path, by: int) -> None:
    """Let a copy of a home be heard at other ports, and dial the same peers."""
    config = (home / "config" / "config.toml").read_text().splitlines()
    for at, line in enumerate(config):
        if line.startswith(('laddr = "tcp', "external_address", "prometheus_listen_addr")):
            head, _, port = line.rstrip('"').rpartition(":")
            config[at] = f'{head}:{int(port) + by}"'
    (home / "config" / "config.toml").write_text("\n".join(config) + "\n")
    text = (home / "validator.toml").read_text().splitlines()
    for at, line in enumerate(text):
        if line.startswith("metrics"):
            text[at] = f"metrics = {int(line.split('=')[1]) + by}"
        if line.startswith("rpc"):
            head, _, port = line.rstrip('"').rpartition(":")
            text[at] = f'{head}:{int(port) + by}"'
    (home / "validator.toml").write_text("\n".join(text) + "\n")
