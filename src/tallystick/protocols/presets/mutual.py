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
from ..vocabulary import HOUR, OWN_ROWS, PhasePlan, Protocol

PAPER = "bpcv, Liu et al. 2022"


def mutual(
    protect: Protection | None = None,
    judges: int = 0,
    rule: str = "mixing_geometric_median",
    attackers: int = 1,
    fewest: int = FEWEST,
    as_printed: bool = False,
) -> Protocol:
    """Train, commit; judge, commit, reveal; combine. Paid round by round, the best score records."""
    drawn = f"drawn:train:{judges}" if judges else "everyone"
    combined = combine("train", None if as_printed else robust(rule, attackers))
    return Protocol(
        name="mutual",
        version="1",
        needs=needs_of(protect, "parameters", "continues"),
        form=Forming(5, 2, HOUR, order="answer"),
        phases=(
            PhasePlan("train", "everyone", train_model(protect), sealed=True),
            PhasePlan("judge", drawn, judge("train", fewest=fewest), sealed=True),
            PhasePlan("combine", "leader", combined),
        ),
        finish="combine",
        opening=(PhasePlan("draw", "everyone", reveal_salt()),) if judges else (),
        elect=Electing("best_score", tolerance=OWN_ROWS),
        pay=Paying(kind="per_round", weight="equal" if as_printed else "gain"),
        evict=Evicting("worst") if as_printed else Evicting("outlier", expel=True),
        scores="sum" if as_printed else "median",
    )
