"""Averaging: private data centres train, one averages; paid by the amount of data (fdc, Yin et al. 2021).

The public centre posts a request with the data it wants and the tokens it pays for a unit of it; private
centres sign what they can give, train, and the leader takes the simple mean of their models (fdc § V-E).
"""

from __future__ import annotations

from ...ledger.rules import Electing, Forming, Paying
from ..parts.protect import Protection, needs_of
from ..parts.share import combine, train_model
from ..vocabulary import HOUR, OWN_ROWS, PhasePlan, Protocol

PAPER = "fdc, Yin et al. 2021"


def averaging(
    price: int = 0,
    protect: Protection | None = None,
) -> Protocol:
    """All train from the same model, the leader posts the mean; tokens per data unit, the rest returns."""
    pay = Paying(kind="per_amount", weight="amount", price=price) if price else Paying(weight="equal")
    return Protocol(
        name="averaging",
        version="1",
        needs=needs_of(protect, "parameters", "continues"),
        form=Forming(5, 2, HOUR, order="answer"),
        phases=(
            PhasePlan("train", "everyone", train_model(protect)),
            PhasePlan("combine", "leader", combine("train")),
        ),
        finish="combine",
        elect=Electing(tolerance=OWN_ROWS),
        pay=pay,
    )
