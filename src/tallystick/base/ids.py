"""Names, digests and ids: the small values by which everything on the ledger is called."""

import hashlib
from typing import Annotated, Literal, get_args

from msgspec import Meta

Name = Annotated[str, Meta(pattern=r"\A[a-z0-9][a-z0-9._-]{0,47}\Z", max_length=48)]
Digest = Annotated[bytes, Meta(min_length=32, max_length=32)]
PublicKey = Annotated[bytes, Meta(min_length=32, max_length=32)]
Signature = Annotated[bytes, Meta(min_length=64, max_length=64)]
Text = Annotated[str, Meta(max_length=1024)]
Id = Annotated[str, Meta(pattern=r"\A[a-z]+-[0-9a-f]{32}\Z", max_length=48)]

Maybe = Annotated[str, Meta(max_length=48)]  # a name or an id, or nothing
Party = Annotated[str, Meta(pattern=r"\A(\*|[a-z0-9][a-z0-9._-]{0,47})\Z", max_length=48)]  # or anyone

MAX_SUPPLY = 2**53 - 1
Tokens = Annotated[int, Meta(ge=0, le=MAX_SUPPLY)]
Count = Annotated[int, Meta(ge=0, le=10**9)]
Time = Annotated[int, Meta(ge=0, le=2**53 - 1)]  # milliseconds since 1970, block time
Millis = Annotated[int, Meta(ge=0, le=10**12)]  # a length of time
Ppm = Annotated[int, Meta(ge=0, le=10**6)]
Figure = Annotated[int, Meta(ge=-(10**12), le=10**12)]  # a measured value in parts per million of its scale

Role = Literal["analyst", "auditor", "operator", "owner", "recorder", "requester", "worker"]
ROLES: tuple[Role, ...] = get_args(Role)

ANYONE = "*"


def digest(*parts: bytes) -> bytes:
    """SHA-256 over length-prefixed parts, so that no two different lists of parts share a preimage."""
    state = hashlib.sha256()
    for part in parts:
        state.update(len(part).to_bytes(8, "big"))
        state.update(part)
    return state.digest()


def derived_id(kind: str, member: str, number: int) -> str:
    """The id of what a transaction makes: from member and number, never from time or height."""
    return f"{kind}-{digest(kind.encode(), member.encode(), number.to_bytes(8, 'big')).hex()[:32]}"


def rank(seed: bytes, member: str) -> bytes:
    """A place in the order that a seed draws, and the tie-break where ledger order must not decide."""
    return digest(b"rank", seed, member.encode())
