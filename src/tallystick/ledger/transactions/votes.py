"""Changes that the members decide together."""

from ...base.ids import Id
from .body import Body
from .changes import Change


class Propose(Body):
    """Put a change to the vote.

    Refused: Suspended, DeviceMayNot, NotEligible, UnknownMember, AlreadyExists, KeyRefused, OverCap,
    UnknownRecord, OutOfRange, WrongStage.
    """

    change: Change


class Vote(Body):
    """Vote on a proposal.

    Refused: Suspended, DeviceMayNot, UnknownRecord, WrongStage, NotEligible, AlreadyDone.
    """

    proposal: Id
    approve: bool
