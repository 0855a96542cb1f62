"""Opening a ledger in Python: to look at it and write, and to ask for models where learning is installed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ..base.keys import Signer
from . import ledger
from .ledger import Client, Password

if TYPE_CHECKING:
    from .asking import Asker


def connect(
    folder: str | Path,
    key: str | Path | Signer | None = None,
    password: Password = None,
    clock: Callable[[], int] | None = None,
) -> Asker | Client:
    """The ledger in a folder: for reading, or with a member's key to write, and to ask for models."""
    client = ledger.connect(folder, key, password, clock)
    try:
        from .asking import Asker
    except ModuleNotFoundError:  # without the learning parts the ledger is all there is
        return client
    return Asker(client.view, client.key, client.clock, client.close)
