"""Opening a ledger in Python: to look at it and write, and to ask for models where learning is installed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ..base.keys import Signer
from .ledger import Client, Password, spoken_plainly
from .ledger import connect as as_client
from .opened import OpenLedger

if TYPE_CHECKING:
    from .request import Asker


def connect(
    ledger: OpenLedger | str | Path,
    key: str | Path | Signer | None = None,
    password: Password = None,
    clock: Callable[[], int] | None = None,
) -> Asker | Client:
    """A ledger, by its folder or open here: for reading, or with a member's key to write and to ask."""
    with spoken_plainly():
        client = as_client(ledger, key, password, clock)
    try:
        from .request import Asker
    except ModuleNotFoundError:  # without the learning parts the ledger is all there is
        return client
    return Asker(client.ledger, client.key, owner=client.owner)
