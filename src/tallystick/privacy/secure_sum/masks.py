"""Keys that two members agree on, and the streams of words they turn into."""

from typing import Any

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ..randomness import key_stream

_PIECE = 1 << 16  # bytes: mask and sum stay in the cache


class BadKey(ValueError):
    """A public key with which no secret can be agreed."""


def private_key(private: bytes) -> X25519PrivateKey:
    """The X25519 key of 32 private bytes."""
    return X25519PrivateKey.from_private_bytes(private)


def public_key(private: bytes) -> bytes:
    """The public half."""
    return private_key(private).public_key().public_bytes_raw()


def is_usable(public: bytes) -> bool:
    """Whether a secret can be agreed with this key: points of low order give zero to everybody."""
    try:
        private_key(b"any scalar finds a low-order key").exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError:
        return False
    return True


def agree(
    private: X25519PrivateKey, public: bytes, purpose: str, context: bytes, first: int, second: int
) -> bytes:
    """A 32-byte key known to both ends, for one purpose of one round between two seats, in this order."""
    try:
        secret = private.exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError as error:
        raise BadKey(f"the public key {public.hex()} is not usable: {error}") from None
    return stretch(secret, purpose, context, first, second)


def stretch(secret: bytes, purpose: str, context: bytes, first: int, second: int) -> bytes:
    """HKDF-SHA256 of a secret, bound to its purpose, the round and the seats."""
    seats = first.to_bytes(4, "big") + second.to_bytes(4, "big")
    info = b"tallystick secure sum/" + purpose.encode() + b"/" + seats + context
    return HKDF(SHA256(), 32, salt=None, info=info).derive(secret)


def add_mask(words: npt.NDArray[np.unsignedinteger[Any]], key: bytes, sign: int) -> None:
    """Add (sign 1) or take away (sign -1) the key's stream, in place, wrapping."""
    fill = key_stream(key)
    step = _PIECE // words.itemsize
    scratch = np.empty(min(step, len(words)), words.dtype.newbyteorder("<"))
    for start in range(0, len(words), step):
        part = words[start : start + step]
        stream = scratch[: len(part)]
        fill(stream)
        if sign > 0:
            part += stream
        else:
            part -= stream
