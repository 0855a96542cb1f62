"""Teams: listed, applied for, graded, left; and teams that stay together."""

from typing import Annotated

from msgspec import Meta

from ...base.ids import Count, Digest, Id, Maybe, Name, Ppm
from .body import Body
from .descriptions import UnitUse

MAX_LIST = 1024  # names in one transaction: each is looked up


class ChooseTeam(Body):
    """Post the list of candidates, or narrow it, in order.

    Refused: Suspended, DeviceMayNot, UnknownRecord, NotYours, WrongStage, UnknownMember, BadTeam.
    """

    request: Id
    members: Annotated[tuple[Name, ...], Meta(max_length=MAX_LIST)]


class Apply(Body):
    """Apply for a place in a team, or on its bench.

    Refused: Suspended, DeviceMayNot, WrongRole, UnknownRecord, WrongStage, SelfDealing, AlreadyDone,
    NotEligible, NotEnoughCredit, NotEnoughTokens, NotYours, NotGranted, EventRefused, OverBudget,
    BadApplication, BenchFull.
    """

    request: Id
    preference: Ppm = 10**6
    amount: Count = 0
    units: Annotated[tuple[UnitUse, ...], Meta(max_length=16)] = ()
    commitment: Digest | None = None  # H(salt), where the rules draw
    analyst: bool = False
    chain: Maybe = ""  # where the rounds run, to agree to a chain of few validators


class WithdrawApplication(Body):
    """Take an application back before the team has formed.

    Refused: Suspended, DeviceMayNot, UnknownRecord, WrongStage.
    """

    request: Id


class Grade(Body):
    """Grade the applicants' abilities, as the named leader.

    Refused: Suspended, DeviceMayNot, UnknownRecord, NotYours, WrongStage.
    """

    request: Id
    grades: Annotated[tuple[tuple[Name, Ppm], ...], Meta(max_length=MAX_LIST)]


class Leave(Body):
    """Leave a team; turns not served are missed, before round 1 only a salt that is kept back.

    Refused: Suspended, DeviceMayNot, UnknownRecord, WrongStage, StaleView.
    """

    request: Id


class RegisterTeam(Body):
    """Found a standing team.

    Refused: Suspended, DeviceMayNot, UnknownMember, BadTeam, AlreadyExists.
    """

    name: Name
    members: Annotated[tuple[Name, ...], Meta(min_length=1, max_length=MAX_LIST)]


class JoinTeam(Body):
    """Accept a place in a standing team.

    Refused: Suspended, DeviceMayNot, UnknownRecord, NotEligible, AlreadyDone.
    """

    team: Name
