"""Packed bytes unpacked within a limit: reading stops at the first byte above it.

A few kilobytes of gzip or xz may stand for gigabytes; what a file says of its own size is never believed.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import lzma
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tallystick.data.refusals import DataError, HoldsCode, MissingData, TooLarge, Unreadable

CHUNK = 1 << 20
PICKLE_ENDINGS = {".pkl", ".pickle", ".p", ".pt", ".pth", ".joblib", ".sav", ".dill"}
PICKLE_STARTS = tuple(b"\x80" + bytes([protocol]) for protocol in range(2, 6))


@dataclass(frozen=True, slots=True)
class FileLimits:
    """How much one file may take: bytes once unpacked, columns of a table, arrays in an archive."""

    memory: int = 4 << 30
    columns: int = 20_000
    members: int = 1_000


LIMITS = FileLimits()


class Bounded(io.RawIOBase):
    """A stream that refuses to give more than `limit` bytes."""

    def __init__(self, inner: IO[bytes] | gzip.GzipFile | lzma.LZMAFile, limit: int, name: str) -> None:
        self.inner, self.limit, self.name, self.given = inner, limit, name, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self.inner.read(min(len(buffer), CHUNK))
        self.given += len(piece)
        if self.given > self.limit:
            raise TooLarge(f"{self.name} unpacks to more than the {self.limit:,} bytes allowed for it")
        buffer[: len(piece)] = piece
        return len(piece)


@contextmanager
def unpacked(path: Path, limit: int) -> Iterator[io.BufferedReader]:
    """The bytes of a file, of what a .gz or .xz file holds; a broken file is refused by name."""
    with present(path).open("rb") as packed:
        inner: IO[bytes] | gzip.GzipFile | lzma.LZMAFile = packed
        if path.suffix == ".gz":
            inner = gzip.GzipFile(fileobj=packed)
        elif path.suffix == ".xz":
            inner = lzma.LZMAFile(packed)  # noqa: SIM115  (closed with `packed`)
        try:
            yield io.BufferedReader(Bounded(inner, limit, path.name), CHUNK)
        except DataError:
            raise
        except MemoryError:
            raise TooLarge(f"{path.name} asks for more memory than there is") from None
        except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
            raise Unreadable(f"{path.name} is broken: {error}") from None


def present(path: Path) -> Path:
    """The path of a file that is there."""
    if not path.is_file():
        raise MissingData(f"there is no file {path}")
    return path


def ensure_no_pickle(path: Path) -> None:
    """Refuse, by name and by first bytes, what runs code when it is opened."""
    endings = {ending.lower() for ending in path.suffixes}
    with path.open("rb") as file:
        start = file.read(2)
    if endings & PICKLE_ENDINGS or start in PICKLE_STARTS:
        raise HoldsCode(
            f"{path.name} is a pickle, and opening one runs whatever code it holds; "
            "save the data as Parquet, CSV or NPZ instead"
        )


def content_digest(path: Path, limit: int) -> tuple[str, int]:
    """SHA-256 and size of what a file holds once unpacked."""
    state, size = hashlib.sha256(), 0
    with unpacked(path, limit) as stream:
        while piece := stream.read(CHUNK):
            state.update(piece)
            size += len(piece)
    return state.hexdigest(), size


def file_digest(path: Path) -> str:
    """SHA-256 of a file as it lies on disk."""
    with present(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
