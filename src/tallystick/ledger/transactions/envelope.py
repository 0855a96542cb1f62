"""The envelope: who asks what, on which chain, until when; its canonical bytes and its signature."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, final

from msgspec import Meta

from ...base.codec import Decoder, Malformed, Record, encode
from ...base.ids import Name, PublicKey, Signature, Time, digest
from .chains import Deliver, Freeze
from .grants import AskGrant, DeclineGrant, GiveGrant, RevokeGrant
from .members import AddDevice, RemoveDevice, Report, RotateKey, SetValidator
from .records import Approve, Certify, PostRecord
from .requests import OpenTest, PostRequest, ReuseRecord, WithdrawRequest
from .rounds import Nudge, Post, Reveal
from .teams import Apply, ChooseTeam, Grade, JoinTeam, Leave, RegisterTeam, WithdrawApplication
from .tokens import Transfer
from .units import RegisterUnit, TransferUnit, WithdrawUnit
from .votes import Propose, Vote

FORMAT = 1
SIGNING_DOMAIN = b"tallystick transaction\x00"
NUMBER_WINDOW = 256

Number = Annotated[int, Meta(ge=0, le=2**53 - 1)]

Transaction = (
    RotateKey | AddDevice | RemoveDevice | SetValidator | Report | Propose | Vote | Transfer
    | RegisterUnit | WithdrawUnit | TransferUnit | AskGrant | GiveGrant | DeclineGrant | RevokeGrant
    | PostRequest | WithdrawRequest | ReuseRecord | ChooseTeam | OpenTest
    | Apply | WithdrawApplication | Grade | Leave | RegisterTeam | JoinTeam
    | Post | Reveal | Nudge | PostRecord | Approve | Certify | Deliver | Freeze
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


def name_of(transaction: bytes) -> bytes:
    """The digest by which a receipt calls its transaction."""
    return digest(b"transaction", transaction)


@final
@dataclass(frozen=True, slots=True)
class Unsealed:
    """A transaction's bytes, read once for all who ask; only `unseal` and `sealed` make one."""

    data: bytes
    name: bytes
    envelope: Envelope | None = None  # None where the bytes are no transaction
    message: bytes = b""  # what the signature is over
    signature: bytes = b""
    flaw: str = ""  # why they are none

    @property
    def triple(self) -> tuple[bytes, bytes, bytes] | None:
        """Public key, message and signature, where there are any."""
        return None if self.envelope is None else (self.envelope.signer, self.message, self.signature)


def unseal(data: bytes) -> Unsealed:
    """Read a transaction's bytes, whatever they are."""
    name = name_of(data)
    try:
        signed = decode_signed(data)
        envelope = decode_envelope(signed.envelope)
    except Malformed as error:
        return Unsealed(data, name, flaw=str(error))
    return Unsealed(data, name, envelope, signing_bytes(signed.envelope), signed.signature)


def sealed(envelope: Envelope, sign: Callable[[bytes], bytes]) -> Unsealed:
    """A transaction as whoever reads its bytes has it; what none could read is Malformed, and not signed."""
    data = encode(envelope)
    read = decode_envelope(data)
    message = signing_bytes(data)
    signature = sign(message)
    transaction = encode(Signed(data, signature))
    return Unsealed(transaction, name_of(transaction), read, message, signature)


def seal(envelope: Envelope, sign: Callable[[bytes], bytes]) -> bytes:
    """The transaction's bytes, signed by `sign(message) -> signature`."""
    data = encode(envelope)
    return encode(Signed(data, sign(signing_bytes(data))))
