"""Two different values of any type that the ledger's records are made of, drawn from the types themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from tallystick.base.codec import Record

R = TypeVar("R", bound=Record)
WORDS = (
    "ada",
    "bob",
    "*",
    "everyone",
    "leader",
    *(f"{kind}-{digit * 32}" for kind in ("unit", "ask") for digit in "01"),
)


def two_of(type_: Any) -> tuple[Any, Any]:
    """Two valid values that differ."""
    return _two(inspect.type_info(type_))


def sample(type_: type[R]) -> R:
    """A valid record with every field filled."""
    known = inspect.type_info(type_)
    assert isinstance(known, inspect.StructType) and known.cls is type_
    return type_(**_parts(known))


def flips(type_: type[Record]) -> Iterator[tuple[str, Record, Record]]:
    """For every field: its name, a record, and the same record with another value in that field."""
    known = inspect.type_info(type_)
    assert isinstance(known, inspect.StructType)
    for field in known.fields:
        one, other = _two(field.type)
        record = msgspec.structs.replace(_struct(known), **{field.name: one})
        yield field.name, record, msgspec.structs.replace(record, **{field.name: other})


def _parts(known: inspect.StructType) -> dict[str, Any]:
    return {field.name: _two(field.type)[0] for field in known.fields}


def _struct(known: inspect.StructType) -> Record:
    assert issubclass(known.cls, Record)
    return known.cls(**_parts(known))


def _two(known: inspect.Type) -> tuple[Any, Any]:
    match known:
        case inspect.BoolType():
            return False, True
        case inspect.NoneType():
            return None, None
        case inspect.IntType():
            low = known.ge if known.ge is not None else 0
            return low, low + 1
        case inspect.StrType():
            fitting = [word for word in WORDS if known.pattern is None or re.search(known.pattern, word)]
            return fitting[0], fitting[1]
        case inspect.BytesType():
            size = known.min_length or 0
            return b"\x00" * size, b"\x01" * max(size, 1)
        case inspect.LiteralType():
            values = sorted(known.values)
            return values[0], values[1]
        case inspect.VarTupleType():
            one, other = _two(known.item_type)
            return (one,), (other,)
        case inspect.TupleType():
            pairs = [_two(item) for item in known.item_types]
            return tuple(one for one, _ in pairs), tuple(other for _, other in pairs)
        case inspect.UnionType():
            options = [option for option in known.types if not isinstance(option, inspect.NoneType)]
            one, other = _two(options[0])
            return one, None if len(options) < len(known.types) else _two(options[1])[0] if options[
                1:
            ] else other
        case inspect.StructType():
            whole = _struct(known)
            for field in known.fields:
                one, other = _two(field.type)
                if one != other:
                    return whole, msgspec.structs.replace(whole, **{field.name: other})
            return whole, whole
    raise TypeError(f"no samples of {known}")


def records_in(*types: Any) -> list[type[Record]]:
    """Every kind of record that these types are, or are made of, once each and by name."""
    found: dict[str, type[Record]] = {}
    waiting = [inspect.type_info(type_) for type_ in types]
    while waiting:
        known = waiting.pop()
        match known:
            case inspect.StructType():
                assert issubclass(known.cls, Record)
                if known.cls.__name__ not in found:
                    found[known.cls.__name__] = known.cls
                    waiting += [field.type for field in known.fields]
            case inspect.UnionType():
                waiting += known.types
            case inspect.VarTupleType():
                waiting.append(known.item_type)
            case inspect.TupleType():
                waiting += known.item_types
    return [found[name] for name in sorted(found)]
