"""The same ledger on the embedded engine and on four validators, as the scenarios see it."""

from __future__ import annotations

import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.bft.net import Net, until, write
from tallystick.base.keys import SigningKey
from tallystick.client import encryption_key
from tallystick.engines.cometbft.engine import CometEngine
from tallystick.engines.cometbft.homes import ValidatorKeys
from tallystick.engines.embedded.engine import EmbeddedEngine
from tallystick.engines.engine import Ticket
from tallystick.ledger.genesis import Founder, Genesis
from tallystick.ledger.state import TABLES
from tallystick.ledger.transactions import Unsealed

OPERATORS = tuple(f"operator-{n}" for n in range(1, 5))
VALIDATORS = {
    name: ValidatorKeys(SigningKey(bytes([n]) * 32), SigningKey(bytes([n + 64]) * 32))
    for n, name in enumerate(OPERATORS, 1)
}
# What is a time lies in this range of numbers, in milliseconds; what is a hash has 32 bytes.
TIMES = range(1_600_000_000_000, 4_000_000_000_000)


def with_operators(genesis: Genesis) -> Genesis:
    """The same genesis with four members more, whose nodes validate."""
    more = []
    for n, (name, keys) in enumerate(VALIDATORS.items()):
        key = SigningKey(bytes([n + 128]) * 32)
        more.append(
            Founder(name, key.public, encryption_key(key.public), ("operator",), 0, keys.validator.public)
        )
    members = (*genesis.members, *more)
    return msgspec.structs.replace(genesis, members=members, validators=(), validates="operator")


class Serial(CometEngine):  # type: ignore[misc]  # final: nobody else changes an engine
    """Every transaction is in its block before the next is handed in, as scenarios expect of one process."""

    clock: Any = None
    net: Net | None = None

    def submit(self, transaction: bytes | Unsealed) -> Ticket:
        ticket = super().submit(transaction)
        self.wait(ticket)
        return ticket

    def abandon(self) -> None:
        """A story that broke off leaves nothing half done: every transaction was in a block by itself."""

    def tick(self) -> None:
        """Let the wall's clock reach the story's, and what is due by it be served."""
        while time.time() * 1000 < self.clock():
            time.sleep(0.02)

        def served() -> bool:
            due = self.scan(b"due/", 1)
            return not due or int(due[0][0].split(b"/")[1]) > self.clock()

        until("what is due is served", served, pause=0.02)


@contextmanager
def embedded(folder: Path):
    """What makes an engine of a story's genesis: the embedded one."""

    def make(path: Path, *, keys: Any, genesis: Genesis, clock: Any, machine: Any = None) -> EmbeddedEngine:
        return EmbeddedEngine(path, keys=keys, genesis=with_operators(genesis), clock=clock)

    yield make


@contextmanager
def network(folder: Path):
    """What makes an engine of a story's genesis: four validators and a client of theirs."""
    nets: list[Net] = []

    def make(path: Path, *, keys: Any, genesis: Genesis, clock: Any, machine: Any = None) -> Serial:
        net = write(folder / f"net{len(nets)}", with_operators(genesis), list(VALIDATORS.values()))
        nets.append(net)
        net.start()
        engine = Serial([one.url for one in net.validators], net.genesis, prove=False)
        engine.clock = clock
        engine.net = net
        return engine

    try:
        yield make
    finally:
        for net in nets:
            net.__exit__()


def heard(blocks: list[Any]) -> dict[str, list[Any]]:
    """Each member's receipts in order, and what came due, without times and hashes."""
    found: dict[str, list[Any]] = {}
    for block in blocks:
        for receipt in block.receipts:
            said = (receipt.kind, receipt.code, receipt.refusal, timeless(receipt.notices))
            found.setdefault(receipt.member, []).append(said)
        found.setdefault("due", []).extend(timeless(block.notices))
    return found


def state(engine: Any) -> dict[str, Any]:
    """Every record of the state, without times and hashes."""
    found = {}
    for name, table in sorted(TABLES.items()):
        for key, value in engine.scan(name.encode(), 10_000):
            if key.split(b"/")[0] == name.encode():
                parts = [part for part in key.decode().split("/") if not part.isdigit()]
                kept = "/".join("hash" if len(part) == 64 else part for part in parts)
                found.setdefault(kept, []).append(timeless(table.decode(value)))
    return {key: sorted(values, key=repr) for key, values in found.items()}


def timeless(value: Any) -> Any:
    """A value with its times and hashes replaced by words."""
    if isinstance(value, msgspec.Struct):
        fields = msgspec.structs.fields(value)
        return type(value).__name__, {
            one.name: timeless(getattr(value, one.name)) for one in fields if one.name != "changed"
        }
    if isinstance(value, tuple | list):
        return [timeless(one) for one in value]
    if isinstance(value, bytes):
        return "hash" if len(value) == 32 else value
    if isinstance(value, int) and not isinstance(value, bool):
        return "time" if value in TIMES else value
    return value
