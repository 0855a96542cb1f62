"""What a client can ask a validator: paths of the engine's `abci_query`, and the bytes of the answers."""

from collections.abc import Callable
from typing import Any, Final

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


class AnswerFound(Record):
    """What became of a transaction, as an answer carries it."""

    receipt: bytes
    height: int
    place: int
    time: int


class BlockTold(Record):
    """What a block did: what came due, and what became of each transaction."""

    height: int
    time: int
    notices: tuple[bytes, ...]
    receipts: tuple[bytes, ...]


class RecordShown(Record):
    """A record's value and the proof of it, by the root of the state that block `height` left."""

    height: int
    value: bytes | None
    proof: bytes


class MerklePath(Record):
    """A Merkle proof."""

    place: int
    total: int
    digests: tuple[bytes, ...]


class ShownReceipt(Record):
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


decode_found = Decoder(list[AnswerFound])
decode_told = Decoder(list[BlockTold])
decode_shown = Decoder(RecordShown)
decode_shown_receipt = Decoder(ShownReceipt)
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


def _prove(replica: Replica, key: bytes) -> RecordShown:
    if replica.between:
        raise Busy("a block is being made durable")
    return RecordShown(replica.height, replica.store.get(key), replica.tree.prove(key))


def _scan(replica: Replica, data: bytes) -> list[tuple[bytes, bytes]]:
    prefix, limit = _decode_scan(data)
    found = replica.store.scan(prefix, max(0, min(limit, SCANNED)))
    if sum(len(key) + len(value) for key, value in found) > LARGEST:
        raise EngineError(f"the records that begin with {prefix!r} are more than one answer holds")
    return found


def _find(replica: Replica, digest: bytes) -> list[AnswerFound]:
    found = replica.blocks.find(digest)
    if found is None and not replica.whole:
        raise Elsewhere("it is in none of the blocks since this node's snapshot")
    return [] if found is None else [_told(found)]


def _history(replica: Replica, data: bytes) -> list[AnswerFound]:
    member, limit = _decode_history(data)
    if not replica.whole:
        raise Elsewhere("this node has only the blocks since its snapshot")
    return [_told(one) for one in replica.blocks.history(member, max(0, min(limit, 1000)))]


def _told(one: Answer) -> AnswerFound:
    return AnswerFound(encode(one.receipt), one.height or 0, one.place or 0, one.time or 0)


def _since(replica: Replica, data: bytes) -> list[BlockTold]:
    """The blocks from a height on, as many as one answer holds."""
    told, size = [], 0
    first = max(1, _decode_height(data))
    for height in range(first, min(replica.height, first + BLOCKS - 1) + 1):
        entry = replica.blocks.entry(height)
        if not entry.commit:
            raise EngineError(f"what block {height} did is not known here; ask another node")
        time = milliseconds(light.HEADER.decode(entry.header).time)
        told.append(BlockTold(height, time, entry.notices, entry.receipts))
        size += sum(map(len, entry.receipts))
        if size > BYTES:
            break
    return told


def _receipt(replica: Replica, digest: bytes) -> ShownReceipt:
    height, receipt, transaction, result, paths = replica.blocks.receipt_paths(digest)
    in_data, in_results = (MerklePath(one.place, one.total, tuple(one.digests)) for one in paths)
    return ShownReceipt(height, encode(receipt), transaction, result.code, result.data, in_data, in_results)


def _status(replica: Replica, _data: bytes) -> Standing:
    name = "" if replica.chain is None else replica.chain.name
    repairs = tuple(replica.repairs)
    return Standing(name, replica.height, replica.time, replica.root, replica.validators(), repairs)


PATHS: Final[dict[str, Callable[[Replica, bytes], Any]]] = {
    "/get": _get,
    "/prove": _prove,
    "/scan": _scan,
    "/find": _find,
    "/history": _history,
    "/since": _since,
    "/receipt": _receipt,
    "/status": _status,
}
