"""Transactions that are none: mutated bytes and fields, wrong types and widths, cut, huge, nested, random."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

import msgspec

from tallystick.ledger import transactions as tx
from tallystick.ledger import transition
from tallystick.ledger.transition import Block
from tests.ledger.memory import Memory, due_times
from tests.ledger.model.random_blocks import WILD
from tests.ledger.model.refusals.expected import ENVELOPE
from tests.ledger.model.scenes import prepare
from tests.ledger.observed import ensure
from tests.ledger.world import SIGNATURES, key_of

BATCH = 250
HEAVY = 200  # one in so many is large
encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder().decode


@dataclass(frozen=True)
class Ground:
    """A state, its place in time, and well-formed transactions of every kind for it."""

    reader: Memory
    block: Block
    sound: tuple[bytes, ...]


def ground(seed: int) -> Ground:
    """A prepared world and a few dozen transactions that it would take or refuse, with real signatures."""
    history = prepare(Random(f"malformed {seed}"), SIGNATURES)
    world, players = history.world, history.players
    while any(time <= world.time for time in due_times(world.reader)):
        world.block()  # limits may let it serve few entries a block; what follows must find nothing to do
    block = Block(world.reader.chain.chain, world.height + 1, world.time)
    sound = [world.sent(other, WILD[kind](players)).data for kind in WILD for other in ("ada", "bob", "cleo")]
    return Ground(world.reader, block, tuple(sound))


# --- mutations that nobody signed -------------------------------------------------------------------


def _flip(rng: Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        place = rng.randrange(len(changed))
        changed[place] ^= 1 << rng.randrange(8) if rng.random() < 0.5 else rng.randrange(1, 256)
    return bytes(changed)


def _cut(rng: Random, data: bytes) -> bytes:
    start, end = sorted(rng.randrange(len(data) + 1) for _ in range(2))
    return data[:start] + data[end:] if rng.random() < 0.5 else data[:end]


def _grown(rng: Random, data: bytes) -> bytes:
    place = rng.choice((0, len(data), rng.randrange(len(data))))
    return data[:place] + rng.randbytes(rng.choice((1, 2, 8, 64))) + data[place:]


def _random(rng: Random, data: bytes) -> bytes:
    return rng.randbytes(rng.choice((0, 1, 2, 16, 200)))


def _moved(rng: Random, data: bytes) -> bytes:
    """Some of its bytes in another place, or twice."""
    start, end, place = (rng.randrange(len(data)) for _ in range(3))
    piece = data[min(start, end) : max(start, end)][:64]
    return data[:place] + piece + data[place:]


def _huge(rng: Random, data: bytes) -> bytes:
    """A length that the bytes do not keep: of a list, a map, a text, bytes, an extension."""
    head = bytes(
        (rng.choice((0xDC, 0xDD, 0xDE, 0xDF, 0xD9, 0xDA, 0xDB, 0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9)),)
    )
    place = rng.choice((0, 1, 2, rng.randrange(len(data))))
    return data[:place] + head + rng.choice((b"\xff" * 4, b"\x7f\xff\xff\xff")) + data[place:]


def _nested(rng: Random, data: bytes) -> bytes:
    depth = rng.choice((100, 1_000, 5_000)) if rng.randrange(HEAVY) else 200_000
    place = rng.choice((0, 1, rng.randrange(len(data))))
    return data[:place] + rng.choice((b"\x91", b"\x81\x01", b"\xdd\x00\x00\x00\x01")) * depth + data[place:]


def _large(rng: Random, data: bytes) -> bytes:
    """More than a transaction may have."""
    size = 3_000 if rng.randrange(HEAVY) else 1_100_000
    return encode([b"\x00" * size, bytes(64)]) if rng.random() < 0.5 else data + bytes(size)


UNSIGNED: tuple[Callable[[Random, bytes], bytes], ...] = (
    _flip, _flip, _flip, _cut, _grown, _random, _moved, _huge, _nested, _large,
)  # fmt: skip


# --- mutations that are signed anew -----------------------------------------------------------------


STRANGE: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 2**31, 2**53, 2**63 - 1, 2**64 - 1, -(2**63), 1.5, float("nan")),
    *("", "x" * 5_000, "\x00", "ada", "*", b"", bytes(32), bytes(64), bytes(5_000)),
    *([], [[]], [None] * 70, {}, {"a": 1}, {1: [2]}, ["post"], msgspec.msgpack.Ext(5, b"x")),
)


def _mutate(rng: Random, value: Any) -> Any:
    """The same tree with one of its branches changed."""
    if isinstance(value, list) and value and rng.random() < 0.85:
        place, changed = rng.randrange(len(value)), list(value)
        act = rng.random()
        if act < 0.75:
            changed[place] = _mutate(rng, value[place])
        elif act < 0.85:
            del changed[place]
        elif act < 0.95:
            changed.insert(place, rng.choice(STRANGE))
        else:
            changed *= rng.choice((2, 30))
        return changed
    if isinstance(value, int) and not isinstance(value, bool) and rng.random() < 0.6:
        bounds = (0, 1, 10**6, 10**9, 10**11, 10**12, 2**53 - 1, -(10**12))
        return rng.choice((value + 1, value - 1, -value, value * 2**20, value + 2**40, *bounds))
    if isinstance(value, str) and value and rng.random() < 0.4:
        return rng.choice((value[:-1], value + "a", value.upper(), value[::-1], "ä" + value))
    return rng.choice(STRANGE)


def _widened(rng: Random, data: bytes) -> bytes:
    """The same value in another encoding: an integer wider than it needs to be."""
    places = [place for place, byte in enumerate(data) if byte < 0x80]
    if not places:
        return data
    place = rng.choice(places)
    wider = rng.choice((b"\xcc", b"\xcd\x00", b"\xce\x00\x00\x00", b"\xd0", b"\xd1\x00"))
    return data[:place] + wider + data[place:]


def resigned(rng: Random, data: bytes) -> bytes:
    """An envelope with a field changed and a signature by its member's own key that fits."""
    envelope = decode(decode(data)[0])
    member = envelope[2]
    if rng.random() < 0.8:
        envelope[6] = _mutate(rng, envelope[6])
    else:
        envelope = _mutate(rng, envelope)
    try:
        inner = encode(envelope)
    except (OverflowError, TypeError):
        inner = encode(rng.choice(STRANGE))
    if rng.random() < 0.15:
        inner = _widened(rng, inner)
    return encode([inner, key_of(str(member)).sign(tx.signing_bytes(inner))])


def malformed(rng: Random, here: Ground, share_signed: float) -> Iterator[tuple[bytes, bool]]:
    """Endless mutations of sound transactions; whether each was signed anew."""
    while True:
        data = rng.choice(here.sound)
        if rng.random() < share_signed:
            yield resigned(rng, data), True
        else:
            yield rng.choice(UNSIGNED)(rng, data), False


# --- what they must meet ----------------------------------------------------------------------------


def try_many(seed: int, count: int, share_signed: float = 0.35) -> dict[str, int]:
    """Put so many into blocks: nothing is raised, what does not decode leaves no trace; what each met."""
    rng, here = Random(f"malformed {seed}"), ground(seed % 16)
    stream, met = malformed(rng, here, share_signed), Counter[str]()
    sound = set(here.sound)
    for _ in range(-(-count // BATCH)):
        unsigned: list[bytes] = []
        signed: list[bytes] = []
        while len(unsigned) + len(signed) < BATCH:
            data, anew = next(stream)
            if data not in sound:
                (signed if anew else unsigned).append(data)
        outcome = transition.apply_block(here.reader, unsigned, here.block)
        ensure(not outcome.writes, "malformed transactions wrote", list(outcome.writes))
        ensure(not outcome.notices, "malformed transactions announced", outcome.notices)
        for data, receipt in zip(unsigned, outcome.receipts, strict=True):
            no_trace = receipt.member == "" and receipt.notices == () and receipt.refusal in ENVELOPE
            ensure(no_trace, receipt, "from", data[:200].hex())
            met[receipt.refusal] += 1
        for data in signed:
            met[_signed_once(here, data)] += 1
    return dict(met)


def _signed_once(here: Ground, data: bytes) -> str:
    """A mutated transaction whose signature fits: refused without a trace, or well-formed after all."""
    writes, receipt = transition.apply(here.reader, data, here.block)
    ensure(receipt.code != 99, receipt, "from", data.hex())
    if not receipt.member:
        ensure(receipt.code and not writes, receipt, "wrote", list(writes), "from", data.hex())
        return receipt.refusal
    again = transition.check(here.reader, data, here.block)
    ensure(again.code in (0, receipt.code), "a check says", again, "where a block says", receipt)
    return "well-formed"
