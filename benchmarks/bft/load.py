"""Members that send tokens one after the other, and remember what they were told is in a block."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from benchmarks.bft.net import Net
from tallystick.base.keys import SigningKey
from tallystick.client import Client, ClientError
from tallystick.engines.engine import EngineError
from tallystick.ledger import transactions as tx

PATIENCE = 20.0


@dataclass
class Heard:
    """What all senders were told."""

    acknowledged: list[bytes] = field(default_factory=list)
    failures: int = 0
    newest: float = 0.0  # when the last one was told, by a clock that never jumps


class Load:
    """Senders in threads of their own; `with` ends them."""

    def __init__(self, net: Net, keys: dict[str, SigningKey], pause: float = 0.2) -> None:
        self.heard = Heard()
        self._net, self._keys, self._pause = net, keys, pause
        self._ended = threading.Event()
        names = list(keys)
        self._threads = [
            threading.Thread(target=self._send, args=(name, names[(at + 1) % len(names)]), daemon=True)
            for at, name in enumerate(names)
        ]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def progress(self, since: float, patience: float) -> float | None:
        """Seconds from a moment until something sent is in a block; None where that takes too long."""
        while time.monotonic() - since < patience:
            if self.heard.newest > since:
                return self.heard.newest - since
            time.sleep(0.05)
        return None

    def _send(self, name: str, to: str) -> None:
        engine = self._net.engine(prove=False, patience=PATIENCE)
        client: Client | None = None
        while not self._ended.is_set():
            try:
                client = client or Client(engine, self._keys[name])
                answer = client.submit(tx.Transfer(to, 1))
                self.heard.acknowledged.append(answer.receipt.transaction)
                self.heard.newest = time.monotonic()
            except (EngineError, ClientError):
                self.heard.failures += 1
            self._ended.wait(self._pause)
        engine.close()
