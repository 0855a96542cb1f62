"""Canonical bytes: one value, one byte string; what does not re-encode to itself is not a value."""

from typing import Generic, TypeVar, dataclass_transform

import msgspec

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
