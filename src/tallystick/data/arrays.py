"""Arrays from IDX, NPY and NPZ files: mapped from disk where they lie unpacked, never unpickled."""

from __future__ import annotations

import struct
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np

from tallystick.data.bounded import CHUNK, LIMITS, FileLimits, present, unpacked
from tallystick.data.refusals import HoldsCode, TooLarge, Unreadable
from tallystick.data.schema import Array

# The IDX format's third byte (the MNIST page): what one value is, big-endian.
IDX_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
IDX_DIMENSIONS = 8
NPY_START = b"\x93NUMPY"
# What NumPy's reader of headers, which parses a Python literal, raises on damaged ones.
HEADER_ERRORS = (
    ValueError,
    SyntaxError,
    TypeError,
    EOFError,
    tokenize.TokenError,
    RecursionError,
    MemoryError,
)
LOCAL_HEADER = struct.Struct("<4s5H3I2H")  # ZIP, section 4.3.7


def idx_header(stream: IO[bytes], name: str) -> tuple[np.dtype[Any], tuple[int, ...], int]:
    """Type, shape and the length of the header itself."""
    start = stream.read(4)
    if len(start) < 4 or start[:2] != b"\0\0" or start[2] not in IDX_TYPES:
        raise Unreadable(f"{name} does not begin like an IDX file (00 00 type dimensions)")
    dimensions = start[3]
    if not 1 <= dimensions <= IDX_DIMENSIONS:
        raise Unreadable(f"{name} has {dimensions} dimensions; IDX files here have 1 to {IDX_DIMENSIONS}")
    sizes = stream.read(4 * dimensions)
    if len(sizes) < 4 * dimensions:
        raise Unreadable(f"{name} ends within its header")
    return np.dtype(IDX_TYPES[start[2]]), struct.unpack(f">{dimensions}I", sizes), 4 + 4 * dimensions


def product(shape: tuple[int, ...]) -> int:
    """The number of values, in integers that do not overflow."""
    total = 1
    for size in shape:
        total *= size
    return total


def ensure_fits(size: int, limits: FileLimits, name: str) -> None:
    if size > limits.memory:
        raise TooLarge(f"{name} says it holds {size:,} bytes; at most {limits.memory:,} are read into memory")


def read_idx(path: Path, limits: FileLimits = LIMITS) -> Array:
    """An IDX file, plain (mapped) or packed as .gz or .xz (in memory)."""
    with unpacked(path, limits.memory + CHUNK) as stream:
        kind, shape, header = idx_header(stream, path.name)
        size = product(shape) * kind.itemsize
        if path.suffix not in (".gz", ".xz"):
            if path.stat().st_size != header + size:
                raise Unreadable(
                    f"{path.name} should hold {size:,} bytes after its header and holds "
                    f"{path.stat().st_size - header:,}"
                )
            return np.memmap(path, kind, "r", header, shape) if size else np.empty(shape, kind)
        ensure_fits(size, limits, path.name)
        content = stream.read(size)
        if len(content) < size or stream.read(1):
            there = f"only {len(content):,}" if len(content) < size else "more"
            raise Unreadable(f"{path.name} should hold {size:,} bytes after its header and holds {there}")
    return np.frombuffer(content, kind).reshape(shape)


def npy_header(stream: IO[bytes], name: str) -> tuple[np.dtype[Any], tuple[int, ...], bool]:
    """Type, shape and whether columns come first; an array of Python objects is refused."""
    try:
        version = np.lib.format.read_magic(stream)
        read = (
            np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        )
        shape, by_columns, kind = read(stream)
    except HEADER_ERRORS as error:
        raise Unreadable(f"{name} is not a sound NPY file: {error}") from None
    if kind.hasobject:
        raise HoldsCode(
            f"{name} holds Python objects as a pickle, and opening one runs whatever code it holds; "
            "save it as numbers or text"
        )
    if any(size < 0 for size in shape):
        raise Unreadable(f"{name} has the shape {shape}")
    return kind, shape, by_columns


def read_npy(path: Path) -> Array:
    """An NPY file, mapped."""
    with present(path).open("rb") as file:
        kind, shape, by_columns = npy_header(file, path.name)
        return mapped(
            path, kind, shape, by_columns, file.tell(), path.stat().st_size - file.tell(), path.name
        )


def mapped(
    path: Path, kind: np.dtype[Any], shape: tuple[int, ...], by_columns: bool, at: int, there: int, name: str
) -> Array:
    """The array that lies in `there` bytes of a file from `at` on, without reading it."""
    size = product(shape) * kind.itemsize
    if there != size:
        raise Unreadable(f"{name} should hold {size:,} bytes of values and holds {there:,}")
    return (
        np.memmap(path, kind, "r", at, shape, "F" if by_columns else "C") if size else np.empty(shape, kind)
    )


def read_npz(path: Path, limits: FileLimits = LIMITS) -> dict[str, Array]:
    """The arrays of an NPZ file by name: mapped where stored plain, unpacked within the limits elsewhere."""
    try:
        with zipfile.ZipFile(present(path)) as archive:
            entries = archive.infolist()
            if len(entries) > limits.members:
                raise TooLarge(
                    f"{path.name} holds {len(entries):,} arrays; at most {limits.members:,} are read"
                )
            if any(entry.flag_bits & 1 for entry in entries):
                raise Unreadable(f"{path.name} is encrypted; save it without a password")
            ensure_fits(sum(entry.file_size for entry in entries if entry.compress_type), limits, path.name)
            names = [entry.filename.removesuffix(".npy") for entry in entries]
            if len(set(names)) < len(names):
                raise Unreadable(f"{path.name} holds two arrays of one name")
            return {name: npz_array(path, archive, entry) for name, entry in zip(names, entries, strict=True)}
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, OSError, struct.error) as error:
        raise Unreadable(f"{path.name} is not a sound NPZ file: {error}") from None


def npz_array(path: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Array:
    """One array of an archive; its stated size is compared with its header before anything is unpacked."""
    name = f"{entry.filename} in {path.name}"
    with archive.open(entry) as stream:
        if stream.read(len(NPY_START)) != NPY_START:
            raise HoldsCode(f"{name} is not an NPY array; nothing else in an archive is opened")
        stream.seek(0)
        kind, shape, by_columns = npy_header(stream, name)
        begun, size = stream.tell(), product(shape) * kind.itemsize
        if entry.file_size != begun + size:
            raise Unreadable(
                f"{name} should hold {size:,} bytes of values and says {entry.file_size - begun:,}"
            )
        if entry.compress_type == zipfile.ZIP_STORED:
            with path.open("rb") as file:
                file.seek(entry.header_offset)
                fields = LOCAL_HEADER.unpack(file.read(LOCAL_HEADER.size))
            at = entry.header_offset + LOCAL_HEADER.size + fields[9] + fields[10] + begun
            return mapped(path, kind, shape, by_columns, at, min(size, path.stat().st_size - at), name)
        content = stream.read(size)  # zipfile checks the CRC and gives no byte above file_size
    if len(content) != size:
        raise Unreadable(f"{name} should hold {size:,} bytes of values and holds {len(content):,}")
    return np.frombuffer(content, kind).reshape(shape, order="F" if by_columns else "C")
