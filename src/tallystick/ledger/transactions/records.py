"""Records: posted, approved, certified."""

from ...base.ids import Digest, Figure, Id
from .body import Body


class PostRecord(Body):
    """Post a request's record, as its elected recorder.

    Refused: Suspended, DeviceMayNot, UnknownRecord, WrongStage, NotYourTurn, BadRecord.
    """

    request: Id
    model: Digest
    figure: Figure


class Approve(Body):
    """State what one measured on the recorded model; the ledger decides whether that approves it.

    Refused: Suspended, DeviceMayNot, UnknownRecord, WrongStage, NotYourTurn, AlreadyDone.
    """

    request: Id
    figure: Figure | None  # None: the model was not to be had


class Certify(Body):
    """State what one measured on the opened test set.

    Refused: Suspended, DeviceMayNot, UnknownRecord, WrongStage, NotYourTurn, AlreadyDone.
    """

    request: Id
    figure: Figure
