"""Relay: the model passes from member to member in drawn order, then all judge every hop (bp2p, Miao et al.).

Alg. 2: one trains, hands on to the next; with `protect=per_hop(...)` there is noise at every hop (erratum 4).
Eq. 5: `noise` is what the leader adds before the release. Eq. 10-11 with erratum 2: the leader takes C/N
first, the rest follows each hop's gain over the best earlier model (erratum 21), or its angle (eq. 7-9 with
erratum 1). Who contributed most records (POC, 4.3.2).
"""

from __future__ import annotations

from typing import Literal

from ...ledger.rules import Electing, Forming, Paying
from ..parts.judge import FEWEST, judge, measure_angles
from ..parts.protect import Protection, needs_of
from ..parts.share import reveal_salt, train_last_hop
from ..vocabulary import OWN_ROWS, Do, PhasePlan, Protocol


def relay(
    size: int = 5,
    minimum: int = 2,
    bench: int = 0,
    deposit: int = 0,
    leader_deposit: int = 0,
    wait: int = 3_600_000,
    judges: int = 0,
    units: bool = True,
    protect: Protection | None = None,
    weight: Literal["gain", "angle", "angle_as_printed"] = "gain",
    noise: Do | None = None,
    fewest: int = FEWEST,
) -> Protocol:
    """One pass is one round; a silent holder is skipped at its own deadline."""
    drawn, angles = f"drawn:train:{judges}" if judges else "everyone", weight != "gain"
    judged = judge("train", fewest=fewest, hops=True, trail=angles)
    measured = (
        (PhasePlan("angles", "everyone", measure_angles("train"), wait, sealed=True),) if angles else ()
    )
    released = (PhasePlan("release", "leader", noise, wait),) if noise else ()
    form = Forming(
        size, minimum, wait, bench=bench, deposit=deposit, leader_deposit=leader_deposit, units=units
    )
    return Protocol(
        name="relay",
        version="1",
        needs=needs_of(protect, "parameters", "continues"),
        form=form,
        phases=(
            PhasePlan("train", "in_order", train_last_hop("train", protect), wait),
            PhasePlan("judge", drawn, judged, wait, sealed=True),
        ),
        finish="train",
        opening=(PhasePlan("draw", "everyone", reveal_salt(), wait),),
        closing=measured + released,
        elect=Electing("contribution", tolerance=OWN_ROWS),
        pay=Paying(leader_share=True, weight=weight),
    )
