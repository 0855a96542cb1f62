"""Tokens from one member to another."""

from ...base.ids import Name
from ..changes import Positive
from .body import Body


class Transfer(Body):
    """Send tokens to a member.

    Refused: Suspended, DeviceMayNot, UnknownMember, SelfDealing, NotEnoughTokens.
    """

    to: Name
    amount: Positive
