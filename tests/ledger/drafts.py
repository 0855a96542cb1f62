"""A draft over a test world's state, and places and phases as rules about them need them."""

from __future__ import annotations

from typing import Any

from tallystick.ledger.records import Phase, Place, Progress
from tallystick.ledger.state import Draft
from tests.ledger.world import CHAIN, World


def draft_of(world: World, chain: str = CHAIN) -> Draft:
    """What the world's next block would decide, begun."""
    return Draft(world.reader, chain, world.height + 1, world.time)


def place_of(member: str, **more: Any) -> Place:
    """A member's place that has served and lost nothing, unless something else is named."""
    known: dict[str, Any] = {
        "deposit": 100, "amount": 10, "units": (), "order": 0, "joined": 1, "role": "member",
    }  # fmt: skip
    return Place(member, **{**known, **more})


def phase_of(name: str = "judge", members: tuple[str, ...] = ("bob", "cleo", "dan"), **more: Any) -> Phase:
    """A phase of round 1 in which these members owe, and about whose posts it is."""
    return Phase(1, name, 0, members, **{"subjects": members, **more})


def progress_of(stage: Any = "rounds", **more: Any) -> Progress:
    return Progress(stage, 1_000, 0, **more)
