"""Every transaction: a frozen typed record, the envelope that carries it, and when it is refused."""

from collections.abc import Callable
from typing import Annotated

from msgspec import Meta

from ..base.codec import Decoder, Record, encode
from ..base.ids import (
    Count,
    Digest,
    Figure,
    Id,
    Name,
    Ppm,
    PublicKey,
    Signature,
    Text,
    Time,
)
from .changes import Admit as Admit
from .changes import Change as Change
from .changes import Dispute as Dispute
from .changes import FillPool as FillPool
from .changes import Mint as Mint
from .changes import Positive
from .changes import Recover as Recover
from .changes import Reinstate as Reinstate
from .changes import SetRoles as SetRoles
from .changes import Suspend as Suspend
from .changes import Upgrade as Upgrade
from .descriptions import Party
from .descriptions import PrivacyBudget as PrivacyBudget
from .descriptions import Profile as Profile
from .descriptions import Sketch as Sketch
from .descriptions import Terms as Terms
from .descriptions import UnitUse as UnitUse
from .posts import Bytes, Salt, Vector
from .posts import Committed as Committed
from .posts import Content as Content
from .posts import Declined as Declined
from .posts import Inline as Inline
from .posts import Model as Model
from .posts import Payload as Payload
from .posts import SaltReveal as SaltReveal
from .posts import Score as Score
from .posts import Scores as Scores
from .posts import score_commitment as score_commitment
from .rules import MAX_TEAM, Rules

FORMAT = 1
SIGNING_DOMAIN = b"tallystick transaction\x00"
NUMBER_WINDOW = 256

Number = Annotated[int, Meta(ge=0, le=2**53 - 1)]


class Body(Record, tag_field="kind", tag=str.lower):
    """What a transaction asks of the ledger."""


# --- members, votes, tokens ---------------------------------------------------------------------


class RotateKey(Body):
    """Replace one's key; the id stays.

    Refused: Suspended, DeviceMayNot, KeyRefused.
    """

    key: PublicKey
    possession: Signature
    encryption_key: PublicKey


class AddDevice(Body):
    """Let a device's key post and report in one's name.

    Refused: Suspended, DeviceMayNot, KeyRefused, OutOfRange, AlreadyExists.
    """

    key: PublicKey
    possession: Signature
    until: Time


class RemoveDevice(Body):
    """Take a device's key back.

    Refused: Suspended, DeviceMayNot, UnknownRecord.
    """

    key: PublicKey


class Report(Body):
    """Say which software one runs.

    Refused: Suspended.
    """

    software: Digest


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


class Transfer(Body):
    """Send tokens to a member.

    Refused: Suspended, DeviceMayNot, UnknownMember, SelfDealing, NotEnoughTokens.
    """

    to: Name
    amount: Positive


# --- units and grants ---------------------------------------------------------------------------


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
    version_of: str = ""
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
    ask: str = ""  # the ask that this answers


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


# --- requests and teams -------------------------------------------------------------------------


class PostRequest(Body):
    """Ask for a model and lock the reward.

    Refused: Suspended, DeviceMayNot, WrongRole, BadRules, NotEnoughTokens, UnknownRecord,
    UnknownMember, NotYours, WrongStage.
    """

    category: Name
    purpose: Name
    plan: Digest
    reward: Positive
    rules: Rules
    reuse_key: Digest
    query: Bytes = b""  # a query sketch or poq's typed query list
    parent: str = ""  # the request whose escrow pays this one
    initial: Digest = b"\x00" * 32  # the hash of the model that round 1 starts from


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


class ChooseTeam(Body):
    """Post the list of candidates, or narrow it, in order.

    Refused: Suspended, DeviceMayNot, UnknownRecord, NotYours, WrongStage, UnknownMember, BadTeam.
    """

    request: Id
    members: Annotated[tuple[Name, ...], Meta(max_length=MAX_TEAM)]


class OpenTest(Body):
    """Open the sealed test set, once.

    Refused: Suspended, DeviceMayNot, UnknownRecord, NotYours, WrongStage, BadReveal.
    """

    request: Id
    content: Digest
    salt: Salt


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
    grades: Annotated[tuple[tuple[Name, Ppm], ...], Meta(max_length=MAX_TEAM)]


class Leave(Body):
    """Leave a team; turns not served are missed, before round 1 nothing is.

    Refused: Suspended, DeviceMayNot, UnknownRecord, WrongStage.
    """

    request: Id


class RegisterTeam(Body):
    """Found a standing team.

    Refused: Suspended, DeviceMayNot, UnknownMember, BadTeam, AlreadyExists.
    """

    name: Name
    members: Annotated[tuple[Name, ...], Meta(min_length=1, max_length=MAX_TEAM)]


class JoinTeam(Body):
    """Accept a place in a standing team.

    Refused: Suspended, DeviceMayNot, UnknownRecord, NotEligible, AlreadyDone.
    """

    team: Name


# --- rounds -------------------------------------------------------------------------------------


class Post(Body):
    """Serve one's turn in the open phase.

    Refused: Suspended, UnknownRecord, WrongPhase, NotYourTurn, AlreadyDone, WrongContent, BadReveal.
    """

    request: Id
    round: Count
    phase: Name
    content: Content


class Reveal(Body):
    """Open the scores that one committed to.

    Refused: Suspended, UnknownRecord, WrongPhase, NotYourTurn, AlreadyDone, BadReveal, WrongContent.
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


# --- records ------------------------------------------------------------------------------------


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


Transaction = (
    RotateKey | AddDevice | RemoveDevice | Report | Propose | Vote | Transfer
    | RegisterUnit | WithdrawUnit | TransferUnit | AskGrant | GiveGrant | DeclineGrant | RevokeGrant
    | PostRequest | WithdrawRequest | ReuseRecord | ChooseTeam | OpenTest
    | Apply | WithdrawApplication | Grade | Leave | RegisterTeam | JoinTeam
    | Post | Reveal | Nudge | PostRecord | Approve | Certify
)  # fmt: skip


class Envelope(Record):
    """Who asks what, on which chain, until when; signed as a whole."""

    version: Annotated[int, Meta(ge=1, le=1000)]
    chain: Name
    member: Name
    signer: PublicKey
    number: Number
    valid_until: Time
    body: Transaction


class Signed(Record):
    """An envelope's bytes and the signature over them."""

    envelope: Annotated[bytes, Meta(max_length=1_000_000)]
    signature: Signature


decode_signed = Decoder(Signed)
decode_envelope = Decoder(Envelope)


def signing_bytes(envelope: bytes) -> bytes:
    """What a member signs: the envelope's canonical bytes under the ledger's own domain."""
    return SIGNING_DOMAIN + envelope


def seal(envelope: Envelope, sign: Callable[[bytes], bytes]) -> bytes:
    """The transaction's bytes, signed by `sign(message) -> signature`."""
    data = encode(envelope)
    return encode(Signed(data, sign(signing_bytes(data))))
