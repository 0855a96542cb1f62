"""Permissions to use a unit: asked, given, declined, revoked."""

from typing import Annotated

from msgspec import Meta

from ...base.ids import Id, Maybe, Name, Party, Time
from .body import Body


class AskGrant(Body):
    """Ask an owner for a grant.

    Refused: Suspended, DeviceMayNot, UnknownRecord, WrongStage, SelfDealing, NotForYou, OutOfRange.
    """

    unit: Id
    purpose: Name
    uses: Annotated[int, Meta(ge=1, le=10**6)]
    until: Time


class GiveGrant(Body):
    """Permit a member, or anyone, to use a unit.

    Refused: Suspended, DeviceMayNot, UnknownRecord, NotYours, WrongStage, UnknownMember, OutOfRange,
    NotForYou.
    """

    unit: Id
    to: Party
    purpose: Name
    uses: Annotated[int, Meta(ge=1, le=10**6)]
    until: Time
    statistics_only: bool = False
    ask: Maybe = ""  # the ask that this answers


class DeclineGrant(Body):
    """Say no to an ask.

    Refused: Suspended, DeviceMayNot, UnknownRecord, NotYours.
    """

    ask: Id


class RevokeGrant(Body):
    """Take a grant back, from the next phase on.

    Refused: Suspended, DeviceMayNot, UnknownRecord, NotYours, WrongStage.
    """

    grant: Id
