"""How a data set is described, on which terms it is offered, and how a request uses it (fdc, poq)."""

from typing import Annotated

from msgspec import Meta

from ...base.codec import Record
from ...base.events import Event, Protects
from ...base.ids import Count, Digest, Id, Name, Party, PublicKey, Tokens


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


class UnitUse(Record):
    """A unit that an applicant will train on, by which grant, with its own events where it has a choice."""

    unit: Id
    grant: Id
    events: Annotated[tuple[tuple[Name, Event], ...], Meta(max_length=32)] = ()


SigningPowers = Annotated[
    tuple[tuple[PublicKey, Annotated[int, Meta(ge=1, le=10**9)]], ...], Meta(min_length=1, max_length=128)
]
Span = Annotated[int, Meta(ge=1_000, le=10**12)]  # milliseconds


class ChainTerms(Record):
    """What members agree on about another chain: who signs it, how far and how long it is trusted."""

    chain: Name
    validators: SigningPowers  # with their powers
    escrow_cap: Tokens = 0  # rewards and deposits of requests that are there at one time
    trusting_period: Span = 14 * 86_400_000  # a header older than this proves nothing any more
    settling: Span = 7 * 86_400_000  # beyond its rounds' time, until a request must have its outcome
    refunding: Span = 30 * 86_400_000  # after that, until it is refunded without any proof
    fresh: Span = 3_600_000  # of the main chain: no phase opens on a view that is older
