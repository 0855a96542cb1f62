"""Who applies to serve a request, who serves it, and teams that stay together."""

from typing import Literal

from ...base.codec import Record
from ..transactions import UnitUse


class Application(Record):
    """A member that wants to serve a request."""

    member: str
    order: int
    preference: int
    ability: int
    amount: int
    units: tuple[UnitUse, ...]
    commitment: bytes | None
    analyst: bool
    locked: int  # what it stakes, held from the application on


class Listing(Record):
    """The candidates that were posted, in order."""

    members: tuple[str, ...]


class Team(Record):
    """Who serves a request now, who waits, and who has gone."""

    active: tuple[str, ...]
    bench: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()


PlaceStatus = Literal[
    "active", "left", "evicted", "expelled", "released", "withdrawn", "forfeited", "replaced"
]


class Place(Record):
    """A member's place in a team: its stake, what it owed, what it missed, what it earned."""

    member: str
    deposit: int
    amount: int
    units: tuple[UnitUse, ...]
    order: int
    joined: int
    role: Literal["member", "leader", "analyst"]
    commitment: bytes | None = None
    status: PlaceStatus = "active"
    turns: int = 0
    missed: int = 0
    idle: int = 0
    forfeits: int = 0
    accepted: int = 0
    last_accepted: int = -1  # the last completed round with an accepted post
    present: int = 0  # completed rounds with an accepted model or share, and no scores kept back: paid ones
    gain: int = 0
    score: int | None = None
    measured: int | None = None  # the median of what the others measured in the closing phase
    earned: int = 0
    opened: bool = False  # a phase has opened for this member


class StandingTeam(Record):
    """A team that stays together over requests."""

    team: str
    leader: str
    invited: tuple[str, ...]
    members: tuple[str, ...]
