"""Who lives in a random history."""

from __future__ import annotations

from tallystick.base.ids import ROLES
from tallystick.ledger.genesis import Founder
from tests.ledger.world import founder

FULL = ("ada", "bob", "cleo", "dan", "eve", "fay")  # every role, tokens
POOR = "gus"  # no role and no tokens
BARRED = "hal"  # suspended while the world is prepared
EVERYBODY = (*FULL, POOR, BARRED)


def founders(balance: int) -> tuple[Founder, ...]:
    """Six members with every role, one with none and no tokens, one to be barred."""
    return tuple(
        founder(name, 0 if name == POOR else balance, () if name == POOR else ROLES) for name in EVERYBODY
    )
