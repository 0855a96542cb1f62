"""The ledgers that this process writes: one writer for each folder, shared by all who open it here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..engines.embedded.engine import EmbeddedEngine


@dataclass(eq=False)
class Shared:
    """A writer, how many have it open, and the members' nodes that this process runs on it."""

    engine: EmbeddedEngine
    users: int = 0
    nodes: dict[str, Any] = field(default_factory=dict)


_open: dict[Path, Shared] = {}


def share(folder: Path, open_it: Callable[[], EmbeddedEngine]) -> tuple[EmbeddedEngine, Callable[[], None]]:
    """The writer of this folder, and what gives it back; the last one closes it."""
    place = folder.resolve()
    found = _open.get(place)
    if found is None or found.engine.status().stopped:
        found = _open[place] = Shared(open_it())
    shared = found
    given_back: list[bool] = []
    shared.users += 1

    def release() -> None:
        if given_back:
            return
        given_back.append(True)
        shared.users -= 1
        if not shared.users:
            if _open.get(place) is shared:
                del _open[place]
            shared.engine.close()

    return shared.engine, release


def nodes_on(engine: object) -> dict[str, Any]:
    """The nodes that this process runs on a ledger, by their members."""
    for shared in _open.values():
        if shared.engine is engine:
            return shared.nodes
    return {}
