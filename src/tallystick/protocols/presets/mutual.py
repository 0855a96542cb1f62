"""Mutual supervision: all train, all judge all, one combines (bpcv, Liu et al. 2022).

Eq. 1-4: GD-DP locally, by `protect=dp_sgd(...)`, or `printed_laplace(...)` as printed (erratum 5). Eq. 5: the
next model is the weighted mean of the members' models; here a robust rule combines them. Eq. 6-8: each is
graded by what the others measure on their own data, here by the median of the others (erratum 7). Printed,
the worst of every round is dropped and the next on the bench takes its place; here only outliers are
(erratum 8).
"""

from __future__ import annotations

from ...ledger.rules import Electing, Evicting, Forming, Paying
from ..parts.judge import FEWEST, judge
from ..parts.protect import Protection, needs_of
from ..parts.share import combine, reveal_salt, robust, train_model
from ..vocabulary import OWN_ROWS, PhasePlan, Protocol


def mutual(
    size: int = 5,
    minimum: int = 2,
    bench: int = 0,
    deposit: int = 0,
    wait: int = 3_600_000,
    judges: int = 0,
    units: bool = True,
    protect: Protection | None = None,
    rule: str = "mixing_geometric_median",
    attackers: int | None = None,
    fewest: int = FEWEST,
    as_printed: bool = False,
) -> Protocol:
    """Train, commit; judge, commit, reveal; combine. Paid round by round, the best score records."""
    drawn = f"drawn:train:{judges}" if judges else "everyone"
    withstood = max(1, size // 10) if attackers is None else attackers
    combined = combine("train", None if as_printed else robust(rule, withstood))
    return Protocol(
        name="mutual",
        version="1",
        needs=needs_of(protect, "parameters", "continues"),
        form=Forming(size, minimum, wait, order="answer", bench=bench, deposit=deposit, units=units),
        phases=(
            PhasePlan("train", "everyone", train_model(protect), wait, sealed=True),
            PhasePlan("judge", drawn, judge("train", fewest=fewest), wait, sealed=True),
            PhasePlan("combine", "leader", combined, wait),
        ),
        finish="combine",
        opening=(PhasePlan("draw", "everyone", reveal_salt(), wait),) if judges else (),
        elect=Electing("best_score", tolerance=OWN_ROWS),
        pay=Paying(kind="per_round", weight="equal" if as_printed else "gain"),
        evict=Evicting("worst") if as_printed else Evicting("outlier", expel=True),
        scores="sum" if as_printed else "median",
    )
