"""What the fault tests run: a ledger's rules, its keys, and an endless row of transactions it accepts."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tallystick.base.ids import digest
from tallystick.base.keys import SigningKey
from tallystick.engines.embedded.engine import EmbeddedEngine
from tallystick.engines.engine import Machine, ledger_machine
from tallystick.engines.storage.opening import StorageSettings
from tallystick.ledger.genesis import Founder, Genesis
from tallystick.ledger.transactions import FORMAT, Envelope, Transfer, seal
from tests.engines import standin

MEMBERS = 40


@dataclass(frozen=True)
class Subject:
    """A ledger to be broken: the n-th transaction is the same whenever it is asked for."""

    machine: Machine[Any, Any, Any, Any]
    genesis: Any
    transaction: Callable[[int], bytes]

    def open(
        self, path: Path, settings: StorageSettings | None = None, *, new: bool = True
    ) -> EmbeddedEngine:
        clock = standin.Clock(self.genesis.time + 1)
        settings = settings or StorageSettings(segment=100_000, behind=4)
        return EmbeddedEngine(
            path,
            keys=[standin.VALIDATOR],
            genesis=self.genesis if new else None,
            clock=clock,
            machine=self.machine,
            settings=settings,
        )

    def name(self, number: int) -> bytes:
        """The digest that the receipt of the n-th transaction names."""
        return digest(b"transaction", self.transaction(number))


def _put(number: int) -> bytes:
    due = standin.START + 10**9 + number if number % 5 == 0 else 0
    return standin.put(number, b"k%d" % (number % 50), b"value %d" % number, due, f"m{number % MEMBERS}")


STANDIN = Subject(standin.MACHINE, standin.GENESIS, _put)


def _ledger() -> Subject:
    keys = [SigningKey(digest(b"fault", b"%d" % n)) for n in range(MEMBERS)]
    founders = tuple(Founder(f"m{n}", key.public, keys[0].public, (), 10**9) for n, key in enumerate(keys))
    genesis = Genesis("faults", 1_700_000_000_000, 2**53 - 1, founders)

    def transfer(number: int) -> bytes:
        turn, sender = divmod(number, MEMBERS)
        body = Transfer(f"m{(sender + 1 + number % 7) % MEMBERS}", 1 + number % 3)
        key = keys[sender]
        envelope = Envelope(FORMAT, "faults", f"m{sender}", key.public, turn, genesis.time + 10**12, body)
        return seal(envelope, key.sign)

    return Subject(ledger_machine(), genesis, transfer)


LEDGER = _ledger()


def memory_folder() -> str | None:
    """Where files cost no disk, if there is such a place."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
