"""Every reason to refuse a transaction: a typed class with a stable code and the values that offended."""

from collections.abc import Callable
from typing import ClassVar


class Refusal(Exception):
    """A transaction that a rule refuses; its message says what was wrong and with which value."""

    code: ClassVar[int] = 0
    name: ClassVar[str] = ""  # as receipts have it: the class's own, where no other is stated
    says: ClassVar[str] = ""

    def __init_subclass__(cls, name: str = "") -> None:
        cls.name = name or cls.__name__

    def __init__(self, **values: object) -> None:
        super().__init__(self.says.format(**values))
        self.values = values


def ensure(condition: object, refusal: Callable[[], Refusal]) -> None:
    """Refuse unless the condition holds."""
    if not condition:
        raise refusal()


# Refusals that change nothing: the envelope itself is no good.


class MalformedTransaction(Refusal, name="Malformed"):
    """The bytes are not a canonical transaction."""

    code, says = 1, "not a transaction: {reason}"


class WrongChain(Refusal):
    """It was signed for another ledger."""

    code, says = 2, "signed for chain {chain!r}, this is {expected!r}"


class UnknownVersion(Refusal):
    """Its format is not known here."""

    code, says = 3, "format version {version} is not known here"


class Expired(Refusal):
    """It was valid until an earlier time."""

    code, says = 4, "valid until {until}, it is {time}"


class UnknownMember(Refusal):
    """No such member."""

    code, says = 5, "member {member!r} is not known"


class NotYourKey(Refusal):
    """The signing key is none of the member's."""

    code, says = 6, "the signing key is no active key of {member!r}"


class BadSignature(Refusal):
    """The signature does not fit."""

    code, says = 7, "the signature does not fit the transaction"


class NumberUsed(Refusal):
    """A number is used once."""

    code, says = 8, "number {number} of {member!r} is used; the lowest unused is {low}"


class NumberTooFar(Refusal):
    """Numbers are used within a window."""

    code, says = 9, "number {number} of {member!r} is too far ahead of {low}"


class OverQuota(Refusal):
    """A member may fill only a part of a block."""

    code, says = 10, "{member!r} has used {weight} of the {limit} that a member may use in a block"


class BlockFull(Refusal):
    """A block takes a bounded amount of work."""

    code, says = 11, "the block is full at weight {limit}"


# Refusals of authentic transactions: their number is used.


class Suspended(Refusal):
    """A suspended member may not act."""

    code, says = 20, "member {member!r} is suspended"


class DeviceMayNot(Refusal):
    """A device key only posts and reports."""

    code, says = 21, "a device key may not sign {kind}"


class WrongRole(Refusal):
    """The member lacks the role."""

    code, says = 22, "{member!r} does not have the role {role!r}"


class UnknownRecord(Refusal):
    """No record of this kind has this id."""

    code, says = 23, "no {table} {id!r}"


class AlreadyExists(Refusal):
    """There is one already."""

    code, says = 24, "{table} {id!r} exists already"


class NotYours(Refusal):
    """It belongs to another member."""

    code, says = 25, "{table} {id!r} is not for {member!r} to decide"


class NotEnoughTokens(Refusal):
    """The account holds less."""

    code, says = 26, "{needed} tokens are needed, {has} are there"


class NotEnoughCredit(Refusal):
    """The credit is below what is asked."""

    code, says = 27, "credit {needed} is needed, {member!r} has {has}"


class WrongStage(Refusal):
    """It is too early or too late for this."""

    code, says = 28, "{table} {id!r} is {stage}"


class KeyRefused(Refusal):
    """The key is unacceptable, in use, or not shown to be held."""

    code, says = 29, "key {key}: {reason}"


class NotEligible(Refusal):
    """The member does not belong to those who may."""

    code, says = 30, "{member!r} does not belong to {of}"


class AlreadyDone(Refusal):
    """Once is enough."""

    code, says = 31, "{member!r} has already {deed}"


class OutOfRange(Refusal):
    """A value lies outside its bounds."""

    code, says = 32, "{field} {value} must be {bound}"


class SelfDealing(Refusal):
    """One cannot be both sides."""

    code, says = 33, "{member!r} cannot {deed}"


class OverCap(Refusal):
    """The supply is capped."""

    code, says = 34, "issuing {amount} on top of {issued} passes the cap {cap}"


class BadUnit(Refusal):
    """A unit that cannot be: equal roots, no budget where one is due, one where none is."""

    code, says = 35, "unit {name!r}: {reason}"


class NotForYou(Refusal):
    """The unit's terms do not allow it."""

    code, says = 36, "the terms of unit {unit!r} do not allow {use}"


class BadRules(Refusal):
    """Rules that contradict themselves."""

    code, says = 37, "the rules do not hold together: {reason}"


class NotReusable(Refusal):
    """The record may not be reused."""

    code, says = 38, "the record of {request!r} may not be reused: {reason}"


class BadTeam(Refusal):
    """A list of members that cannot be a team."""

    code, says = 39, "not a team: {reason}"


class BadReveal(Refusal):
    """What is revealed is not what was committed to."""

    code, says = 40, "what {member!r} revealed is not what it committed to"


class NotGranted(Refusal):
    """No grant allows this use."""

    code, says = 41, "grant {grant!r} does not allow this: {reason}"


class EventRefused(Refusal):
    """The named privacy event is not what the rules or the unit allow."""

    code, says = 42, "phase {phase!r} on unit {unit!r}: {reason}"


class OverBudget(Refusal):
    """The unit's privacy budget does not suffice."""

    code, says = 43, "unit {unit!r} would spend {needed} nano-epsilon of {limit}"


class BadApplication(Refusal):
    """An application that the request's rules do not admit."""

    code, says = 44, "the application does not fit: {reason}"


class BenchFull(Refusal):
    """The bench has its members."""

    code, says = 45, "the bench of {request!r} already seats {size}"


class WrongPhase(Refusal):
    """Another phase is open, or none."""

    code, says = 46, "round {round} phase {phase!r} is not open; open is {open}"


class NotYourTurn(Refusal):
    """Others are to act."""

    code, says = 47, "it is not the turn of {member!r}"


class WrongContent(Refusal):
    """The phase asks for another kind of post."""

    code, says = 48, "the phase asks for something else: {reason}"


class BadRecord(Refusal):
    """The record does not name the model that the team ended with."""

    code, says = 49, "the team's last accepted model is {expected}, not {model}"


class ChainNotProven(Refusal, name="NotProven"):
    """What another chain is said to hold does not follow from what is trusted of it."""

    code, says = 50, "chain {chain!r}: {reason}"


class BadMessage(Refusal):
    """Proven, and yet nothing that this chain may be told."""

    code, says = 51, "chain {chain!r} cannot tell of {about} {of!r} here: {reason}"


class StaleView(Refusal):
    """Too little is known of the main chain for anything to go on; show its newest header first."""

    code, says = 52, "the view of chain {chain!r} is of {time}, and goes on counting until {until}"


class Internal(Refusal):
    """A defect of the ledger itself: the transaction has no effect and an alarm is raised."""

    code, says = 99, "internal fault ({fault}); the transaction had no effect"


def all_refusals() -> dict[int, type[Refusal]]:
    """Every refusal by its code."""
    return {kind.code: kind for kind in Refusal.__subclasses__()}


def refusing(refusal: type[Refusal], /, **values: object) -> Callable[[], Refusal]:
    """A refusal to be made only when it is needed."""
    return lambda: refusal(**values)
