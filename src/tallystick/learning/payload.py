"""Models to bytes and back: `safetensors` whose header names member, request, round and plan.

Bytes from outside are checked before anything is used: size, header, names, types, shapes, offsets, values.
There is one encoding of a model (the header is compared with the one that would be written), so the SHA-256
of a payload is a commitment bound to its author, request and round. Arrays are views of the bytes: decoding
takes hardly more memory than the payload itself.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

import numpy as np
import numpy.typing as npt

from .spec import BadPayload, Spec, refuse
from .trees.arrays import are_trees, forest_of

__all__ = [
    "BadPayload",
    "PayloadHeader",
    "PayloadLimits",
    "Spec",
    "commitment",
    "decode",
    "encode",
    "read",
    "specs_of",
]

Array: TypeAlias = npt.NDArray[Any]
TYPES: dict[str, np.dtype[Any]] = {
    "F64": np.dtype("<f8"), "F32": np.dtype("<f4"), "F16": np.dtype("<f2"),
    "I64": np.dtype("<i8"), "I32": np.dtype("<i4"), "I16": np.dtype("<i2"), "I8": np.dtype("i1"),
    "U32": np.dtype("<u4"), "U16": np.dtype("<u2"), "U8": np.dtype("u1"), "BOOL": np.dtype("?"),
}  # fmt: skip
TYPE_NAMES = {kind: name for name, kind in TYPES.items()}
MAX_HEADER = 1 << 20
MAX_DIMENSIONS = 8
NAME = re.compile(r"[A-Za-z0-9_.:/-]{1,200}")
WORD = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
AT_A_TIME = 1 << 20  # values checked at a time, so that checking takes little memory
FORMAT = "tallystick-1"


@dataclass(frozen=True, slots=True)
class PayloadHeader:
    """What a payload is bound to; `plan` is the digest of the plan, in hex."""

    member: str
    request: str
    round: int
    plan: str

    def fields(self) -> dict[str, str]:
        return {
            "format": FORMAT,
            "member": self.member,
            "plan": self.plan,
            "request": self.request,
            "round": str(self.round),
        }


@dataclass(frozen=True, slots=True)
class PayloadLimits:
    """What a payload may be at most; values beyond `largest` are no weights of a model that was trained."""

    size: int = 1 << 30
    tensors: int = 4096
    largest: float = 1e6
    subnormal: float = 0.01  # share of floats so small that processors slow down on them


LIMITS = PayloadLimits()


def specs_of(tensors: Mapping[str, Any]) -> dict[str, Spec]:
    """What models of the same task and learner must look like; a length of 0 is one that grows (trees)."""
    return {
        name: Spec(type_name(name, np.asarray(part)), tuple(length or None for length in part.shape))
        for name, part in tensors.items()
    }


def commitment(payload: bytes) -> bytes:
    """The digest that a member posts; it is bound to the member because the payload begins with its name."""
    return hashlib.sha256(payload).digest()


def type_name(name: str, array: Array) -> str:
    kind = array.dtype.newbyteorder("<")
    return TYPE_NAMES.get(kind) or refuse(
        "type", f"{name!r} has type {array.dtype}; a model has {', '.join(TYPES)}"
    )


def encode(header: PayloadHeader, tensors: Mapping[str, Any], limits: PayloadLimits = LIMITS) -> bytes:
    """The one byte string of a model; what others would refuse is refused here."""
    ensure_words(header)
    arrays = {name: np.asarray(part) for name, part in tensors.items()}
    entries = {name: (type_name(name, part), part.shape) for name, part in arrays.items()}
    for name, part in arrays.items():
        if not NAME.fullmatch(name):
            refuse("name", f"{name!r} is no name of a tensor: letters, digits and _.:/- only, at most 200")
        ensure_values(name, part, limits)
    written = header_bytes(header, entries)
    parts = [len(written).to_bytes(8, "little"), written]
    for name in order_of(entries):
        kind = TYPES[entries[name][0]]
        parts.append(np.ascontiguousarray(arrays[name], dtype=kind).tobytes())
    payload = b"".join(parts)
    ensure_size(len(payload), limits)
    return payload


def order_of(entries: Mapping[str, tuple[str, tuple[int, ...]]]) -> list[str]:
    """The order of the `safetensors` library: wide types first, so that all are aligned, then by name."""
    return sorted(entries, key=lambda name: (-TYPES[entries[name][0]].itemsize, name))


def header_bytes(header: PayloadHeader, entries: Mapping[str, tuple[str, tuple[int, ...]]]) -> bytes:
    """The JSON header with its padding, the same for the same content."""
    listed: dict[str, Any] = {"__metadata__": header.fields()}
    at = 0
    for name in order_of(entries):
        kind, shape = entries[name]
        end = at + size_of(kind, shape)
        listed[name] = {"dtype": kind, "shape": list(shape), "data_offsets": [at, end]}
        at = end
    written = json.dumps(listed, separators=(",", ":"), ensure_ascii=True).encode()
    return written + b" " * (-len(written) % 8)


def size_of(kind: str, shape: tuple[int, ...]) -> int:
    size = TYPES[kind].itemsize
    for length in shape:
        size *= length
    return size


def decode(
    payload: bytes,
    expected: Mapping[str, Spec],
    header: PayloadHeader | None = None,
    limits: PayloadLimits = LIMITS,
) -> tuple[PayloadHeader, dict[str, Array]]:
    """The model in a payload, or `BadPayload`; with `header`, it must be bound to exactly that."""
    ensure_size(len(payload), limits)
    written, start = split(payload)
    listed = parsed(written)
    bound = bound_to(listed.pop("__metadata__", None))
    if header is not None and bound != header:
        refuse("binding", f"the payload is {bound}, not {header}")
    entries = checked_entries(listed, limits)
    ensure_expected(entries, expected)
    ensure_layout(listed, entries, len(payload) - start)
    if written != header_bytes(bound, entries):
        refuse("header", "the header is not written in the one way in which this content is written")
    tensors = {}
    for name, (kind, shape) in entries.items():
        at, end = listed[name]["data_offsets"]
        raw = np.frombuffer(payload, np.uint8, end - at, start + at)
        if kind == "BOOL" and raw.size and raw.max() > 1:
            refuse("value", f"{name!r} holds a byte that is neither true nor false")
        tensors[name] = raw.view(TYPES[kind]).reshape(shape)
        ensure_values(name, tensors[name], limits)
    if are_trees(tensors):
        forest_of(tensors)
    return bound, tensors


def read(
    path: str | Path,
    expected: Mapping[str, Spec],
    header: PayloadHeader | None = None,
    limits: PayloadLimits = LIMITS,
) -> tuple[PayloadHeader, dict[str, Array]]:
    """The model in a file, whose size is looked at before it is read."""
    path = Path(path)
    try:
        ensure_size(path.stat().st_size, limits)
        return decode(path.read_bytes(), expected, header, limits)
    except OSError as error:
        refuse("size", f"{path.name} cannot be read: {error.strerror}")


def ensure_size(size: int, limits: PayloadLimits) -> None:
    if size > limits.size:
        refuse("size", f"{size:,} bytes; at most {limits.size:,} are allowed")


def split(payload: bytes) -> tuple[bytes, int]:
    """The header's bytes and where the values begin."""
    if len(payload) < 10:
        refuse("size", f"{len(payload)} bytes are too few for a header")
    length = int.from_bytes(payload[:8], "little")
    if length > MAX_HEADER:
        refuse("header", f"a header of {length:,} bytes; at most {MAX_HEADER:,} are allowed")
    if length % 8 or 8 + length > len(payload):
        refuse("header", f"a header of {length:,} bytes does not fit a payload of {len(payload):,}")
    return payload[8 : 8 + length], 8 + length


def parsed(written: bytes) -> dict[str, Any]:
    """The header as a dictionary; a key that comes twice, NaN and infinity are refused."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        entries = dict(pairs)
        if len(entries) < len(pairs):
            refuse("header", "a key comes twice")
        return entries

    def strange(text: str) -> NoReturn:
        refuse("header", f"{text} is no number of a header")

    try:
        header = json.loads(written.decode("ascii"), object_pairs_hook=once, parse_constant=strange)
    except BadPayload:
        raise
    except (ValueError, RecursionError) as error:
        refuse("header", f"not JSON in ASCII ({type(error).__name__})")
    if not isinstance(header, dict):
        refuse("header", "the header is no object")
    return header


def bound_to(metadata: Any) -> PayloadHeader:
    """The member, request, round and plan that the header names."""
    keys = set(PayloadHeader("", "", 0, "").fields())
    if not isinstance(metadata, dict) or set(metadata) != keys:
        refuse("binding", f"the header must name {', '.join(sorted(keys))}")
    if not all(isinstance(value, str) for value in metadata.values()) or metadata["format"] != FORMAT:
        refuse("binding", f"the format is not {FORMAT}")
    if not re.fullmatch(r"0|[1-9][0-9]{0,8}", metadata["round"], re.ASCII):
        refuse("binding", f"{metadata['round'][:40]!r} is no number of a round")
    header = PayloadHeader(metadata["member"], metadata["request"], int(metadata["round"]), metadata["plan"])
    ensure_words(header)
    return header


def ensure_words(header: PayloadHeader) -> None:
    for word in (header.member, header.request, header.plan):
        if not WORD.fullmatch(word):
            refuse("binding", f"{word[:40]!r} is no name of a member, request or plan")
    if not 0 <= header.round < 10**9:
        refuse("binding", f"{header.round} is no number of a round")


def checked_entries(
    listed: Mapping[str, Any], limits: PayloadLimits
) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Type and shape of every tensor, each of a kind that may occur."""
    if len(listed) > limits.tensors:
        refuse("size", f"{len(listed):,} tensors; at most {limits.tensors:,} are allowed")
    entries = {}
    for name, entry in listed.items():
        if not NAME.fullmatch(name):
            refuse("name", f"{name[:40]!r} is no name of a tensor")
        if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
            refuse("header", f"{name!r} must have dtype, shape and data_offsets, and nothing else")
        kind, shape = entry["dtype"], entry["shape"]
        if not isinstance(kind, str) or kind not in TYPES:
            refuse("type", f"{name!r} has type {str(kind)[:20]!r}; a model has {', '.join(TYPES)}")
        for numbers, most in ((shape, MAX_DIMENSIONS), (entry["data_offsets"], 2)):
            if not isinstance(numbers, list) or len(numbers) > most:
                refuse("shape", f"{name!r} has no list of at most {most} numbers where one must be")
            if any(type(number) is not int or not 0 <= number <= limits.size for number in numbers):
                refuse(
                    "shape", f"{name!r} has a length or offset that is no whole number up to {limits.size:,}"
                )
        entries[name] = (kind, tuple(shape))
    return entries


def ensure_expected(entries: Mapping[str, tuple[str, tuple[int, ...]]], expected: Mapping[str, Spec]) -> None:
    """Refuse a model that is not of the plan's learner and task."""
    for name in expected:
        if name not in entries:
            refuse("schema", f"{name!r} is missing")
    for name, (kind, shape) in entries.items():
        if name not in expected:
            refuse("schema", f"{name!r} does not belong to this model")
        spec = expected[name]
        fits = len(shape) == len(spec.shape) and all(
            size in (None, length) for size, length in zip(spec.shape, shape, strict=True)
        )
        if kind != spec.kind or not fits:
            refuse("schema", f"{name!r} is {kind} {list(shape)}, not {spec.kind} {list(spec.shape)}")


def ensure_layout(
    listed: Mapping[str, Any], entries: Mapping[str, tuple[str, tuple[int, ...]]], there: int
) -> None:
    """The values of all tensors one after the other, no gap, no overlap, nothing behind them."""
    at = 0
    for name in order_of(entries):
        end = at + size_of(*entries[name])
        if listed[name]["data_offsets"] != [at, end]:
            refuse("layout", f"{name!r} should lie at {at} to {end}")
        at = end
    if at != there:
        refuse("layout", f"the tensors take {at:,} bytes and {there:,} follow the header")


def ensure_values(name: str, array: Array, limits: PayloadLimits) -> None:
    """Refuse NaN, infinity, values that no training gives, and floods of numbers below the normal range."""
    if array.dtype.kind != "f":
        return
    least = np.finfo(array.dtype).tiny
    flat = array.reshape(-1)
    small = 0
    for start in range(0, flat.size, AT_A_TIME):
        size = np.abs(flat[start : start + AT_A_TIME])
        most = float(size.max())
        if not np.isfinite(most):
            refuse("value", f"{name!r} holds a value that is not finite")
        if most > limits.largest:
            refuse("value", f"{name!r} holds a value beyond ±{limits.largest:g}")
        small += int(np.count_nonzero((size < least) & (size > 0)))
    if small > max(16, limits.subnormal * flat.size):
        refuse("value", f"{name!r} holds {small:,} numbers below {least:g}, which slow processors down")
