"""Relay: the model passes from member to member in drawn order, then all judge every hop (bp2p, Miao et al.).

Alg. 2: one trains, hands on to the next; with `protect=per_hop(...)` there is noise at every hop (erratum 4).
Eq. 5: `release` is the leader's noise on the final model. Eq. 10-11 with erratum 2: the leader takes C/N
first, the rest follows each hop's gain over the best earlier model (erratum 21), or its angle (eq. 7-9 with
erratum 1). Who contributed most records (POC, 4.3.2).
"""

from __future__ import annotations

from typing import Literal

from ...ledger.rules import Electing, Forming, Paying
from ..parts.judge import FEWEST, judge, measure_angles
from ..parts.protect import Protection, needs_of
from ..parts.share import reveal_salt, train_last_hop
from ..vocabulary import HOUR, OWN_ROWS, Do, PhasePlan, Protocol

PAPER = "bp2p, Miao et al."


def relay(
    protect: Protection | None = None,
    release: Do | None = None,
    judges: int = 0,
    weight: Literal["gain", "angle", "angle_as_printed", "equal", "amount"] = "gain",
    fewest: int = FEWEST,
) -> Protocol:
    """One pass is one round; a silent holder is skipped at its own deadline."""
    drawn, angles = f"drawn:train:{judges}" if judges else "everyone", weight in ("angle", "angle_as_printed")
    judged = judge("train", fewest=fewest, hops=True, trail=angles)
    measured = (PhasePlan("angles", "everyone", measure_angles("train"), sealed=True),) if angles else ()
    released = (PhasePlan("release", "leader", release),) if release else ()
    return Protocol(
        name="relay",
        version="1",
        needs=needs_of(protect, "parameters", "continues"),
        form=Forming(5, 2, HOUR),
        phases=(
            PhasePlan("train", "in_order", train_last_hop("train", protect)),
            PhasePlan("judge", drawn, judged, sealed=True),
        ),
        finish="train",
        opening=(PhasePlan("draw", "everyone", reveal_salt()),),
        closing=measured + released,
        elect=Electing("contribution", tolerance=OWN_ROWS),
        pay=Paying(leader_share=True, weight=weight),
    )
