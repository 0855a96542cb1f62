"""Other chains: shown what they hold, stopped where they contradict themselves."""

from typing import Annotated, Literal

from msgspec import Meta

from ...base.ids import Maybe, Name
from .body import Body
from .descriptions import SigningPowers

Shown = Literal["header", "message", "request", "member", "grant"]
SignedHeader = Annotated[bytes, Meta(max_length=65_536)]  # with commit and validators, as `light` writes it


class Deliver(Body):
    """Show a newer header of another chain, and what its state holds or does not hold.

    Refused: Suspended, UnknownRecord, WrongStage, NotProven, AlreadyDone, BadMessage, UnknownMember,
    KeyRefused, StaleView.
    """

    chain: Name
    header: SignedHeader
    about: Shown = "header"
    of: Maybe = ""
    value: Annotated[bytes, Meta(max_length=600_000)] | None = None  # None: that there is nothing
    proof: Annotated[bytes, Meta(max_length=65_536)] = b""
    following: SigningPowers | None = None  # who signs after this header, where others do


class Freeze(Body):
    """Show two headers of one height that the same validators signed: nothing of that chain counts any more.

    Refused: Suspended, DeviceMayNot, UnknownRecord, WrongStage, NotProven.
    """

    chain: Name
    first: SignedHeader
    second: SignedHeader
