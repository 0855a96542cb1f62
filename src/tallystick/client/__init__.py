"""The Python face of a ledger: open it, sign as a member, offer data by a node, ask for a model."""

from ..engines.embedded.engine import wall_clock
from ..engines.errors import ClientError, TransactionRefused
from .ledger import (
    BLOCKS_KEY,
    GENESIS,
    Client,
    Papers,
    connect,
    create,
    encryption_key,
    open_key,
    open_ledger,
    open_writer,
    papers,
)
from .opened import OpenLedger

__all__ = [
    "BLOCKS_KEY", "GENESIS", "Client", "ClientError", "OpenLedger", "Papers", "TransactionRefused",
    "connect", "create", "encryption_key", "open_key", "open_ledger", "open_writer", "papers", "wall_clock",
]  # fmt: skip
