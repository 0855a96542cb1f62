"""Averaging: private data centres train, one averages; paid by the amount of data (fdc, Yin et al. 2021).

The public centre posts a request with the data it wants and the tokens it pays for a unit of it; private
centres sign what they can give, train, and the leader takes the simple mean of their models (fdc § V-E).
"""

from __future__ import annotations

from ...ledger.rules import Electing, Forming, Paying
from ..parts.protect import Protection, needs_of
from ..parts.share import combine, train_model
from ..vocabulary import OWN_ROWS, PhasePlan, Protocol


def averaging(
    size: int = 5,
    minimum: int = 2,
    price: int = 0,
    amount: int = 0,
    deposit: int = 0,
    wait: int = 3_600_000,
    units: bool = True,
    protect: Protection | None = None,
) -> Protocol:
    """All train from the same model, the leader posts the mean; tokens per data unit, the rest returns."""
    pay = Paying(kind="per_amount", weight="amount", price=price) if price else Paying(weight="equal")
    return Protocol(
        name="averaging",
        version="1",
        needs=needs_of(protect, "parameters", "continues"),
        form=Forming(size, minimum, wait, order="answer", amount=amount, deposit=deposit, units=units),
        phases=(
            PhasePlan("train", "everyone", train_model(protect), wait),
            PhasePlan("combine", "leader", combine("train"), wait),
        ),
        finish="combine",
        elect=Electing(tolerance=OWN_ROWS),
        pay=pay,
    )
