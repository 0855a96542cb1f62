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
from ..vocabulary import OWN_ROWS, PhasePlan, Protocol, Unfit


def secure_averaging(
    size: int = 5,
    minimum: int = 3,
    deposit: int = 0,
    leader_deposit: int = 0,
    credit: int = 0,
    fee: int = 0,
    wait: int = 3_600_000,
    units: bool = True,
    analyst: bool = True,
    protect: Protection | None = None,
) -> Protocol:
    """Keys, shares, masked models, unmasking; an analyst leads, or where there is none the first owner."""
    if minimum < 3:
        raise Unfit(f"a sum of {minimum} hides nobody: a secure average needs at least 3 members")
    form = Forming(
        size, minimum, wait, leader="analyst" if analyst else "first", deposit=deposit,
        leader_deposit=leader_deposit, minimum_credit=credit, units=units,
    )  # fmt: skip
    return Protocol(
        name="secure_averaging",
        version="1",
        needs=needs_of(protect, "parameters", "continues"),
        form=form,
        phases=(
            PhasePlan("keys", "everyone", post_keys(), wait),
            PhasePlan("shares", "present:keys", deal_shares(), wait),
            PhasePlan("masked", "present:shares", train_masked(protect), wait, quorum=500_001),
            PhasePlan("arrived", "leader", list_arrived(), wait),
            PhasePlan("unmask", "present:masked", unmask(), wait, quorum=500_001),
            PhasePlan("combine", "leader", open_mean(), wait),
        ),
        finish="combine",
        elect=Electing("contribution", tolerance=OWN_ROWS),
        pay=Paying(weight="equal", analyst_fee=fee),
    )
