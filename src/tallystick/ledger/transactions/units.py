"""Data sets: registered, withdrawn, handed on."""

from typing import Annotated

from msgspec import Meta

from ...base.ids import Digest, Id, Maybe, Name, Text
from .body import Body
from .descriptions import PrivacyBudget, Profile, Sketch, Terms


class RegisterUnit(Body):
    """Register a data set, or a new version of one's own.

    Refused: Suspended, DeviceMayNot, WrongRole, AlreadyExists, UnknownRecord, NotYours, WrongStage,
    BadUnit.
    """

    name: Name
    profile: Profile
    training_root: Digest
    judging_root: Digest
    address: Text
    sketch: Sketch
    terms: Terms
    budget: PrivacyBudget | None = None  # of a new lineage; a new version keeps its lineage's
    version_of: Maybe = ""
    derived_from: Annotated[tuple[Id, ...], Meta(max_length=16)] = ()
    cites: Annotated[tuple[Id, ...], Meta(max_length=16)] = ()


class WithdrawUnit(Body):
    """Offer a unit no longer.

    Refused: Suspended, DeviceMayNot, UnknownRecord, NotYours, WrongStage.
    """

    unit: Id


class TransferUnit(Body):
    """Hand a unit and its lineage's budget to another owner.

    Refused: Suspended, DeviceMayNot, UnknownRecord, NotYours, WrongStage, UnknownMember, WrongRole,
    SelfDealing.
    """

    unit: Id
    to: Name
