"""A ledger that this process has open: its engine, the folder beside it, the nodes that run on it here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, Self, final

from ..engines.embedded.engine import wall_clock
from ..engines.engine import View


class RunningNode(Protocol):
    """A member's node, as far as the ledger that it runs on must know it."""

    def close(self) -> None:
        """The node stops; what it has on disk stays."""


@final
@dataclass(eq=False)
class OpenLedger:
    """Opened once, and handed to all who use it in this process: `connect`, `join`; `with` closes it.

    `home` is the folder in which plans and payloads lie beside the ledger; without it there are none.
    """

    view: View
    home: Path | None = None
    clock: Callable[[], int] = wall_clock
    nodes: dict[str, RunningNode] = field(default_factory=dict)  # by their members

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def now(self) -> int:
        """The time in milliseconds: the clock's, or the newest block's where that is later."""
        return max(self.clock(), self.view.status().time)

    def close(self) -> None:
        """Stop the nodes that run on it here, and let it go."""
        for node in tuple(self.nodes.values()):
            node.close()
        self.view.close()
