"""A ledger on disk, made by an embedded engine in virtual time, with its members' keys at hand."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from tallystick.base.codec import Record
from tallystick.base.keys import SigningKey
from tallystick.engines.embedded.engine import EmbeddedEngine
from tallystick.engines.engine import Answer, CommittedBlock
from tallystick.ledger import transactions as tx
from tallystick.ledger.genesis import Genesis
from tallystick.ledger.state import StateTable
from tallystick.ledger.transition import ExecutedBlock
from tallystick.ledger.views import find
from tests.ledger.observed import Sent
from tests.ledger.world import SIGNATURES, AnyWorld

R = TypeVar("R", bound=Record)


class DiskWorld(AnyWorld):
    """A ledger in a folder; time passes only where a test lets it."""

    def __init__(self, path: Path, genesis: Genesis, signers: Sequence[SigningKey]) -> None:
        self._found(genesis, SIGNATURES)
        self.path, self.signers, self.opened = path, tuple(signers), 0
        self.engine = self._open(genesis)

    def _open(self, genesis: Genesis | None = None) -> EmbeddedEngine:
        engine = EmbeddedEngine(self.path, keys=self.signers, genesis=genesis, clock=lambda: self.time)
        self.heard: list[CommittedBlock] = []
        engine.subscribe(self.heard.append)
        return engine

    def block(self, *given: bytes | Sent) -> ExecutedBlock:
        """Put these into as few blocks as they fit into, and make what is due."""
        self.heard.clear()
        data = [item.data if isinstance(item, Sent) else item for item in given]
        tickets = [self.engine.submit(transaction) for transaction in data]
        receipts = [self.engine.wait(ticket).receipt for ticket in tickets]
        self.engine.tick()
        status = self.engine.status()
        self.height, self.time = status.height, max(self.time, status.time) + 1
        due = tuple(notice for block in self.heard for notice in block.notices)
        self.said += (*due, *(notice for receipt in receipts for notice in receipt.notices))
        return ExecutedBlock({}, receipts, due, 0)

    def answer(self, member: str, body: tx.Body) -> Answer:
        """One transaction, waited for, and what the engine says of it."""
        return self.engine.wait(self.engine.submit(self.sealed(member, body)))

    def find(self, table: StateTable[R], *parts: str | int) -> R | None:
        return find(self.engine, table, *parts)

    def scan(self, table: StateTable[R], *parts: str | int) -> list[R]:
        prefix = (table.key(*parts) + "/").encode()
        return [table.decode(data) for _, data in self.engine.scan(prefix, 1 << 62)]

    def crash(self) -> None:
        """The process ends at once: another opens what lies on its disk."""
        self.opened += 1
        image = self.path.with_name(f"{self.path.name}-{self.opened}")
        shutil.copytree(self.path, image)
        self.engine.close()
        shutil.rmtree(self.path)
        self.path = image
        self.numbers.clear()
        self.engine = self._open()
