"""Random words from a stream cipher: keyed by the operating system, or by a seed where one simulates."""

import hashlib
import os
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

Uint64s: TypeAlias = npt.NDArray[np.uint64]
Words: TypeAlias = Callable[[int], Uint64s]  # how many → that many uniform 64-bit words

_PIECE = 1 << 16


def key_stream(key: bytes, start: bytes = bytes(16)) -> Callable[[int], bytearray]:
    """AES-256 in counter mode: 7 GB/s, and as good as its key. Each call goes on where the last one ended."""
    stream = Cipher(algorithms.AES(key), modes.CTR(start)).encryptor()
    zeros = memoryview(bytes(_PIECE))

    def take(size: int) -> bytearray:
        out = bytearray(size)
        view = memoryview(out)
        for place in range(0, size, _PIECE):
            length = min(_PIECE, size - place)
            stream.update_into(zeros[:length], view[place : place + length])
        return out

    return take


def system() -> Words:
    """Words that nobody can repeat, keyed anew by the operating system at every call of this function."""
    return _words(os.urandom(32))


def seeded(*seed: int | str) -> Words:
    """Words that the seed repeats. For simulation only: whoever knows the seed can subtract the noise."""
    return _words(hashlib.sha256(f"tallystick simulation {seed!r}".encode()).digest())


def _words(key: bytes) -> Words:
    take = key_stream(key)

    def words(count: int) -> Uint64s:
        return np.frombuffer(take(8 * count), dtype="<u8")

    return words
