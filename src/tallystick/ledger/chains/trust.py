"""What is believed of another chain: its headers by light verification, its records by proof.

`now` is block time, so that every member of this chain decides alike.
"""

from collections.abc import Callable
from typing import TypeVar

from msgspec.structs import replace

from ...base import light
from .. import rejections as no
from ..records import OtherChain, Request
from ..rejections import ensure, refusing
from ..state import CHAIN, OTHER_CHAINS, Draft
from ..transactions import ChainTerms, SigningPowers

T = TypeVar("T")

MOST_VALIDATORS = 128
MILLION = 10**6  # nanoseconds in a millisecond: headers have nanoseconds
ALONE = 4  # below so many validators one of them, or two, can say what they like


def first_view(terms: ChainTerms, main: bool, time: int) -> OtherChain:
    """A chain whose validators are known and none of its headers yet: what they sign from now on counts."""
    ordered = sorted(terms.validators, key=lambda pair: (-pair[1], light.address(pair[0])))
    hashed = light.validators_hash(_validators(tuple(ordered)))
    header = light.Header(
        (light.BLOCK_PROTOCOL, 0), terms.chain, 0, time * MILLION, light.BlockId(),
        b"", b"", hashed, hashed, b"", b"", b"", b"", b"",
    )  # fmt: skip
    return OtherChain(terms, main, light.HEADER.encode(header), time, tuple(ordered))


def known_chain(draft: Draft, name: str) -> OtherChain:
    """Another chain that is trusted here."""
    other = draft.find(OTHER_CHAINS, name)
    if other is None:
        raise no.UnknownRecord(table="chain", id=name)
    ensure(not other.frozen, refusing(no.WrongStage, table="chain", id=name, stage="frozen"))
    return other


def follow(
    draft: Draft, other: OtherChain, data: bytes, following: SigningPowers | None
) -> tuple[OtherChain, light.Header]:
    """The chain as a header shows it that follows from the newest one known, or is that one."""
    return _proven(other.terms.chain, lambda: _follow(draft, other, data, following))


def _follow(
    draft: Draft, other: OtherChain, data: bytes, following: SigningPowers | None
) -> tuple[OtherChain, light.Header]:
    signed, trusted = _signed(data), light.HEADER.decode(other.header)
    if signed.header == trusted:
        return other, trusted
    light.verify_header(
        trusted,
        signed,
        now=draft.time * MILLION,
        trusting_period=other.terms.trusting_period * MILLION,
        announced=_validators(other.validators),
    )
    after = following or tuple((validator.public, validator.power) for validator in signed.validators)
    if light.validators_hash(_validators(after)) != signed.header.next_validators_hash:
        raise light.NotProven(f"others sign after header {signed.header.height}; say who")
    header = signed.header
    newer = replace(other, header=light.HEADER.encode(header), time=header.time // MILLION, validators=after)
    return newer, header


def ensure_shown(chain: str, header: light.Header, key: str, value: bytes | None, proof: bytes) -> None:
    """Refuse what the state before this header does not hold, or holds where nothing should be."""
    _proven(chain, lambda: light.verify_state_proof(header, key.encode(), value, proof))


def ensure_contradiction(draft: Draft, other: OtherChain, first: bytes, second: bytes) -> None:
    """Refuse unless its validators signed two headers of one height, lately enough to be held to it."""
    _proven(other.terms.chain, lambda: _contradiction(draft, other, _signed(first), _signed(second)))


def _contradiction(
    draft: Draft, other: OtherChain, first: light.SignedHeader, second: light.SignedHeader
) -> None:
    known = light.validators_hash(_validators(other.validators))
    for signed in (first, second):
        light.verify_signed(other.terms.chain, signed)
        if signed.header.validators_hash != known:
            raise light.NotProven(f"header {signed.header.height} is signed by others than those known")
        if signed.header.time + other.terms.trusting_period * MILLION <= draft.time * MILLION:
            raise light.NotProven(f"header {signed.header.height} is too old to tell anything")
    if first.header.height != second.header.height or first.header == second.header:
        raise light.NotProven("the two headers do not contradict each other")


def stale(draft: Draft, request: Request) -> OtherChain | None:
    """The main chain of a request that runs here, where what is known of it is too old to go on by."""
    if request.chain != draft.chain:
        return None
    main = draft.get(OTHER_CHAINS, draft.get(CHAIN).main)
    return main if main.frozen or draft.time >= main.time + main.terms.fresh else None


def ensure_fresh(draft: Draft, request: Request) -> None:
    """Refuse what could open a phase while a revocation might not have come through."""
    main = stale(draft, request)
    if main is not None:
        raise no.StaleView(chain=main.terms.chain, time=main.time, until=main.time + main.terms.fresh)


def _signed(data: bytes) -> light.SignedHeader:
    signed = light.SIGNED_HEADER.decode(data)
    if len(signed.validators) > MOST_VALIDATORS:
        raise light.NotProven(f"{len(signed.validators)} validators are more than {MOST_VALIDATORS}")
    return signed


def _validators(pairs: SigningPowers) -> tuple[light.Validator, ...]:
    return tuple(light.Validator(*pair) for pair in pairs)


def _proven(chain: str, check: Callable[[], T]) -> T:
    try:
        return check()
    except light.NotProven as error:
        raise no.ChainNotProven(chain=chain, reason=str(error)) from None
