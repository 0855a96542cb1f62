"""A consortium whose members have registered units and granted their use."""

from __future__ import annotations

from collections.abc import Sequence

from tallystick.ledger import transactions as tx

from .play import consortium
from .world import DAY, World, hashed


def with_unit(
    owners: Sequence[str], epsilon: int, unaccounted: bool = False, purpose: str = "maintenance"
) -> tuple[World, dict[str, tx.UnitUse]]:
    """A world, and for each owner a unit with a grant for anyone; `world.second` has another grant each."""
    world = consortium()
    second: dict[str, str] = {}
    uses = {}
    for owner in owners:
        unit = world.made(
            "unit",
            owner,
            tx.RegisterUnit(
                "pumps",
                tx.Profile("pumps", "table", 500, hashed("schema")),
                hashed(owner, "training"),
                hashed(owner, "judging"),
                "node://" + owner,
                tx.Sketch(1, b"sketch"),
                tx.Terms(purposes=(purpose,), unaccounted=unaccounted),
                tx.PrivacyBudget(epsilon, 10_000_000, "record"),
            ),
        )
        give = tx.GiveGrant(unit, "*", purpose, 10, world.time + 300 * DAY)
        uses[owner] = tx.UnitUse(unit, world.made("grant", owner, give))
        second[owner] = world.made("grant", owner, give)
    world.second = second
    return world, uses
