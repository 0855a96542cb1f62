"""Secure averaging: data owners train, an analyst adds up what it cannot read (coalition § 3.2, He et al.).

Step 1: the owners whom the analyst chose, by reputation, train and mask what they send. Step 2: the analyst
aggregates "without any knowledge of any owner's data" and hands the result back: here by the masked sum of
Bonawitz et al. 2017, which bears the loss of nearly half of the owners in a round. The consumer's reward pays
the owners and the analyst's fee; what the analyst buys from others it pays by linked requests.
"""

from __future__ import annotations

from ...ledger.rules import Electing, Forming, Paying
from ..parts.masked import (
    deal_shares,
    list_arrived,
    open_mean,
    post_keys,
    train_masked,
    unmask,
)
from ..parts.protect import Protection, needs_of
from ..vocabulary import HOUR, OWN_ROWS, PhasePlan, Protocol, Unfit

PAPER = "coalition § 3.2, He et al."


def secure_averaging(
    minimum: int = 3,
    protect: Protection | None = None,
) -> Protocol:
    """Keys, shares, masked models, unmasking; an analyst leads, or where `leader` says so the first owner."""
    if minimum < 3:
        raise Unfit(f"a sum of {minimum} hides nobody: a secure average needs at least 3 members")
    return Protocol(
        name="secure_averaging",
        version="1",
        needs=needs_of(protect, "parameters", "continues"),
        form=Forming(5, minimum, HOUR, leader="analyst"),
        phases=(
            PhasePlan("keys", "everyone", post_keys()),
            PhasePlan("shares", "present:keys", deal_shares()),
            PhasePlan("masked", "present:shares", train_masked(protect), quorum=500_001),
            PhasePlan("arrived", "leader", list_arrived()),
            PhasePlan("unmask", "present:masked", unmask(), quorum=500_001),
            PhasePlan("combine", "leader", open_mean()),
        ),
        finish="combine",
        elect=Electing("contribution", tolerance=OWN_ROWS),
        pay=Paying(weight="equal"),
    )
