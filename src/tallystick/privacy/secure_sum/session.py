"""One round of the secure sum, as pure functions of what was posted (Bonawitz et al. 2017, Bell et al. 2020).

keys → shares → masked → unmask → sum. The ledger fixes after each phase who took part; the survivors (whose
masked words arrived) are fixed before anybody unmasks, which stands for Bonawitz' consistency check. A member
then gives either its share of a survivor's own mask or its share of a lost one's key, never both of one.
"""

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import sha256
from typing import Annotated, Any

import msgspec
import numpy as np
import numpy.typing as npt
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from ...base.codec import Record
from .masks import add_mask, agree, is_usable, private_key, public_key, stretch
from .shares import SHARE_BYTES, Entropy, decode_share, encode_share, share

Bytes32 = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
Share = Annotated[bytes, msgspec.Meta(min_length=SHARE_BYTES, max_length=SHARE_BYTES)]
Words = npt.NDArray[np.unsignedinteger[Any]]

LEAST_MEMBERS = 3  # a sum of two gives each the other's


class SumRefused(ValueError):
    """What was asked would break the round's promise, or cannot be done with what is there."""


@dataclass(frozen=True)
class SumPlan:
    """What all members of a round agree on before it."""

    context: bytes  # digest of chain, request and round: never used twice
    seats: int
    length: int  # words of a vector
    threshold: int  # shares that give a secret
    degree: int | None = None  # neighbours of a member; all others where None
    width: int = 64

    def __post_init__(self) -> None:
        if len(self.context) != 32 or self.length < 1 or self.width not in (32, 64):
            raise ValueError("a plan needs a 32-byte context, at least one word, and words of 32 or 64 bits")
        if self.seats < LEAST_MEMBERS:
            raise SumRefused(f"a secure sum of {self.seats} members hides nothing: at least {LEAST_MEMBERS}")
        if self.degree is not None and not (2 <= self.degree < self.seats and self.degree % 2 == 0):
            raise ValueError(f"degree {self.degree} must be even, at least 2 and below {self.seats} seats")
        holders = self.seats if self.degree is None else self.degree + 1
        if not holders < 2 * self.threshold <= 2 * holders:
            raise ValueError(
                f"threshold {self.threshold} must be more than half of {holders} holders of shares"
            )

    @property
    def dtype(self) -> npt.DTypeLike:
        """The words of this round."""
        return np.dtype(np.uint32 if self.width == 32 else np.uint64)


def plan_for(
    context: bytes, seats: int, length: int, *, degree: int | None = None, width: int = 64
) -> SumPlan:
    """A plan with the least safe threshold: it bears the loss of nearly half of the members."""
    holders = seats if degree is None else degree + 1
    return SumPlan(context, seats, length, holders // 2 + 1, degree, width)


class SumKeys(Record, frozen=True):
    """What a member posts first: two public keys and the digest of its own mask's seed."""

    mask: Bytes32
    cipher: Bytes32
    seed_digest: Bytes32


class SumReveal(Record, frozen=True):
    """Shares of survivors' seeds and of lost members' mask keys, each with the seat whose it is."""

    seeds: tuple[tuple[int, Share], ...]
    keys: tuple[tuple[int, Share], ...]


@dataclass(frozen=True)
class Secrets:
    """What a member keeps for one round, durably, until the sum is known."""

    plan: SumPlan
    seat: int
    mask_private: bytes
    cipher_private: bytes
    seed: bytes
    answered: frozenset[int] | None = None  # the survivors that it unmasked for


def start(plan: SumPlan, seat: int, entropy: Entropy = os.urandom) -> tuple[Secrets, SumKeys]:
    """Fresh keys for one round."""
    if not 0 <= seat < plan.seats:
        raise ValueError(f"seat {seat} is not one of {plan.seats}")
    secrets = Secrets(plan, seat, entropy(32), entropy(32), entropy(32))
    digest = seed_digest(plan, seat, secrets.seed)
    return secrets, SumKeys(public_key(secrets.mask_private), public_key(secrets.cipher_private), digest)


@lru_cache(maxsize=16)
def _circle(plan: SumPlan) -> tuple[int, ...]:
    order = sorted(range(plan.seats), key=lambda s: sha256(plan.context + s.to_bytes(4, "big")).digest())
    return tuple(order)


@lru_cache(maxsize=4096)
def neighbours(plan: SumPlan, seat: int) -> tuple[int, ...]:
    """With whom a member shares masks: everybody, or the nearest on a circle that the context shuffles."""
    if plan.degree is None:
        return tuple(second for second in range(plan.seats) if second != seat)
    circle = _circle(plan)
    place, reach = circle.index(seat), plan.degree // 2
    near = [circle[(place + step) % plan.seats] for step in range(-reach, reach + 1) if step]
    return tuple(sorted(near))


def usable(keys: Mapping[int, SumKeys]) -> dict[int, SumKeys]:
    """The keys that everybody goes on with: those with which a secret can be agreed."""
    return {s: entry for s, entry in keys.items() if is_usable(entry.mask) and is_usable(entry.cipher)}


def deal(secrets: Secrets, keys: Mapping[int, SumKeys], entropy: Entropy = os.urandom) -> dict[int, bytes]:
    """Sealed shares of my seed and of my mask key, for every neighbour that posted keys and for myself."""
    plan, me = secrets.plan, secrets.seat
    _ensure_keys(secrets, keys)
    holders = _holders(plan, me, keys)
    if len(holders) < plan.threshold:
        raise SumRefused(f"{len(holders)} holders of shares are fewer than the threshold {plan.threshold}")
    places = [holder + 1 for holder in holders]
    of_seed = share(secrets.seed, plan.threshold, places, entropy)
    of_key = share(secrets.mask_private, plan.threshold, places, entropy)
    mine, sealed = private_key(secrets.cipher_private), {}
    for holder in holders:
        text = encode_share(of_seed[holder + 1]) + encode_share(of_key[holder + 1])
        box = ChaCha20Poly1305(_share_key(secrets, mine, keys, me, holder))
        sealed[holder] = box.encrypt(bytes(12), text, plan.context)  # the key serves this one message
    return sealed


def masked(secrets: Secrets, keys: Mapping[int, SumKeys], dealers: Collection[int], vector: Words) -> Words:
    """My words under my own mask and one mask with every neighbour whose shares were dealt."""
    plan, me = secrets.plan, secrets.seat
    _ensure_keys(secrets, keys)
    if vector.shape != (plan.length,) or vector.dtype != plan.dtype:
        raise ValueError(
            f"expected {plan.length} words of {plan.width} bits, got {vector.shape} {vector.dtype}"
        )
    if me not in dealers or len(dealers) < max(plan.threshold, LEAST_MEMBERS):
        raise SumRefused(f"{len(dealers)} members dealt shares: too few, or I am not among them")
    words = vector.copy()
    add_mask(words, own_mask(plan, me, secrets.seed), 1)
    mine = private_key(secrets.mask_private)
    for second in neighbours(plan, me):
        if second in dealers:
            add_mask(words, pair_mask(plan, mine, keys[second], me, second), sign(me, second))
    return words


def unmask(
    secrets: Secrets,
    keys: Mapping[int, SumKeys],
    sealed: Mapping[int, bytes],
    dealers: Collection[int],
    survivors: Collection[int],
) -> tuple[Secrets, SumReveal]:
    """My shares for these survivors; the returned secrets refuse any other set from now on.

    `sealed` holds what each dealer sealed for me. Keep the returned secrets before the reveal leaves.
    """
    plan, me, alive = secrets.plan, secrets.seat, frozenset(survivors)
    if secrets.answered not in (None, alive):
        raise SumRefused(
            "this round was unmasked for other survivors already: a second answer would open masks"
        )
    if not alive <= frozenset(dealers) or me not in alive:
        raise SumRefused("survivors must have dealt shares, and I must be one of them")
    if len(alive) < max(plan.threshold, LEAST_MEMBERS):
        raise SumRefused(f"{len(alive)} survivors are too few to hide one in their sum")
    mine = private_key(secrets.cipher_private)
    seeds, lost_keys = [], []
    for dealer in _holders(plan, me, dealers):
        opened = _opened(plan, _share_key(secrets, mine, keys, dealer, me), sealed.get(dealer))
        if opened is not None and dealer in alive:
            seeds.append((dealer, opened[0]))
        elif opened is not None:
            lost_keys.append((dealer, opened[1]))
    return replace(secrets, answered=alive), SumReveal(tuple(seeds), tuple(lost_keys))


def _opened(plan: SumPlan, key: bytes, box: bytes | None) -> tuple[bytes, bytes] | None:
    """The two shares, or nothing where the dealer sealed nothing fit to use: others' shares must then do."""
    if box is None:
        return None
    try:
        text = ChaCha20Poly1305(key).decrypt(bytes(12), box, plan.context)
        decode_share(text[:SHARE_BYTES])
        decode_share(text[SHARE_BYTES:])
    except (InvalidTag, ValueError):
        return None
    return text[:SHARE_BYTES], text[SHARE_BYTES:]


def _ensure_keys(secrets: Secrets, keys: Mapping[int, SumKeys]) -> None:
    mine = keys.get(secrets.seat)
    if mine is None or mine.mask != public_key(secrets.mask_private):
        raise SumRefused("the posted keys do not hold mine")


def _holders(plan: SumPlan, seat: int, present: Collection[int]) -> list[int]:
    return [holder for holder in sorted((*neighbours(plan, seat), seat)) if holder in present]


def _share_key(
    secrets: Secrets, mine: X25519PrivateKey, keys: Mapping[int, SumKeys], dealer: int, holder: int
) -> bytes:
    context = secrets.plan.context
    if dealer == holder:
        return stretch(secrets.cipher_private, "own shares", context, dealer, holder)
    second = keys[holder if secrets.seat == dealer else dealer].cipher
    return agree(mine, second, "shares", context, dealer, holder)


def own_mask(plan: SumPlan, seat: int, seed: bytes) -> bytes:
    """The key of a member's own mask."""
    return stretch(seed, "own mask", plan.context, seat, seat)


def seed_digest(plan: SumPlan, seat: int, seed: bytes) -> bytes:
    """What a member posts of its seed before anybody holds a share."""
    return stretch(seed, "seed digest", plan.context, seat, seat)


def pair_mask(
    plan: SumPlan, private: X25519PrivateKey, other_keys: SumKeys, first: int, second: int
) -> bytes:
    """The key of the mask between two seats, by either's private key."""
    return agree(private, other_keys.mask, "pair mask", plan.context, min(first, second), max(first, second))


def sign(first: int, second: int) -> int:
    """Who of two adds their mask; the other takes it away."""
    return 1 if first < second else -1
