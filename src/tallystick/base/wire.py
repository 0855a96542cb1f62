"""Protobuf bytes, read and written by hand: what CometBFT signs, sends and asks, for light client and engine.

It needs the standard library alone. Zero scalars are left out; embedded messages are always there.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, Generic, TypeVar

INT, BYTES, TEXT = "number", "bytes", "text"
WIDTH: Final = 2**64
Fields = dict[int, list[int | bytes | None]]
Value = TypeVar("Value")
Default = TypeVar("Default", int, bytes)


class BrokenBytes(Exception):
    """These bytes are no message, or not in its one valid form; the message says why."""


# Reading


def varint(data: bytes | bytearray | memoryview, at: int) -> tuple[int, int]:
    """The number at a place, and the place after it; an IndexError where the bytes end too early."""
    byte = data[at]
    if byte < 128:
        return byte, at + 1
    value, shift = byte & 127, 7
    while True:
        at += 1
        byte = data[at]
        value |= (byte & 127) << shift
        if byte < 128:
            return value % WIDTH, at + 1
        shift += 7
        if shift > 63:
            raise BrokenBytes("a number of more than 64 bits")


def fields(data: bytes) -> Fields:
    """A message's values by the numbers of their fields; fixed-width ones never concern us and are None."""
    values: Fields = {}
    at, end = 0, len(data)
    try:
        while at < end:
            tag, at = varint(data, at)
            kind = tag & 7
            if kind == 2:
                size, at = varint(data, at)
                value: int | bytes | None = data[at : at + size]
                if at + size > end:
                    raise BrokenBytes("a field ends too early")
                at += size
            elif kind == 0:
                value, at = varint(data, at)
            else:
                value, at = None, at + (8 if kind == 1 else 4)
            values.setdefault(tag >> 3, []).append(value)
    except IndexError:
        raise BrokenBytes("a message ends too early") from None
    return values


def value_of(values: Fields, field: int, default: Default) -> Default:
    """The last value of a field, which is of its default's type; the default where it was left out."""
    if field not in values:
        return default
    value = values[field][-1]
    if not isinstance(value, type(default)):
        raise BrokenBytes(f"field {field} is not a {type(default).__name__}")
    return signed(value) if isinstance(value, int) else value


def all_of(values: Fields, field: int) -> tuple[bytes, ...]:
    """All values of a field that repeats: bytes, or messages."""
    given = values.get(field, [])
    items = tuple(value for value in given if isinstance(value, bytes))
    if len(items) < len(given):
        raise BrokenBytes(f"field {field} holds something else than bytes")
    return items


def signed(value: int) -> int:
    """A 64-bit number as it was meant: the upper half is negative."""
    return value - WIDTH if value >= WIDTH // 2 else value


# Writing


def number(value: int) -> bytes:
    """A number in as few bytes as it needs."""
    value %= WIDTH
    if value < 128:
        return bytes((value,))
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def integer(field: int, value: int) -> bytes:
    """A field with a number; nothing for zero."""
    if not -(WIDTH // 2) <= value < WIDTH // 2:
        raise BrokenBytes(f"{value} does not fit in 64 bits")
    return number(field << 3) + number(value) if value else b""


def delimited(field: int, body: bytes) -> bytes:
    """A field with bytes, or a message, of any length."""
    return number(field << 3 | 2) + number(len(body)) + body


def message(values: Mapping[int, int | bytes | str | list[bytes] | None]) -> bytes:
    """A message of fields by their numbers; zeros and empty values are left out, lists repeat."""
    out = []
    for field, value in values.items():
        if isinstance(value, int):
            out.append(integer(field, value))
            continue
        for item in value if isinstance(value, list) else [value] if value else []:
            out.append(delimited(field, item.encode() if isinstance(item, str) else item or b""))
    return b"".join(out)


# Messages with one valid form


class Message(Generic[Value]):
    """How a value splits into fields, numbered from 1, of these kinds ([kind]: repeated)."""

    refusal: type[Exception] = BrokenBytes  # what is raised where bytes or values are none of this message

    def __init__(self, name: str, make: Callable[..., Value], *kinds: Any, split: Any = tuple) -> None:
        self.name, self.make, self.kinds, self.split = name, make, kinds, split

    def encode(self, value: Value) -> bytes:
        """The value's bytes in their one valid form."""
        out = []
        try:
            for field, (kind, part) in enumerate(zip(self.kinds, self.split(value), strict=True), 1):
                if isinstance(kind, list):
                    out += [delimited(field, _body(kind[0], item)) for item in part]
                elif kind is INT:
                    out.append(integer(field, part))
                elif part or isinstance(kind, Message):
                    out.append(delimited(field, _body(kind, part)))
        except BrokenBytes as error:
            raise self.refusal(str(error)) from None
        return b"".join(out)

    def decode(self, data: bytes) -> Value:
        """Accepts exactly the bytes that `encode` writes."""
        values: list[Any] = []
        try:
            written = fields(data)
            for field, kind in enumerate(self.kinds, 1):
                items = written.get(field, [])
                if isinstance(kind, list):
                    values.append(tuple([_part(kind[0], item) for item in items]))
                else:
                    values.append(_part(kind, items[-1] if items else 0 if kind is INT else b""))
        except BrokenBytes as error:
            raise self.refusal(str(error)) from None
        value = self.make(*values)
        if self.encode(value) != data:
            raise self.refusal(f"the {self.name} is not written in its one valid form")
        return value


def _body(kind: Any, value: Any) -> Any:
    if isinstance(kind, Message):
        return kind.encode(value)
    return value.encode("utf-8", "surrogatepass") if kind is TEXT else value


def _part(kind: Any, raw: Any) -> Any:
    if raw is None or isinstance(raw, int) != (kind is INT):
        raise BrokenBytes("a number and bytes stand in each other's place")
    if kind is INT:
        return signed(raw)
    if isinstance(kind, Message):
        return kind.decode(raw)
    return raw.decode("utf-8", "replace") if kind is TEXT else raw
