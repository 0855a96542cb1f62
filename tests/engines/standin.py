"""A small state machine in the ledger's place: signed writes of keys and values, some of which come due."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tallystick.base.codec import Decoder, Malformed, Record, encode
from tallystick.base.ids import digest
from tallystick.base.keys import SigningKey
from tallystick.engines.embedded.engine import EmbeddedEngine
from tallystick.engines.engine import Machine, Verify
from tallystick.engines.storage.opening import StorageSettings
from tallystick.ledger.state import Reader

VALIDATOR = SigningKey(b"v" * 32)
WRITER = SigningKey(b"w" * 32)
START = 1_000_000


class Context(Record):
    chain: str
    height: int
    time: int


class Beginning(Record):
    chain: str
    time: int
    records: tuple[tuple[bytes, bytes], ...] = ()


class Put(Record):
    """Write a value; at `due` (if set) the key is deleted again. An empty key is refused."""

    member: str
    number: int
    key: bytes
    value: bytes
    due: int = 0


class Sealed(Record):
    body: bytes
    signature: bytes


class Said(Record):
    what: str


class Receipt(Record):
    transaction: bytes
    code: int
    member: str = ""
    notices: tuple[Said, ...] = ()

    def digest(self) -> bytes:
        return digest(b"receipt", encode(self))


@dataclass(frozen=True)
class Outcome:
    writes: dict[bytes, bytes | None]
    receipts: list[Receipt]
    notices: tuple[Said, ...]


_read_sealed, _read_put = Decoder(Sealed), Decoder(Put)


def put(number: int, key: bytes, value: bytes, due: int = 0, member: str = "ann") -> bytes:
    body = encode(Put(member, number, key, value, due))
    return encode(Sealed(body, WRITER.sign(body)))


def _opened(transaction: bytes, verify: Verify) -> Put | None:
    try:
        sealed = _read_sealed(transaction)
        body = _read_put(sealed.body)
    except Malformed:
        return None
    return body if verify(WRITER.public, sealed.body, sealed.signature) else None


def _number(body: Put) -> bytes:
    return f"number/{body.member}/{body.number:012d}".encode()


def check(reader: Reader, transaction: bytes, block: Any, verify: Verify) -> Receipt:
    body = _opened(transaction, verify)
    name = digest(b"transaction", transaction)
    if body is None:
        return Receipt(name, 1)
    return Receipt(name, 2 if reader.get(_number(body)) else 0, body.member)


def apply_block(reader: Reader, transactions: Sequence[bytes], block: Any, verify: Verify) -> Outcome:
    writes: dict[bytes, bytes | None] = {}
    notices = []
    for key, name in reader.scan(b"due/", 3):
        if int(key.split(b"/")[1]) <= block.time:
            writes |= {key: None, name: None}
            notices.append(Said(name.decode()))
    receipts = []
    for transaction in transactions:
        name = digest(b"transaction", transaction)
        body = _opened(transaction, verify)
        if body is None:
            receipts.append(Receipt(name, 1))
        elif writes.get(_number(body)) or reader.get(_number(body)):
            receipts.append(Receipt(name, 2, body.member))
        else:
            writes[_number(body)] = b"used"
            if body.key:
                writes[body.key] = body.value
            if body.due:
                writes[f"due/{body.due:016d}/{body.number}".encode()] = body.key
            receipts.append(Receipt(name, 0 if body.key else 3, body.member, (Said("put"),)))
    return Outcome(writes, receipts, tuple(notices))


def next_deadline(reader: Reader) -> int | None:
    entries = reader.scan(b"due/", 1)
    return int(entries[0][0].split(b"/")[1]) if entries else None


def first_writes(genesis: Beginning) -> Mapping[bytes, bytes]:
    return dict(genesis.records)


def signature(transaction: bytes) -> tuple[bytes, bytes, bytes] | None:
    try:
        sealed = _read_sealed(transaction)
    except Malformed:
        return None
    return WRITER.public, sealed.body, sealed.signature


def validators(reader: Reader) -> tuple[bytes, ...]:
    named = reader.get(b"validators") or b""
    return tuple(named[at : at + 32] for at in range(0, len(named), 32))


MACHINE: Machine[Any, Any, Any, Any] = Machine(  # an engine is typed for the ledger
    read=lambda transaction: transaction,
    apply_block=apply_block,
    check=check,
    next_deadline=next_deadline,
    first_writes=first_writes,
    block=Context,  # type: ignore[arg-type]
    genesis=Decoder(Beginning),
    receipt=Decoder(Receipt),
    notice=Decoder(Said),
    signature=signature,
    weight=lambda receipt: 1,
    limits=lambda reader: (10**6, 40),
    name=lambda transaction: digest(b"transaction", transaction),
    validators=validators,
)
GENESIS = Beginning("standin", START, ((b"first", b"record"),))


class Clock:
    """Time that a test sets."""

    def __init__(self, now: int = START) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


def engine(path: Path, clock: Any = None, **others: Any) -> EmbeddedEngine:
    """An engine over the stand-in, with segments and flushes small enough to happen in a test."""
    given = {"genesis": GENESIS, "keys": [VALIDATOR], "machine": MACHINE, **others}
    given.setdefault("settings", StorageSettings(segment=4000, behind=4))
    return EmbeddedEngine(path, clock=clock or Clock(), **given)


def patched(machine: Machine = MACHINE, **others: Any) -> Machine:
    return replace(machine, **others)
