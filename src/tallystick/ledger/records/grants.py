"""Permissions asked for and given, and what live requests have reserved by them."""

from ...base.codec import Record
from ...base.events import Event
from ..budgets.costs import Costs


class Ask(Record):
    """A member's question for a grant."""

    ask: str
    unit: str
    member: str
    purpose: str
    uses: int
    until: int


class Grant(Record):
    """An owner's permission for one member, purpose, time and number of uses."""

    grant: str
    unit: str
    owner: str
    to: str
    purpose: str
    until: int
    uses: int
    used: int = 0
    statistics_only: bool = False
    revoked: bool = False


class Reservation(Record):
    """What a place holds of a unit's budget for phases that have not opened yet."""

    unit: str
    lineage: str
    grant: str
    left: Costs
    events: tuple[tuple[str, Event], ...]
