"""What members post in a round: models, scores, commitments, a few bytes, or why there is nothing."""

from typing import Annotated, Literal

from msgspec import Meta

from ...base.codec import Record, encode
from ...base.ids import Count, Digest, Figure, Maybe, Party, digest
from ..rules import MAX_TEAM

Bytes = Annotated[bytes, Meta(max_length=4096)]
Salt = Annotated[bytes, Meta(min_length=16, max_length=64)]


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
    receiver: Maybe = ""
    rows: Count = 0
    figure: Figure | None = None


VERDICTS = ("fine", "abstain", "unavailable", "malformed", "copy", "unchanged")


class Score(Record):
    """What a judge measured: a figure, and what it thinks of the post."""

    figure: Figure
    verdict: Literal["fine", "abstain", "unavailable", "malformed", "copy", "unchanged"] = "fine"


Vector = Annotated[tuple[Score, ...], Meta(max_length=MAX_TEAM + 1)]


class Scores(Record, tag_field="kind", tag=str.lower):
    """A judge's scores: the round's start first, then the posts it must judge, by their authors' names."""

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


def score_commitment(
    request: str, round_: int, phase: str, member: str, values: tuple[Score, ...], salt: bytes
) -> bytes:
    """The commitment to a vector of scores, bound to member, request, round and phase."""
    where = (request.encode(), str(round_).encode(), phase.encode(), member.encode())
    return digest(b"scores", *where, encode(values), salt)


def salt_commitment(request: str, member: str, salt: bytes) -> bytes:
    """The hash of a salt that an application carries, bound to request and member."""
    return digest(b"salt", request.encode(), member.encode(), salt)
