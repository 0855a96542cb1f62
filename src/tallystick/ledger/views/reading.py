"""How a state is asked: find a record, walk a table, say it in JSON; what would be refused; who may read."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from msgspec.structs import fields

from ...base.codec import Record
from ..handlers import HANDLERS
from ..rejections import Refusal
from ..state import ACCOUNTS, MEMBERS, TABLES, Draft, Reader, StateTable
from ..transactions import Body
from ..transition import Block, find_chain

R = TypeVar("R", bound=Record)


def find(reader: Reader, table: StateTable[R], *parts: str | int) -> R | None:
    """The record under this key, or None."""
    data = reader.get(table.key(*parts).encode())
    return None if data is None else table.decode(data)


def every(reader: Reader, table: StateTable[R], *parts: str | int) -> Iterator[R]:
    """Every record whose key begins with these parts, in the order of the keys."""
    prefix = (table.key(*parts) + "/").encode()
    return (table.decode(data) for _, data in reader.scan(prefix, 1 << 62))


def keyed(reader: Reader, table: StateTable[R]) -> Iterator[tuple[str, R]]:
    """Every record of a table with its key, in the order of the keys."""
    prefix = f"{table.name}/"
    scanned = reader.scan(prefix.encode(), 1 << 62)
    return ((key.decode().removeprefix(prefix), table.decode(data)) for key, data in scanned)


def plain(value: Any) -> Any:
    """An answer as JSON has it: records and named tuples by their fields, bytes in hexadecimal."""
    if isinstance(value, Record):
        config = value.__struct_config__
        named = {} if config.tag is None or config.tag_field is None else {config.tag_field: config.tag}
        return named | {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if hasattr(value, "_asdict"):
        return plain(value._asdict())
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return value


def why_refused(reader: Reader, member: str, body: Body, block: Block) -> Refusal | None:
    """Why a member's transaction would be refused if it came now, or None; nothing is written."""
    account = find(reader, ACCOUNTS, member)
    draft = Draft(reader, block.chain, block.height, block.time)
    draft.sender, draft.number = member, account.low if account else 0
    try:
        HANDLERS[type(body)](draft, body)
    except Refusal as refusal:
        return refusal
    return None


def may_read(reader: Reader, member: str, kind: str) -> bool:
    """Whether a member may ask for records of this kind: any active one, unless the chain names roles."""
    known = find(reader, MEMBERS, member)
    if known is None or not known.active or kind not in TABLES:
        return False
    roles = dict(find_chain(reader).readers).get(kind)
    return roles is None or any(role in roles for role in known.roles)
