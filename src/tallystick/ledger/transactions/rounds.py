"""Rounds: posting, revealing, waking a quiet chain."""

from ...base.ids import Count, Id, Name
from .body import Body
from .posts import Content, Salt, Vector


class Post(Body):
    """Serve one's turn in the open phase.

    Refused: Suspended, UnknownRecord, WrongPhase, NotYourTurn, AlreadyDone, WrongContent, BadReveal,
    StaleView.
    """

    request: Id
    round: Count
    phase: Name
    content: Content


class Reveal(Body):
    """Open the scores that one committed to.

    Refused: Suspended, UnknownRecord, WrongPhase, NotYourTurn, AlreadyDone, BadReveal, WrongContent,
    StaleView.
    """

    request: Id
    round: Count
    phase: Name
    values: Vector
    salt: Salt


class Nudge(Body):
    """Wake a quiet chain so that what is due is served.

    Refused: Suspended.
    """
