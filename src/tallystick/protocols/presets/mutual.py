"""Mutual supervision: all train, all judge all, one combines (bpcv, Liu et al. 2022).

Eq. 5: the next model is the weighted mean of the members' models. Eq. 6-8: each is graded by what the others
measure on their own data, here by the median of the others (erratum 7). Printed, the worst of every round is
dropped and the next on the bench takes its place; here only outliers are (erratum 8).
"""

from __future__ import annotations

from ...ledger.rules import Electing, EventRule, Evicting, Forming, Paying
from ..protocol import OWN_ROWS, Phase, Protocol
from ..share import Combine, combine, judge, reveal_salt, train_model


def mutual(
    size: int = 5,
    minimum: int = 2,
    bench: int = 0,
    deposit: int = 0,
    wait: int = 3_600_000,
    judges: int = 0,
    units: bool = True,
    event: EventRule | None = None,
    rule: Combine | None = None,
    as_printed: bool = False,
) -> Protocol:
    """Train, commit; judge, commit, reveal; combine. Paid round by round, the best score records."""
    drawn = f"drawn:train:{judges}" if judges else "everyone"
    return Protocol(
        name="mutual",
        version="1",
        needs=("parameters", "continues"),
        form=Forming(size, minimum, wait, order="answer", bench=bench, deposit=deposit, units=units),
        phases=(
            Phase("train", "everyone", train_model(event), wait, sealed=True),
            Phase("judge", drawn, judge("train"), wait, sealed=True),
            Phase("combine", "leader", combine("train", None if as_printed else rule), wait),
        ),
        finish="combine",
        opening=(Phase("draw", "everyone", reveal_salt(), wait),) if judges else (),
        elect=Electing("best_score", tolerance=OWN_ROWS),
        pay=Paying(kind="per_round", weight="equal" if as_printed else "gain"),
        evict=Evicting("worst" if as_printed else "outlier"),
        scores="sum" if as_printed else "median",
    )
