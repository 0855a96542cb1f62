"""Who lives in a random history: names, keys, and tags that stand for signatures."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256

from tallystick.base import keys
from tallystick.base.ids import ROLES, digest
from tallystick.base.keys import SigningKey, prove_possession
from tallystick.ledger.genesis import Founder
from tallystick.ledger.handlers.members import possession_context

CHAIN = "histories"
FULL = ("ada", "bob", "cleo", "dan", "eve", "fay")  # every role, tokens
POOR = "gus"  # no role and no tokens
BARRED = "hal"  # suspended while the world is prepared
EVERYBODY = (*FULL, POOR, BARRED)

Sign = Callable[[bytes, bytes], bytes]  # public key, message
Verify = Callable[[bytes, bytes, bytes], bool]


@lru_cache(maxsize=4096)
def key_of(name: str) -> SigningKey:
    """The key that this history calls by a name."""
    key = SigningKey(digest(b"history key", name.encode()))
    _by_public[key.public] = key
    return key


_by_public: dict[bytes, SigningKey] = {}


@lru_cache(maxsize=4096)
def encryption_key_of(name: str) -> bytes:
    return digest(b"history encryption key", name.encode())


@lru_cache(maxsize=4096)
def possession(member: str, key: str) -> bytes:
    """The proof that a member holds the key of this name."""
    return prove_possession(key_of(key), possession_context(CHAIN, member))


def tag(public: bytes, message: bytes) -> bytes:
    """Stands for a signature where signatures are not what is tried."""
    return sha256(public + message).digest() * 2


def tag_fits(public: bytes, message: bytes, signature: bytes) -> bool:
    return tag(public, message) == signature


def sign_truly(public: bytes, message: bytes) -> bytes:
    """A real signature by the key behind a public key."""
    return _by_public[public].sign(message)


TAGS: tuple[Sign, Verify] = (tag, tag_fits)
SIGNATURES: tuple[Sign, Verify] = (sign_truly, keys.verify)


def founders(balance: int) -> tuple[Founder, ...]:
    """Six members with every role, one with none and no tokens, one to be barred."""
    return tuple(
        Founder(
            name,
            key_of(name).public,
            encryption_key_of(name),
            () if name == POOR else ROLES,  # type: ignore[arg-type]
            0 if name == POOR else balance,
        )
        for name in EVERYBODY
    )
