"""Random words from a stream cipher: keyed by the operating system, or by a seed where one simulates."""

import hashlib
import os
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

Uint64s: TypeAlias = npt.NDArray[np.uint64]
Words: TypeAlias = Callable[[int], Uint64s]  # how many → that many uniform 64-bit words

_PIECE = 1 << 16
_ZEROS = memoryview(bytes(_PIECE))


def key_stream(key: bytes) -> Callable[[npt.NDArray[Any]], None]:
    """AES-256 in counter mode, as good as its key: fills arrays, each going on where the last one ended."""
    stream = Cipher(algorithms.AES(key), modes.CTR(bytes(16))).encryptor()

    def fill(array: npt.NDArray[Any]) -> None:
        view = array.data.cast("B")
        for place in range(0, len(view), _PIECE):
            part = view[place : place + _PIECE]
            stream.update_into(_ZEROS[: len(part)], part)

    return fill


def system() -> Words:
    """Words that nobody can repeat, keyed anew by the operating system at every call of this function."""
    return _words(os.urandom(32))


def seeded(*seed: int | str) -> Words:
    """Words that the seed repeats. For simulation only: whoever knows the seed can subtract the noise."""
    return _words(hashlib.sha256(f"tallystick simulation {seed!r}".encode()).digest())


def _words(key: bytes) -> Words:
    fill = key_stream(key)

    def words(count: int) -> Uint64s:
        drawn = np.empty(count, dtype="<u8")
        fill(drawn)
        return drawn

    return words
