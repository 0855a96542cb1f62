"""What somebody asked of a ledger and cannot have: errors for people, of nodes and of clients alike."""

from typing import final

from ..ledger.transition import Receipt


class ClientError(Exception):
    """What was asked cannot be done; the message says why and what to do."""


@final
class TransactionRefused(ClientError):
    """The ledger refused a transaction; its receipt says why."""

    def __init__(self, receipt: Receipt) -> None:
        super().__init__(f"refused ({receipt.refusal}): {receipt.detail}")
        self.receipt = receipt
