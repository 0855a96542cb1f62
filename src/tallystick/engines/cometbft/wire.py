"""ABCI 2.0 on a socket: frames of varint length and protobuf bytes, written and read by hand.

Field numbers are those of CometBFT v0.38, proto/tendermint/abci/types.proto.
"""

from collections.abc import Generator, Iterable, Mapping
from typing import Any, Final, NamedTuple, TypeVar

from ...base.light import NO_TIME

ACCEPT, REJECT = 1, 2
LARGEST: Final = 128 * 2**20  # a genesis or a block is never larger
SECOND: Final = 10**9

# request's field -> its name; the response's field
REQUESTS: Final = {
    1: ("echo", 2), 2: ("flush", 3), 3: ("info", 4), 5: ("init_chain", 6), 6: ("query", 7),
    8: ("check_tx", 9), 11: ("commit", 12), 12: ("list_snapshots", 13), 13: ("offer_snapshot", 14),
    14: ("load_snapshot_chunk", 15), 15: ("apply_snapshot_chunk", 16), 16: ("prepare_proposal", 17),
    17: ("process_proposal", 18), 18: ("extend_vote", 19), 19: ("verify_vote_extension", 20),
    20: ("finalize_block", 21),
}  # fmt: skip

Fields = dict[int, list[Any]]
T = TypeVar("T")


class BrokenFrame(Exception):
    """These bytes are not what CometBFT sends."""


class Block(NamedTuple):
    """What a proposal, or a decided block, tells the application."""

    transactions: tuple[bytes, ...]
    hash: bytes
    height: int
    time: int  # nanoseconds since 1970
    next_validators_hash: bytes
    proposer: bytes
    evidence: tuple[bytes, ...] = ()


# Reading


def varint(data: bytes | bytearray | memoryview, at: int) -> tuple[int, int]:
    """The number at a place, and the place after it."""
    byte = data[at]
    if byte < 128:
        return byte, at + 1
    value, shift = byte & 127, 7
    while True:
        at += 1
        byte = data[at]
        value |= (byte & 127) << shift
        if byte < 128:
            return value % 2**64, at + 1
        shift += 7
        if shift > 63:
            raise BrokenFrame("a number of more than 64 bits")


def fields(data: bytes) -> Fields:
    """A message's values by the numbers of their fields; fixed-width ones never concern us."""
    found: Fields = {}
    at, end = 0, len(data)
    try:
        while at < end:
            tag, at = varint(data, at)
            kind = tag & 7
            if kind == 2:
                size, at = varint(data, at)
                value: Any = data[at : at + size]
                if len(value) < size:
                    raise BrokenFrame("a field ends too early")
                at += size
            elif kind == 0:
                value, at = varint(data, at)
            else:
                value, at = None, at + (8 if kind == 1 else 4)
            found.setdefault(tag >> 3, []).append(value)
    except IndexError:
        raise BrokenFrame("a message ends too early") from None
    return found


def one(found: Fields, number: int, otherwise: T) -> T:
    """The value of a field, of the type of what is to be taken where it was left out."""
    value: Any = found[number][-1] if number in found else otherwise
    if type(value) is not type(otherwise):
        raise BrokenFrame(f"field {number} is not a {type(otherwise).__name__}")
    if isinstance(value, int) and value >= 2**63:
        value -= 2**64
    return value  # type: ignore[no-any-return]


def time_of(found: Fields, number: int) -> int:
    """A timestamp in nanoseconds."""
    parts = fields(one(found, number, b""))
    return one(parts, 1, 0) * SECOND + one(parts, 2, 0)


def request(frame: bytes) -> tuple[str, int, Fields]:
    """What is asked, the field of the answer, and the values."""
    found = fields(frame)
    if len(found) != 1:
        raise BrokenFrame(f"a request with {len(found)} parts")
    (number,) = found
    if number not in REQUESTS:
        raise BrokenFrame(f"an unknown request {number}")
    name, answer = REQUESTS[number]
    return name, answer, fields(one(found, number, b""))


def proposal(found: Fields) -> Block:
    """The block of ProcessProposal and FinalizeBlock."""
    return Block(
        tuple(found.get(1, ())),
        one(found, 4, b""),
        one(found, 5, 0),
        time_of(found, 6),
        one(found, 7, b""),
        one(found, 8, b""),
        tuple(found.get(3, ())),
    )


def preparation(found: Fields) -> tuple[Block, int]:
    """The block that PrepareProposal is to make of what waits, and how many bytes it may have."""
    block = Block(
        tuple(found.get(2, ())),
        b"",
        one(found, 5, 0),
        time_of(found, 6),
        one(found, 7, b""),
        one(found, 8, b""),
        tuple(found.get(4, ())),
    )
    return block, one(found, 1, 0)


def frames(buffer: bytearray) -> Generator[bytes, None, None]:
    """The whole frames at the beginning of a buffer, taken out of it."""
    at = 0
    try:
        while at < len(buffer):
            try:
                size, start = varint(buffer, at)
            except IndexError:
                return
            if size > LARGEST:
                raise BrokenFrame(f"a frame of {size} bytes")
            if start + size > len(buffer):
                return
            at = start + size
            yield bytes(memoryview(buffer)[start:at])
    finally:
        del buffer[:at]


# Writing


def number(value: int) -> bytes:
    value %= 2**64
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def message(values: Mapping[int, int | bytes | str | list[bytes] | None]) -> bytes:
    """A message of fields by their numbers; zeros and empty values are left out, lists repeat."""
    out = []
    for field, value in values.items():
        if isinstance(value, int):
            if value:
                out.append(number(field << 3) + number(value))
            continue
        items = value if isinstance(value, list) else [value] if value else []
        for item in items:
            data = item.encode() if isinstance(item, str) else item or b""
            out.append(number(field << 3 | 2) + number(len(data)) + data)
    return b"".join(out)


def frame(field: int, body: bytes) -> bytes:
    """An answer as it is sent; an empty one is still there."""
    inner = number(field << 3 | 2) + number(len(body)) + body
    return number(len(inner)) + inner


def asked(name: str, body: bytes = b"") -> bytes:
    """A request as CometBFT sends it; what tests play."""
    field = next(at for at, (found, _) in REQUESTS.items() if found == name)
    return frame(field, body)


def timestamp(nanoseconds: int) -> bytes:
    if nanoseconds == NO_TIME:
        return b""
    seconds, rest = divmod(nanoseconds, SECOND)
    return message({1: seconds, 2: rest})


def validator_updates(updates: Iterable[tuple[bytes, int]]) -> list[bytes]:
    """Ed25519 keys with their new power; 0 removes."""
    return [message({1: message({1: key}), 2: power}) for key, power in updates]
