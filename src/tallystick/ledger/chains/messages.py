"""What chains say to one another about a request (coalition paper 3.1)."""

from typing import Annotated, Literal

from msgspec import Meta

from ...base.codec import Record
from ...base.ids import Count, Id, Maybe, Name, Text, Tokens
from ..budgets.costs import Costs
from ..records import Allocation, Place, PlaceStatus, Request

Wide = Annotated[int, Meta(ge=-(2**53), le=2**53)]
Names = Annotated[tuple[Name, ...], Meta(max_length=64)]


class Opening(Record, tag_field="kind", tag=str.lower):
    """From the main chain: a team has formed, this is what it may spend, and by when it must be final."""

    request: Request
    leader: str
    analyst: str
    places: tuple[Place, ...]
    allocations: tuple[tuple[str, Allocation], ...]  # member first
    final: int


class Served(Record):
    """How a member served: what a settlement needs of its place."""

    member: Name
    role: Literal["member", "leader", "analyst"]
    status: PlaceStatus
    turns: Count
    missed: Count
    idle: Count
    forfeits: Count
    accepted: Count
    last_accepted: Annotated[int, Meta(ge=-1, le=10**9)]
    present: Count
    gain: Annotated[int, Meta(ge=0, le=2**53)]
    score: Wide | None
    measured: Wide | None
    earned: Tokens
    opened: bool


class Left(Record):
    """What is left of an allocation."""

    member: Name
    unit: Id
    costs: Costs
    unaccounted: Count


class Outcome(Record, tag_field="kind", tag=str.lower):
    """To the main chain: how a request ended; the settlement there follows from this alone."""

    outcome: Literal["settled", "refunded"]
    why: Text
    recorder: Maybe
    approving: Count
    leader: Maybe
    analyst: Maybe
    completed: Count
    model: Annotated[bytes, Meta(max_length=32)]
    author: Maybe
    history: Annotated[bytes, Meta(max_length=32)]
    figure: Wide | None
    recorders: Names
    attempt: Count
    reached: bool
    places: Annotated[tuple[Served, ...], Meta(max_length=64)]
    left: Annotated[tuple[Left, ...], Meta(max_length=1024)]


class ChainMessage(Record):
    """What one chain has to say to another about a request; whoever likes carries it, with a proof."""

    content: Opening | Outcome
