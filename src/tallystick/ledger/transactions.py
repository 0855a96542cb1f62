"""Every transaction: a frozen typed record, the envelope that carries it, and when it is refused."""

from typing import Annotated, Literal

from msgspec import Meta

from ..base.codec import Decoder, Record, encode
from ..base.events import Event, Protects
from ..base.ids import (
    Count,
    Digest,
    Figure,
    Id,
    Name,
    Ppm,
    PublicKey,
    Role,
    Signature,
    Text,
    Time,
    Tokens,
)
from .rules import MAX_TEAM, Rules

FORMAT = 1
SIGNING_DOMAIN = b"tallystick transaction\x00"
NUMBER_WINDOW = 256

Number = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Positive = Annotated[int, Meta(ge=1, le=2**53 - 1)]
Party = Annotated[str, Meta(pattern=r"\A(\*|[a-z0-9][a-z0-9._-]{0,47})\Z", max_length=48)]
Bytes = Annotated[bytes, Meta(max_length=4096)]
Salt = Annotated[bytes, Meta(min_length=16, max_length=64)]
Roles = Annotated[tuple[Role, ...], Meta(max_length=7)]


class Body(Record, tag_field="kind", tag=str.lower):
    """What a transaction asks of the ledger."""


# --- members, votes, tokens ---------------------------------------------------------------------


class RotateKey(Body):
    """Replace one's key; the id stays. Refused: Suspended, DeviceMayNot, KeyRefused."""

    key: PublicKey
    possession: Signature
    encryption_key: PublicKey


class AddDevice(Body):
    """Let a device's key post and report in one's name. Refused: Suspended, DeviceMayNot, KeyRefused, OutOfRange, AlreadyExists."""

    key: PublicKey
    possession: Signature
    until: Time


class RemoveDevice(Body):
    """Take a device's key back. Refused: Suspended, DeviceMayNot, UnknownRecord."""

    key: PublicKey


class Report(Body):
    """Say which software one runs. Refused: Suspended."""

    software: Digest


class Admit(Record, tag_field="kind", tag=str.lower):
    """Admit an organisation under a new id with proof that it holds its key."""

    member: Name
    key: PublicKey
    possession: Signature
    encryption_key: PublicKey
    roles: Roles


class Suspend(Record, tag_field="kind", tag=str.lower):
    """Take a member's right to act, not its tokens."""

    member: Name


class Reinstate(Record, tag_field="kind", tag=str.lower):
    """Give a suspended member its right to act again."""

    member: Name


class Recover(Record, tag_field="kind", tag=str.lower):
    """Give a member that lost its key a new one."""

    member: Name
    key: PublicKey
    possession: Signature
    encryption_key: PublicKey


class SetRoles(Record, tag_field="kind", tag=str.lower):
    """Change what a member may do."""

    member: Name
    roles: Roles


class Mint(Record, tag_field="kind", tag=str.lower):
    """Issue tokens to a member below the cap."""

    member: Name
    amount: Positive


class FillPool(Record, tag_field="kind", tag=str.lower):
    """Issue tokens to the reward pool below the cap."""

    amount: Positive


class Dispute(Record, tag_field="kind", tag=str.lower):
    """Decide that a unit belongs to another member than the one who registered it."""

    unit: Id
    owner: Name


class Upgrade(Record, tag_field="kind", tag=str.lower):
    """Apply another version of the rules from a height on."""

    version: Annotated[int, Meta(ge=1, le=1000)]
    height: Number


Change = Admit | Suspend | Reinstate | Recover | SetRoles | Mint | FillPool | Dispute | Upgrade


class Propose(Body):
    """Put a change to the vote. Refused: Suspended, DeviceMayNot, NotEligible, UnknownMember, AlreadyExists, KeyRefused, OverCap, UnknownRecord, OutOfRange, WrongStage."""

    change: Change


class Vote(Body):
    """Vote on a proposal. Refused: Suspended, DeviceMayNot, UnknownRecord, WrongStage, NotEligible, AlreadyDone."""

    proposal: Id
    approve: bool


class Transfer(Body):
    """Send tokens to a member. Refused: Suspended, DeviceMayNot, UnknownMember, SelfDealing, NotEnoughTokens."""

    to: Name
    amount: Positive


# --- units and grants ---------------------------------------------------------------------------


class Profile(Record):
    """What a data set is, without showing any of it (fdc's unified content label, poq's retrieval record)."""

    category: Name
    kind: Name
    rows: Count
    schema: Digest
    latitude_e6: Annotated[int, Meta(ge=-90_000_000, le=90_000_000)] | None = None
    longitude_e6: Annotated[int, Meta(ge=-180_000_000, le=180_000_000)] | None = None


class Sketch(Record):
    """The key-term sketch by which holders are found."""

    version: Annotated[int, Meta(ge=1, le=1000)]
    data: Annotated[bytes, Meta(max_length=2048)]


class Terms(Record):
    """What the owner asks and allows."""

    price: Tokens = 0
    audience: Annotated[tuple[Party, ...], Meta(max_length=64)] = ("*",)
    purposes: Annotated[tuple[Name, ...], Meta(max_length=16)] = ()
    reuse: bool = False  # results may be reused after the grant or the unit is gone
    unaccounted: bool = False  # publications without a formal guarantee are allowed


class PrivacyBudget(Record):
    """How much privacy a lineage may ever spend, and whose it is."""

    epsilon_nano: Annotated[int, Meta(ge=0, le=10**15)]
    delta_e12: Annotated[int, Meta(ge=1, le=10**11)]  # delta in parts per 10^12
    protects: Protects


class RegisterUnit(Body):
    """Register a data set, or a new version of one's own. Refused: Suspended, DeviceMayNot, WrongRole, AlreadyExists, UnknownRecord, NotYours, WrongStage, BadUnit."""

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
    """Offer a unit no longer. Refused: Suspended, DeviceMayNot, UnknownRecord, NotYours, WrongStage."""

    unit: Id


class TransferUnit(Body):
    """Hand a unit and its lineage's budget to another owner. Refused: Suspended, DeviceMayNot, UnknownRecord, NotYours, WrongStage, UnknownMember, WrongRole, SelfDealing."""

    unit: Id
    to: Name


class AskGrant(Body):
    """Ask an owner for a grant. Refused: Suspended, DeviceMayNot, UnknownRecord, WrongStage, SelfDealing, NotForYou, OutOfRange."""

    unit: Id
    purpose: Name
    uses: Annotated[int, Meta(ge=1, le=10**6)]
    until: Time


class GiveGrant(Body):
    """Permit a member, or anyone, to use a unit. Refused: Suspended, DeviceMayNot, UnknownRecord, NotYours, WrongStage, UnknownMember, OutOfRange, NotForYou."""

    unit: Id
    to: Party
    purpose: Name
    uses: Annotated[int, Meta(ge=1, le=10**6)]
    until: Time
    statistics_only: bool = False
    ask: str = ""  # the ask that this answers


class DeclineGrant(Body):
    """Say no to an ask. Refused: Suspended, DeviceMayNot, UnknownRecord, NotYours."""

    ask: Id


class RevokeGrant(Body):
    """Take a grant back, from the next phase on. Refused: Suspended, DeviceMayNot, UnknownRecord, NotYours, WrongStage."""

    grant: Id


# --- requests and teams -------------------------------------------------------------------------


class PostRequest(Body):
    """Ask for a model and lock the reward. Refused: Suspended, DeviceMayNot, WrongRole, BadRules, NotEnoughTokens, UnknownRecord, UnknownMember, NotYours, WrongStage."""

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
    """Take a request back before its team has formed. Refused: Suspended, DeviceMayNot, UnknownRecord, NotYours, WrongStage."""

    request: Id


class ReuseRecord(Body):
    """Pay the makers of a recorded model their agreed fee and use it. Refused: Suspended, DeviceMayNot, WrongRole, UnknownRecord, WrongStage, NotReusable, NotEnoughTokens."""

    request: Id
    purpose: Name


class ChooseTeam(Body):
    """Post the list of candidates, or narrow it, in order. Refused: Suspended, DeviceMayNot, UnknownRecord, NotYours, WrongStage, UnknownMember, BadTeam."""

    request: Id
    members: Annotated[tuple[Name, ...], Meta(max_length=MAX_TEAM)]


class OpenTest(Body):
    """Open the sealed test set, once. Refused: Suspended, DeviceMayNot, UnknownRecord, NotYours, WrongStage, BadReveal."""

    request: Id
    content: Digest
    salt: Salt


class UnitUse(Record):
    """A unit that an applicant will train on, by which grant, with its own events where the rules leave a choice."""

    unit: Id
    grant: Id
    events: Annotated[tuple[tuple[Name, Event], ...], Meta(max_length=32)] = ()


class Apply(Body):
    """Apply for a place in a team, or on its bench. Refused: Suspended, DeviceMayNot, WrongRole, UnknownRecord, WrongStage, SelfDealing, AlreadyDone, NotEligible, NotEnoughCredit, NotEnoughTokens, NotYours, NotGranted, EventRefused, OverBudget, BadApplication, BenchFull."""

    request: Id
    preference: Ppm = 10**6
    amount: Count = 0
    units: Annotated[tuple[UnitUse, ...], Meta(max_length=16)] = ()
    commitment: Digest | None = None  # H(salt), where the rules draw
    analyst: bool = False


class WithdrawApplication(Body):
    """Take an application back before the team has formed. Refused: Suspended, DeviceMayNot, UnknownRecord, WrongStage."""

    request: Id


class Grade(Body):
    """Grade the applicants' abilities, as the named leader. Refused: Suspended, DeviceMayNot, UnknownRecord, NotYours, WrongStage."""

    request: Id
    grades: Annotated[tuple[tuple[Name, Ppm], ...], Meta(max_length=MAX_TEAM)]


class Leave(Body):
    """Leave a team; turns not served are missed, before round 1 nothing is. Refused: Suspended, DeviceMayNot, UnknownRecord, WrongStage."""

    request: Id


class RegisterTeam(Body):
    """Found a standing team. Refused: Suspended, DeviceMayNot, UnknownMember, BadTeam, AlreadyExists."""

    name: Name
    members: Annotated[tuple[Name, ...], Meta(min_length=1, max_length=MAX_TEAM)]


class JoinTeam(Body):
    """Accept a place in a standing team. Refused: Suspended, DeviceMayNot, UnknownRecord, NotEligible, AlreadyDone."""

    team: Name


# --- rounds -------------------------------------------------------------------------------------


class Payload(Record):
    """Where the bytes are and what they must hash to; a payload begins with member, request and round."""

    size: Annotated[int, Meta(ge=1, le=2**40)]
    plaintext: Digest
    ciphertext: Digest
    chunks: Digest
    readers: Annotated[tuple[Party, ...], Meta(max_length=64)] = ("*",)


class Model(Record, tag_field="kind", tag=str.lower):
    """A model, with what it was trained from, on how many rows, and its author's own figure."""

    payload: Payload
    parents: Annotated[tuple[Digest, ...], Meta(max_length=64)] = ()
    receiver: str = ""
    rows: Count = 0
    figure: Figure | None = None


VERDICTS = ("fine", "abstain", "unavailable", "malformed", "copy", "unchanged")


class Score(Record):
    """What a judge measured: a figure, and what it thinks of the post."""

    figure: Figure
    verdict: Literal["fine", "abstain", "unavailable", "malformed", "copy", "unchanged"] = "fine"


Vector = Annotated[tuple[Score, ...], Meta(max_length=MAX_TEAM + 1)]


class Scores(Record, tag_field="kind", tag=str.lower):
    """A judge's scores: the round's start first, then the posts it must judge, in the order of their authors' names."""

    values: Vector


class Committed(Record, tag_field="kind", tag=str.lower):
    """The hash of scores that are revealed when all judges have committed."""

    commitment: Digest


class Inline(Record, tag_field="kind", tag=str.lower):
    """A few bytes for the team: keys, shares."""

    data: Bytes


class SaltReveal(Record, tag_field="kind", tag=str.lower):
    """The salt whose hash the application carried."""

    salt: Salt


class Declined(Record, tag_field="kind", tag=str.lower):
    """A post that says why there is none."""

    code: Annotated[int, Meta(ge=0, le=1000)]
    log: Digest


Content = Model | Scores | Committed | Inline | SaltReveal | Declined


class Post(Body):
    """Serve one's turn in the open phase. Refused: Suspended, UnknownRecord, WrongPhase, NotYourTurn, AlreadyDone, WrongContent, BadReveal."""

    request: Id
    round: Count
    phase: Name
    content: Content


class Reveal(Body):
    """Open the scores that one committed to. Refused: Suspended, UnknownRecord, WrongPhase, NotYourTurn, AlreadyDone, BadReveal, WrongContent."""

    request: Id
    round: Count
    phase: Name
    values: Vector
    salt: Salt


class Nudge(Body):
    """Wake a quiet chain so that what is due is served. Refused: Suspended."""


# --- records ------------------------------------------------------------------------------------


class PostRecord(Body):
    """Post a request's record, as its elected recorder. Refused: Suspended, DeviceMayNot, UnknownRecord, WrongStage, NotYourTurn, BadRecord."""

    request: Id
    model: Digest
    figure: Figure


class Approve(Body):
    """State what one measured on the recorded model; the ledger decides whether that approves it. Refused: Suspended, DeviceMayNot, UnknownRecord, WrongStage, NotYourTurn, AlreadyDone."""

    request: Id
    figure: Figure | None  # None: the model was not to be had


class Certify(Body):
    """State what one measured on the opened test set. Refused: Suspended, DeviceMayNot, UnknownRecord, WrongStage, NotYourTurn, AlreadyDone."""

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


def seal(envelope: Envelope, sign: "object") -> bytes:
    """The transaction's bytes, signed by `sign(message) -> signature`."""
    data = encode(envelope)
    return encode(Signed(data, sign(signing_bytes(data))))  # type: ignore[operator]


def score_commitment(request: str, round_: int, phase: str, member: str, values: Vector, salt: bytes) -> bytes:
    """The commitment to a vector of scores, bound to member, request, round and phase."""
    from ..base.ids import digest

    return digest(b"scores", request.encode(), str(round_).encode(), phase.encode(), member.encode(), encode(values), salt)
