"""What a learner remembers, to bytes and back: arrays in dicts, lists and tuples, exactly as they were."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import msgspec
import numpy as np

from .learner import Memory


class BadMemory(ValueError):
    """A learner remembers what cannot be kept on disk, or the bytes on disk are no memory."""


def encode_memory(memory: Memory) -> bytes:
    """The bytes of a memory; whatever is no array, number, text or container of them is refused."""
    return msgspec.msgpack.encode(_described(memory, "memory"))


def decode_memory(data: bytes, like: Memory) -> Memory:
    """A memory of these bytes; `like`, as a learner begins, says which of its tuples have named fields."""
    try:
        return _rebuilt(msgspec.msgpack.decode(data), like)
    except (msgspec.DecodeError, ValueError, TypeError, LookupError) as error:
        raise BadMemory(f"these bytes are no memory of a learner: {error}") from None


def _described(part: Any, where: str) -> list[Any]:
    if part is None or isinstance(part, bool | int | float | str | bytes):
        return ["value", part]
    if isinstance(part, Mapping):
        strange = [key for key in part if not isinstance(key, str)]
        if strange:
            raise BadMemory(f"{where} has the key {strange[0]!r}; keys are text")
        return ["dict", [[key, _described(inner, f"{where}.{key}")] for key, inner in part.items()]]
    if isinstance(part, list | tuple):
        kind = "list" if isinstance(part, list) else "tuple"
        return [kind, [_described(inner, f"{where}[{place}]") for place, inner in enumerate(part)]]
    if not isinstance(part, np.ndarray | np.generic | jax.Array):
        raise BadMemory(f"{where} is a {type(part).__name__}; only arrays, numbers and text can be kept")
    array = np.asarray(part)
    if array.dtype.hasobject or array.dtype.names:
        raise BadMemory(f"{where} is an array of {array.dtype}; only numbers can be kept")
    return ["array", array.dtype.name, list(array.shape), array.tobytes()]


def _rebuilt(node: Any, like: Any) -> Any:
    match node:
        case ["value", value]:
            return value
        case ["dict", items]:
            known = like if isinstance(like, Mapping) else {}
            return {key: _rebuilt(inner, known.get(key)) for key, inner in items}
        case ["list" | "tuple" as kind, items]:
            alike = isinstance(like, list | tuple) and len(like) == len(items)
            near = like if alike else [None] * len(items)
            parts = [_rebuilt(inner, part) for inner, part in zip(items, near, strict=True)]
            if kind == "list":
                return parts
            return type(like)(*parts) if alike and hasattr(like, "_fields") else tuple(parts)
        case ["array", name, shape, data]:
            return np.frombuffer(data, np.dtype(name)).reshape(shape).copy()
    raise ValueError("an unknown kind of part")
