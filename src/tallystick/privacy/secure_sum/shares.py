"""Shamir's secret sharing of 32 bytes over the prime 2^256 + 297."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

PRIME = 2**256 + 297
SECRET_BYTES = 32
SHARE_BYTES = 33

Entropy: TypeAlias = Callable[[int], bytes]


class BadShares(ValueError):
    """These shares do not come from one secret."""


def share(
    secret: bytes, threshold: int, places: Sequence[int], entropy: Entropy = os.urandom
) -> dict[int, int]:
    """A share for each place; any `threshold` of them give the secret, fewer say nothing."""
    if len(secret) != SECRET_BYTES:
        raise ValueError(f"a secret has {SECRET_BYTES} bytes, not {len(secret)}")
    if not 1 <= threshold <= len(places) or len(set(places)) != len(places) or min(places) < 1:
        raise ValueError(
            f"threshold {threshold} and {len(places)} distinct places from 1 do not fit together"
        )
    # 48 bytes a coefficient: reduced by the prime they are uniform to 2^-127.
    drawn = entropy(48 * (threshold - 1))
    higher = [int.from_bytes(drawn[48 * i : 48 * i + 48], "big") % PRIME for i in range(threshold - 1)]
    constant = int.from_bytes(secret, "big")
    return {place: _polynomial(higher, constant, place) for place in places}


def weights_at_zero(places: Iterable[int]) -> dict[int, int]:
    """Lagrange's weights for these places: one computation serves every secret shared among them."""
    known = list(places)
    weights = {}
    for place in known:
        above, below = 1, 1
        for other in known:
            if other != place:
                above = above * other % PRIME
                below = below * (other - place) % PRIME
        weights[place] = above * pow(below, -1, PRIME) % PRIME
    return weights


def combine(shares: Mapping[int, int], weights: Mapping[int, int]) -> bytes:
    """The secret out of the shares at the places that have a weight."""
    total = sum(weight * shares[place] for place, weight in weights.items()) % PRIME
    if total >= 2 ** (8 * SECRET_BYTES):
        raise BadShares("the shares give a number that no secret has")
    return total.to_bytes(SECRET_BYTES, "big")


def encode_share(value: int) -> bytes:
    """33 bytes, the highest first."""
    return value.to_bytes(SHARE_BYTES, "big")


def decode_share(data: bytes) -> int:
    """The share in 33 bytes; one that is not below the prime is refused."""
    value = int.from_bytes(data, "big")
    if len(data) != SHARE_BYTES or value >= PRIME:
        raise BadShares(f"{len(data)} bytes are not a share")
    return value


def _polynomial(higher: Sequence[int], constant: int, place: int) -> int:
    value = 0
    for coefficient in higher:
        value = (value + coefficient) * place % PRIME
    return (value + constant) % PRIME
