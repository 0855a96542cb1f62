"""The nodes that this process runs on an open ledger: a member joins by one, and they take their turns."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..base.keys import Signer
from ..engines.errors import ClientError
from ..node.serving import Joined
from ..node.serving import turn as turn_of
from ..node.shelf import Shelf
from ..node.work import WorkDamaged
from .ledger import Client, Password, connect, spoken_plainly
from .opened import OpenLedger


def join(
    ledger: OpenLedger | str | Path,
    key: str | Path | Signer,
    password: Password = None,
    clock: Callable[[], int] | None = None,
) -> Joined:
    """A member's node on a ledger; several run in one process on one that `ts.open` opened."""
    with spoken_plainly():
        client = connect(ledger, key, password, clock)
    try:
        return _joined(client)
    except WorkDamaged as damaged:
        client.close()
        raise ClientError(str(damaged)) from None
    except BaseException:
        client.close()
        raise


def shelf_of(client: Client) -> Shelf:
    """The shelf beside the ledger that a client has open."""
    if client.key is None or client.ledger.home is None:
        raise ClientError(
            "data is served and asked for beside a ledger's own folder; connect to one with a key"
        )
    return Shelf(client.ledger.home)


def nodes_on(ledger: OpenLedger) -> list[Joined]:
    """The nodes that this process runs on a ledger."""
    return [node for node in ledger.nodes.values() if isinstance(node, Joined)]


def turn(client: Client) -> int:
    """One turn of all nodes that this process runs on a ledger; how much was done."""
    return turn_of(nodes_on(client.ledger), client.engine, client.now())


def _joined(client: Client) -> Joined:
    ledger, member = client.ledger, client.member

    def release() -> None:
        ledger.nodes.pop(member, None)
        client.close()

    node = Joined(client.session, shelf_of(client), release, lambda: nodes_on(ledger))
    ledger.nodes[member] = node
    return node
