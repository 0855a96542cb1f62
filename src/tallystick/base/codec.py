"""Canonical bytes: one value, one byte string; what does not re-encode to itself is not a value."""

import re
from typing import Any, Generic, NamedTuple, TypeVar, dataclass_transform

import msgspec
from msgspec.structs import fields

_encoder = msgspec.msgpack.Encoder(order="deterministic")
encode = _encoder.encode

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(msgspec.field,))
class Record(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A frozen, typed value whose fields travel as an array in the order in which they are written."""


class Malformed(Exception):
    """These bytes are not the canonical encoding of the value they should hold."""


class Decoder(Generic[T]):
    """Decode, re-encode, compare: refuses trailing bytes, other widths, duplicate keys, wrong ranges."""

    def __init__(self, type_: type[T]) -> None:
        self._decode = msgspec.msgpack.Decoder(type_).decode

    def __call__(self, data: bytes) -> T:
        try:
            value = self._decode(data)
            same = encode(value) == data
        except (msgspec.MsgspecError, ValueError, OverflowError) as error:
            raise Malformed(str(error)) from None
        if not same:
            raise Malformed("the bytes are not the canonical encoding of their value")
        return value


class Misfit(NamedTuple):
    """What a decoder refused in a record: the way there by fields and places, the value, and why."""

    path: tuple[str | int, ...]
    value: object
    reason: str


def misfit(record: Record, message: str) -> Misfit:
    """What a decoder's message refuses in this record, since it names places of an array, not fields."""
    reason, _, places = message.partition(" - at ")
    value: Any = record
    path: list[str | int] = []
    for place in map(int, re.findall(r"\[(\d+)\]", places)):
        if isinstance(value, Record):
            tagged = value.__struct_config__.tag is not None
            path.append(fields(value)[place - tagged].name)
            value = getattr(value, str(path[-1]))
        else:
            path.append(place)
            value = value[place]
    return Misfit(tuple(path), value, reason)
