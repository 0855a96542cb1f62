"""The Python face of a ledger: open it, sign as a member, offer data by a node, ask for a model."""

from .ledger import (
    BLOCKS_KEY,
    GENESIS,
    Client,
    ClientError,
    Papers,
    Refused,
    connect,
    create,
    encryption_key,
    open_key,
    open_network,
    open_writer,
    papers,
    wall_clock,
)

__all__ = [
    "BLOCKS_KEY", "GENESIS", "Client", "ClientError", "Papers", "Refused",
    "connect", "create", "encryption_key", "open_key", "open_network", "open_writer", "papers", "wall_clock",
]  # fmt: skip
