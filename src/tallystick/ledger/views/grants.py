"""Grants and asks: what is permitted, to whom, and for how much longer."""

from typing import Literal

from ...base.codec import Record
from ...base.ids import ANYONE
from .. import records as r
from ..state import ASKS, GRANTS, LINEAGES, UNITS, Reader
from .reading import every, find
from .units import unit

GrantStage = Literal["open", "used up", "expired", "revoked", "ended with its giver's ownership"]


class GrantView(Record):
    """A grant and whether it still permits anything."""

    grant: str
    unit: str
    owner: str
    to: str
    purpose: str
    until: int
    uses: int
    left: int
    statistics_only: bool
    stage: GrantStage


def grant(reader: Reader, name: str, time: int) -> GrantView | None:
    """A grant, or None."""
    found = find(reader, GRANTS, name)
    granted = None if found is None else unit(reader, found.unit)
    if found is None or granted is None:
        return None
    stage: GrantStage = "open"
    if found.revoked:
        stage = "revoked"
    elif found.owner != granted.owner:
        stage = "ended with its giver's ownership"
    elif time >= found.until:
        stage = "expired"
    elif found.used >= found.uses:
        stage = "used up"
    return GrantView(
        name,
        found.unit,
        found.owner,
        found.to,
        found.purpose,
        found.until,
        found.uses,
        found.uses - found.used,
        found.statistics_only,
        stage,
    )


def grants(
    reader: Reader, time: int, owner: str = "", to: str = "", of: str = "", stage: str = ""
) -> tuple[GrantView, ...]:
    """Grants: of an owner, for a member (given to it or to anyone), of one unit, of one stage."""
    found = (grant(reader, one.grant, time) for one in every(reader, GRANTS))
    return tuple(
        view
        for view in found
        if view is not None
        and owner in ("", view.owner)
        and (not to or view.to in (to, ANYONE))
        and of in ("", view.unit)
        and stage in ("", view.stage)
    )


def asks(reader: Reader, time: int, owner: str = "", member: str = "") -> tuple[r.Ask, ...]:
    """Unanswered asks for grants that could still be given: to an owner, by a member."""
    return tuple(
        ask
        for ask in every(reader, ASKS)
        if time < ask.until
        and member in ("", ask.member)
        and (not owner or _owner(reader, ask.unit) == owner)
    )


def _owner(reader: Reader, name: str) -> str:
    found = find(reader, UNITS, name)
    lineage = None if found is None else find(reader, LINEAGES, found.lineage)
    return "" if lineage is None else lineage.owner
