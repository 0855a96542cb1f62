"""Accesses that were refused: kept as receipts for ever, and listed here by what was wrong."""

from collections.abc import Iterable

from ...base.codec import Record
from ..transition import Receipt


class Violation(Record):
    """An access that was refused."""

    # expired | over-used | revoked | over-budget | double claim | not entitled | replayed | forged
    offence: str
    transaction: bytes
    member: str
    kind: str
    detail: str


# A grant's refusal says in its reason why it does not permit; elsewhere the refusal's class says it.
_BY_REASON = (("it ended", "expired"), ("are used", "over-used"), ("revoked", "revoked"))
_BY_REFUSAL = {
    "NotGranted": "not entitled",
    "NotForYou": "not entitled",
    "NotYours": "not entitled",
    "DeviceMayNot": "not entitled",
    "Suspended": "not entitled",
    "OverBudget": "over-budget",
    "Expired": "expired",
    "NumberUsed": "replayed",
    "NotYourKey": "forged",
    "BadSignature": "forged",
}


def violations(receipts: Iterable[Receipt]) -> tuple[Violation, ...]:
    """The refused accesses among receipts: what was not, no longer, or not that often permitted."""
    offences = ((receipt, _offence(receipt)) for receipt in receipts)
    return tuple(
        Violation(offence, receipt.transaction, receipt.member, receipt.kind, receipt.detail)
        for receipt, offence in offences
        if offence
    )


def _offence(receipt: Receipt) -> str:
    if receipt.refusal == "NotGranted":
        reasons = (offence for reason, offence in _BY_REASON if reason in receipt.detail)
        return next(reasons, _BY_REFUSAL["NotGranted"])
    if receipt.refusal == "AlreadyExists" and receipt.detail.startswith("root "):
        return "double claim"
    return _BY_REFUSAL.get(receipt.refusal, "")
