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
    given = find(reader, GRANTS, name)
    granted = None if given is None else unit(reader, given.unit)
    if given is None or granted is None:
        return None
    stage: GrantStage = "open"
    if given.revoked:
        stage = "revoked"
    elif given.owner != granted.owner:
        stage = "ended with its giver's ownership"
    elif time >= given.until:
        stage = "expired"
    elif given.used >= given.uses:
        stage = "used up"
    return GrantView(
        name,
        given.unit,
        given.owner,
        given.to,
        given.purpose,
        given.until,
        given.uses,
        given.uses - given.used,
        given.statistics_only,
        stage,
    )


def grants(
    reader: Reader, time: int, owner: str = "", to: str = "", of: str = "", stage: str = ""
) -> tuple[GrantView, ...]:
    """Grants: of an owner, for a member (given to it or to anyone), of one unit, of one stage."""
    views = (grant(reader, given.grant, time) for given in every(reader, GRANTS))
    return tuple(
        view
        for view in views
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
    offered = find(reader, UNITS, name)
    lineage = None if offered is None else find(reader, LINEAGES, offered.lineage)
    return "" if lineage is None else lineage.owner
