"""The engine's side of ABCI, played by hand: what CometBFT would ask, in any order a test wants."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from tallystick.base import wire
from tallystick.base.codec import encode
from tallystick.engines.cometbft import abci
from tallystick.engines.cometbft.application import AbciApplication
from tallystick.engines.cometbft.replica import Replica
from tallystick.engines.cometbft.snapshots import Snapshots
from tallystick.engines.engine import ledger_machine
from tallystick.engines.storage.opening import StorageSettings
from tallystick.ledger import transactions as tx
from tallystick.ledger.genesis import Founder, Genesis, Limits
from tests.ledger.world import CHAIN, DAY, NAMES, START, encryption_key_of, key_of

MILLISECOND = 10**6
MEMBERS = tuple(
    Founder(name, key_of(name).public, encryption_key_of(name), ("operator",), 1_000, node.public)
    for name in NAMES
    for node in [key_of(f"{name}'s node")]
)
GENESIS = Genesis(CHAIN, START, 10_000, MEMBERS, limits=Limits(vote_wait=DAY), validates="operator")


class Block(NamedTuple):
    height: int
    time: int  # milliseconds
    transactions: tuple[bytes, ...] = ()

    @property
    def hash(self) -> bytes:
        return sha256(repr(self).encode()).digest()


class Result(NamedTuple):
    codes: list[int]
    app_hash: bytes
    updates: list[tuple[bytes, int]]


class Driver:
    """One engine in front of one application on one folder."""

    def __init__(
        self,
        folder: Path,
        *,
        every: int = 0,
        genesis: Genesis = GENESIS,
        settings: StorageSettings | None = None,
    ) -> None:
        self.folder, self.genesis = folder, genesis
        self.now = START
        replica = Replica(folder / "ledger", encode(genesis), ledger_machine(), settings)
        snapshots = Snapshots(folder / "snapshots", every)
        self.application = AbciApplication(replica, snapshots, lambda: self.now)

    @property
    def replica(self) -> Replica:
        return self.application.replica

    def ask(self, name: str, fields: dict[int, Any] | None = None) -> wire.Fields:
        asked = bytearray(abci.asked(name, wire.message(fields or {})))
        (frame,) = abci.frames(asked)
        return wire.fields(self.application.answer(frame)[1])

    def info(self) -> tuple[int, bytes]:
        found = self.ask("info")
        return wire.value_of(found, 4, 0), wire.value_of(found, 5, b"")

    def begin(self) -> bytes:
        state = json.dumps(encode(self.genesis).hex())
        return wire.value_of(self.ask("init_chain", {2: self.genesis.chain, 5: state}), 3, b"")

    def check(self, transaction: bytes, again: bool = False) -> int:
        return wire.value_of(self.ask("check_tx", {1: transaction, 2: int(again)}), 1, 0)

    def prepare(self, height: int, time: int, *waiting: bytes) -> Block:
        fields = {1: 2**20, 2: list(waiting), 5: height, 6: abci.timestamp(time * MILLISECOND)}
        return Block(height, time, wire.all_of(self.ask("prepare_proposal", fields), 1))

    def process(self, block: Block) -> bool:
        return wire.value_of(self.ask("process_proposal", _fields(block)), 1, 0) == abci.ACCEPT

    def finalize(self, block: Block) -> Result:
        found = self.ask("finalize_block", _fields(block))
        results = [wire.fields(data) for data in wire.all_of(found, 2)]
        updates = []
        for update in map(wire.fields, wire.all_of(found, 3)):
            key = wire.fields(wire.value_of(update, 1, b""))
            updates.append((wire.value_of(key, 1, b""), wire.value_of(update, 2, 0)))
        return Result([wire.value_of(one, 1, 0) for one in results], wire.value_of(found, 5, b""), updates)

    def commit(self) -> None:
        self.ask("commit")

    def block(self, *transactions: bytes, time: int | None = None) -> Result:
        """A whole height, as the proposer sees it."""
        height = self.info()[0] + 1
        made = self.prepare(height, START + 1000 * height if time is None else time, *transactions)
        assert self.process(made)
        result = self.finalize(made)
        self.commit()
        return result

    def query(self, path: str, data: bytes = b"") -> tuple[int, bytes]:
        found = self.ask("query", {1: data, 2: path})
        return wire.value_of(found, 1, 0), wire.value_of(found, 7, b"")

    def close(self) -> None:
        self.replica.close()

    def crash(self) -> None:
        """The process is gone; what was not committed is lost."""
        self.replica.store.abandon()


def _fields(block: Block) -> dict[int, Any]:
    time = abci.timestamp(block.time * MILLISECOND)
    return {1: list(block.transactions), 4: block.hash, 5: block.height, 6: time}


def sealed(member: str, number: int, body: tx.Transaction, until: int = START + DAY) -> bytes:
    key = key_of(member)
    return tx.seal(tx.Envelope(1, CHAIN, member, key.public, number, until, body), key.sign)


def pay(number: int, member: str = "ada", to: str = "bob", amount: int = 1) -> bytes:
    return sealed(member, number, tx.Transfer(to, amount))
