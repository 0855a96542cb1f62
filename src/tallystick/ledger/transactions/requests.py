"""Requests: posted, withdrawn, answered from an earlier record, tested."""

from ...base.ids import Digest, Id, Maybe, Name
from ..rules import Rules
from .body import Body
from .changes import Positive
from .posts import Bytes, Salt


class PostRequest(Body):
    """Ask for a model and lock the reward.

    Refused: Suspended, DeviceMayNot, WrongRole, BadRules, NotEnoughTokens, UnknownRecord,
    UnknownMember, NotYours, WrongStage, OutOfRange.
    """

    category: Name
    purpose: Name
    plan: Digest
    reward: Positive
    rules: Rules
    reuse_key: Digest
    query: Bytes = b""  # a query sketch or poq's typed query list
    parent: Maybe = ""  # the request whose escrow pays this one
    initial: Digest = b"\x00" * 32  # the hash of the model that round 1 starts from
    chain: Maybe = ""  # where the rounds run, if not here


class WithdrawRequest(Body):
    """Take a request back before its team has formed.

    Refused: Suspended, DeviceMayNot, UnknownRecord, NotYours, WrongStage.
    """

    request: Id


class ReuseRecord(Body):
    """Pay the makers of a recorded model their agreed fee and use it.

    Refused: Suspended, DeviceMayNot, WrongRole, UnknownRecord, WrongStage, NotReusable,
    NotEnoughTokens.
    """

    request: Id
    purpose: Name


class OpenTest(Body):
    """Open the sealed test set, once.

    Refused: Suspended, DeviceMayNot, UnknownRecord, NotYours, WrongStage, BadReveal.
    """

    request: Id
    content: Digest
    salt: Salt
