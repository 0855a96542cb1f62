"""Relay: the model passes from member to member in drawn order, then all judge every hop (bp2p, Miao et al.).

Alg. 2: one trains, hands on to the next. Eq. 10-11 with erratum 2: the leader takes C/N first, the rest
follows each hop's gain over the best earlier model (erratum 21). Who contributed most records (POC, 4.3.2).
"""

from __future__ import annotations

from ...ledger.rules import Electing, EventRule, Forming, Paying
from ..protocol import OWN_ROWS, Phase, Protocol
from ..share import judge, reveal_salt, train_last_hop


def relay(
    size: int = 5,
    minimum: int = 2,
    bench: int = 0,
    deposit: int = 0,
    leader_deposit: int = 0,
    wait: int = 3_600_000,
    judges: int = 0,
    units: bool = True,
    event: EventRule | None = None,
) -> Protocol:
    """One pass is one round; a silent holder is skipped at its own deadline."""
    form = Forming(
        size, minimum, wait, bench=bench, deposit=deposit, leader_deposit=leader_deposit, units=units
    )
    drawn = f"drawn:train:{judges}" if judges else "everyone"
    return Protocol(
        name="relay",
        version="1",
        needs=("parameters", "continues"),
        form=form,
        phases=(
            Phase("train", "in_order", train_last_hop("train", event), wait),
            Phase("judge", drawn, judge("train"), wait, sealed=True),
        ),
        finish="train",
        opening=(Phase("draw", "everyone", reveal_salt(), wait),),
        elect=Electing("contribution", tolerance=OWN_ROWS),
        pay=Paying(leader_share=True),
    )
