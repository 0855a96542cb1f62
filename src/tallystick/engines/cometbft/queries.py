"""What a client can ask a validator: paths of the engine's `abci_query`, and the bytes of the answers."""

from collections.abc import Callable
from typing import Final

import msgspec

from ...base import light
from ...base.codec import Decoder, Malformed, Record, encode
from ..chain import milliseconds
from ..engine import Answer, EngineError
from .replica import Replica

SCANNED: Final = 10_000  # records in one answer
BYTES: Final = 4 * 2**20  # of blocks in one answer, about
LARGEST: Final = 32 * 2**20  # records in one answer
BLOCKS: Final = 100  # in one answer


class Busy(Exception):
    """A block is being made durable just now; asking again helps."""


class Elsewhere(Exception):
    """This validator began with a snapshot and does not know; one with all blocks does."""


class AnswerBytes(Record):
    """What became of a transaction, as an answer carries it."""

    receipt: bytes
    height: int
    place: int
    time: int


class BlockEffects(Record):
    """What a block did: what came due, and what became of each transaction."""

    height: int
    time: int
    notices: tuple[bytes, ...]
    receipts: tuple[bytes, ...]


class ProvenRecord(Record):
    """A record's value and the proof of it, by the root of the state that block `height` left."""

    height: int
    value: bytes | None
    proof: bytes


class MerklePath(Record):
    """A Merkle proof."""

    place: int
    total: int
    digests: tuple[bytes, ...]


class ProvenReceipt(Record):
    """A transaction, its receipt, and the paths to its block's data and to the next header's results."""

    height: int
    receipt: bytes
    transaction: bytes
    code: int
    data: bytes
    in_data: MerklePath
    in_results: MerklePath


class Standing(Record):
    """How a replica stands."""

    chain: str
    height: int
    time: int
    root: bytes
    validators: tuple[bytes, ...]
    repairs: tuple[str, ...]


decode_answers = Decoder(list[AnswerBytes])
decode_effects = Decoder(list[BlockEffects])
decode_proven = Decoder(ProvenRecord)
decode_proven_receipt = Decoder(ProvenReceipt)
decode_standing = Decoder(Standing)
decode_value = Decoder(list[bytes | None])
decode_records = Decoder(list[tuple[bytes, bytes]])
_decode_scan = Decoder(tuple[bytes, int])
_decode_history = Decoder(tuple[str, int])
_decode_height = Decoder(int)


def answer(replica: Replica, path: str, data: bytes) -> bytes:
    """The answer to one question."""
    ask = PATHS.get(path)
    if ask is None:
        raise Malformed(f"there is no {path!r} to ask for; there are {', '.join(PATHS)}")
    try:
        return encode(ask(replica, data))
    except msgspec.MsgspecError as error:
        raise Malformed(str(error)) from None


def _get(replica: Replica, key: bytes) -> list[bytes | None]:
    return [replica.store.get(key)]


def _prove(replica: Replica, key: bytes) -> ProvenRecord:
    if replica.between:
        raise Busy("a block is being made durable")
    return ProvenRecord(replica.height, replica.store.get(key), replica.tree.prove(key))


def _scan(replica: Replica, data: bytes) -> list[tuple[bytes, bytes]]:
    prefix, limit = _decode_scan(data)
    records = replica.store.scan(prefix, max(0, min(limit, SCANNED)))
    if sum(len(key) + len(value) for key, value in records) > LARGEST:
        raise EngineError(f"the records that begin with {prefix!r} are more than one answer holds")
    return records


def _find(replica: Replica, digest: bytes) -> list[AnswerBytes]:
    answer = replica.blocks.find(digest)
    if answer is None and not replica.whole:
        raise Elsewhere("it is in none of the blocks since this node's snapshot")
    return [] if answer is None else [_as_bytes(answer)]


def _history(replica: Replica, data: bytes) -> list[AnswerBytes]:
    member, limit = _decode_history(data)
    if not replica.whole:
        raise Elsewhere("this node has only the blocks since its snapshot")
    return [_as_bytes(answer) for answer in replica.blocks.history(member, max(0, min(limit, 1000)))]


def _as_bytes(answer: Answer) -> AnswerBytes:
    return AnswerBytes(encode(answer.receipt), answer.height or 0, answer.place or 0, answer.time or 0)


def _since(replica: Replica, data: bytes) -> list[BlockEffects]:
    """The blocks from a height on, as many as one answer holds."""
    blocks, size = [], 0
    first = max(1, _decode_height(data))
    for height in range(first, min(replica.height, first + BLOCKS - 1) + 1):
        entry = replica.blocks.entry(height)
        if not entry.commit:
            raise EngineError(f"what block {height} did is not known here; ask another node")
        time = milliseconds(light.HEADER.decode(entry.header).time)
        blocks.append(BlockEffects(height, time, entry.notices, entry.receipts))
        size += sum(map(len, entry.receipts))
        if size > BYTES:
            break
    return blocks


def _receipt(replica: Replica, digest: bytes) -> ProvenReceipt:
    height, receipt, transaction, result, paths = replica.blocks.receipt_paths(digest)
    in_data, in_results = (MerklePath(path.place, path.total, tuple(path.digests)) for path in paths)
    return ProvenReceipt(height, encode(receipt), transaction, result.code, result.data, in_data, in_results)


def _status(replica: Replica, _data: bytes) -> Standing:
    name = "" if replica.chain is None else replica.chain.name
    repairs = tuple(replica.repairs)
    return Standing(name, replica.height, replica.time, replica.root, replica.validators(), repairs)


PATHS: Final[dict[str, Callable[[Replica, bytes], object]]] = {
    "/get": _get,
    "/prove": _prove,
    "/scan": _scan,
    "/find": _find,
    "/history": _history,
    "/since": _since,
    "/receipt": _receipt,
    "/status": _status,
}
