"""Crafted Ed25519 signatures with known answers, by curve arithmetic that shares nothing with libsodium.

Every pairing of honest, low-order, mixed-order and doubly encoded points: the cases of Chalkias, Garillot,
Nikolaenko, Taming the Many EdDSAs (2020), and of the C2SP/CCTV set.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha512

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
Affine = tuple[int, int]

ZERO: Affine = (0, 1)


def add(a: Affine, b: Affine) -> Affine:
    t = D * a[0] * a[1] * b[0] * b[1] % P
    x = (a[0] * b[1] + b[0] * a[1]) * pow(1 + t, -1, P)
    return x % P, (a[1] * b[1] + a[0] * b[0]) * pow(1 - t, -1, P) % P


def times(n: int, a: Affine) -> Affine:
    total = ZERO
    while n:
        if n & 1:
            total = add(total, a)
        a, n = add(a, a), n >> 1
    return total


def lift(y: int, sign: int = 0) -> Affine | None:
    """The point with this y and the parity `sign` of x, if there is one."""
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - square) % P:
        return None
    return (P - x if x & 1 != sign and x else x), y


def encode(a: Affine) -> bytes:
    return (a[1] | (a[0] & 1) << 255).to_bytes(32, "little")


def eighth() -> Affine:
    """A point of order 8: the torsion part of the first point that has all of it."""
    for y in range(2, 99):
        point = lift(y)
        if point and times(4, times(L, point)) != ZERO:
            return times(L, point)
    raise LookupError("no such point")


BASE = lift(4 * pow(5, -1, P) % P)
EIGHTH = eighth()


@dataclass(frozen=True)
class Point:
    """scalar * base + torsion * eighth, as these bytes."""

    scalar: int
    torsion: int
    bytes: bytes
    canonical: bool = True

    @property
    def low(self) -> bool:
        return self.scalar == 0

    @property
    def honest(self) -> bool:
        return not self.low and self.torsion == 0


def points(seed: bytes) -> list[Point]:
    """One honest point, seven of mixed order, eight of low order, and the six other encodings of those."""
    scalar = int.from_bytes(sha512(seed).digest(), "little") % L
    found = [Point(scalar, t, encode(add(times(scalar, BASE), times(t, EIGHTH)))) for t in range(8)]
    for torsion in range(8):
        x, y = times(torsion, EIGHTH)
        found.append(Point(0, torsion, encode((x, y))))
        twice = [(x, y + P)] if y + P < 2**255 else []
        signs = [(1 - (x & 1), y), *((1 - (x & 1), other) for _, other in twice)] if x == 0 else []
        found += [Point(0, torsion, encode(again), canonical=False) for again in twice + signs]
    return found


@dataclass(frozen=True)
class Crafted:
    """A signature whose equation S B = R + k A holds, or holds only when multiplied by the cofactor 8."""

    key: Point
    commitment: Point
    message: bytes
    signature: bytes
    holds: bool


def crafted() -> Iterator[Crafted]:
    commitments = points(b"commitment")
    for key in points(b"key"):
        for commitment in commitments:
            wanted = [True, False]
            for trial in range(64):
                message = b"trial %d" % trial
                digest = sha512(commitment.bytes + key.bytes + message).digest()
                k = int.from_bytes(digest, "little") % L
                holds = (commitment.torsion + k * key.torsion) % 8 == 0
                if holds in wanted:
                    wanted.remove(holds)
                    s = (commitment.scalar + k * key.scalar) % L
                    signature = commitment.bytes + s.to_bytes(32, "little")
                    yield Crafted(key, commitment, message, signature, holds)
