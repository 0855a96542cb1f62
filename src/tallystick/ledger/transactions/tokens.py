"""Tokens from one member to another."""

from ...base.ids import Name
from .body import Body
from .changes import Positive


class Transfer(Body):
    """Send tokens to a member.

    Refused: Suspended, DeviceMayNot, UnknownMember, SelfDealing, NotEnoughTokens.
    """

    to: Name
    amount: Positive
