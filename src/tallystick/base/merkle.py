"""Merkle root, inclusion proof and check over a list of byte strings (RFC 6962 section 2.1, SHA-256)."""

from collections.abc import Iterable, Sequence
from hashlib import sha256

EMPTY = sha256(b"").digest()


def leaf_hash(leaf: bytes) -> bytes:
    return sha256(b"\x00" + leaf).digest()


def root(leaves: Iterable[bytes]) -> bytes:
    """The root of the leaves in their order; one pass, with one digest held per level."""
    waiting: list[bytes] = []
    for before, leaf in enumerate(leaves):
        digest = sha256(b"\x00" + leaf).digest()
        while before & 1:
            digest = sha256(b"\x01" + waiting.pop() + digest).digest()
            before >>= 1
        waiting.append(digest)
    if not waiting:
        return EMPTY
    digest = waiting.pop()
    while waiting:
        digest = sha256(b"\x01" + waiting.pop() + digest).digest()
    return digest


def prove(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The digests beside the path from leaf `index` to the root, lowest first."""
    if not 0 <= index < len(leaves):
        raise IndexError(f"no leaf {index} among {len(leaves)}; the first is 0")
    level = [leaf_hash(leaf) for leaf in leaves]
    path = []
    while len(level) > 1:
        if index ^ 1 < len(level):
            path.append(level[index ^ 1])
        pairs = [sha256(b"\x01" + a + b).digest() for a, b in zip(level[::2], level[1::2], strict=False)]
        level = pairs + level[2 * len(pairs) :]
        index >>= 1
    return path


def holds(expected: bytes, leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bool:
    """Whether `path` shows that `leaf` stands at `index` among `size` leaves under the root `expected`."""
    if not 0 <= index < size:
        return False
    digest, last, rest = leaf_hash(leaf), size - 1, iter(path)
    while last:
        if index & 1 or index < last:
            beside = next(rest, b"")
            digest = sha256(b"\x01" + (beside + digest if index & 1 else digest + beside)).digest()
        index >>= 1
        last >>= 1
    return next(rest, None) is None and digest == expected
