"""ABCI 2.0 on a socket: frames of varint length, what CometBFT asks in them and what is answered.

Field numbers are those of CometBFT v0.38, proto/tendermint/abci/types.proto.
"""

from collections.abc import Generator, Iterable
from typing import Final, NamedTuple

from ...base.light import NO_TIME
from ...base.wire import BrokenBytes, Fields, all_of, delimited, fields, message, number, value_of, varint

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


class ProposedBlock(NamedTuple):
    """What a proposal, or a decided block, tells the application."""

    transactions: tuple[bytes, ...]
    hash: bytes
    height: int
    time: int  # nanoseconds since 1970
    next_validators_hash: bytes
    proposer: bytes
    evidence: tuple[bytes, ...] = ()


# Reading


def time_of(values: Fields, number: int) -> int:
    """A timestamp in nanoseconds."""
    parts = fields(value_of(values, number, b""))
    return value_of(parts, 1, 0) * SECOND + value_of(parts, 2, 0)


def request(frame: bytes) -> tuple[str, int, Fields]:
    """What is asked, the field of the answer, and the values."""
    values = fields(frame)
    if len(values) != 1:
        raise BrokenBytes(f"a request with {len(values)} parts")
    (field,) = values
    if field not in REQUESTS:
        raise BrokenBytes(f"an unknown request {field}")
    name, answer = REQUESTS[field]
    return name, answer, fields(value_of(values, field, b""))


def proposal(values: Fields) -> ProposedBlock:
    """The block of ProcessProposal and FinalizeBlock."""
    return ProposedBlock(
        all_of(values, 1),
        value_of(values, 4, b""),
        value_of(values, 5, 0),
        time_of(values, 6),
        value_of(values, 7, b""),
        value_of(values, 8, b""),
        all_of(values, 3),
    )


def preparation(values: Fields) -> tuple[ProposedBlock, int]:
    """The block that PrepareProposal is to make of what waits, and how many bytes it may have."""
    block = ProposedBlock(
        all_of(values, 2),
        b"",
        value_of(values, 5, 0),
        time_of(values, 6),
        value_of(values, 7, b""),
        value_of(values, 8, b""),
        all_of(values, 4),
    )
    return block, value_of(values, 1, 0)


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
                raise BrokenBytes(f"a frame of {size} bytes")
            if start + size > len(buffer):
                return
            at = start + size
            yield bytes(memoryview(buffer)[start:at])
    finally:
        del buffer[:at]


# Writing


def frame(field: int, body: bytes) -> bytes:
    """An answer as it is sent; an empty one is still there."""
    inner = delimited(field, body)
    return number(len(inner)) + inner


def asked(name: str, body: bytes = b"") -> bytes:
    """A request as CometBFT sends it; what tests play."""
    field = next(at for at, (known, _) in REQUESTS.items() if known == name)
    return frame(field, body)


def timestamp(nanoseconds: int) -> bytes:
    if nanoseconds == NO_TIME:
        return b""
    seconds, rest = divmod(nanoseconds, SECOND)
    return message({1: seconds, 2: rest})


def validator_updates(updates: Iterable[tuple[bytes, int]]) -> list[bytes]:
    """Ed25519 keys with their new power; 0 removes."""
    return [message({1: message({1: key}), 2: power}) for key, power in updates]
