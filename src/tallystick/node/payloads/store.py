"""Where the bytes of models lie, by their hash: a folder that outlives a crash, or shared memory."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Protocol, final

HASH = re.compile(r"[0-9a-f]{64}")


class Payloads(Protocol):
    """Bytes by their SHA-256."""

    def put(self, data: bytes) -> bytes:
        """Keep these bytes; say their hash."""

    def get(self, name: bytes) -> bytes | None:
        """The bytes with this hash, or None; never others."""

    def have(self, name: bytes) -> bool:
        """Whether the bytes with this hash are here, whole."""


class Source(Protocol):
    """Where payloads come from that are not here: other nodes, mailboxes, custodians."""

    def fetch(self, names: Sequence[bytes]) -> Mapping[bytes, bytes]:
        """Those of these payloads that are to be had, by their hashes; whoever asks checks the bytes."""


@final
@dataclass
class PayloadsInMemory:
    """Payloads that many simulated members share; `withheld` are known by their hash and served to nobody."""

    kept: dict[bytes, bytes] = field(default_factory=dict)
    withheld: set[bytes] = field(default_factory=set)

    def put(self, data: bytes) -> bytes:
        name = sha256(data).digest()
        self.kept[name] = data
        return name

    def get(self, name: bytes) -> bytes | None:
        return None if name in self.withheld else self.kept.get(name)

    def have(self, name: bytes) -> bool:
        return name in self.kept and name not in self.withheld


@final
@dataclass(frozen=True)
class PayloadFolder:
    """Payloads as files; one is there whole, and on disk, or not at all."""

    path: Path

    def put(self, data: bytes) -> bytes:
        name = sha256(data).digest()
        if not self.have(name):  # nor where it was damaged
            write_durably(self._file(name), data)
        return name

    def get(self, name: bytes) -> bytes | None:
        try:
            data = self._file(name).read_bytes()
        except FileNotFoundError:
            return None
        # A file that was damaged on disk is as good as none: it is fetched again.
        return data if sha256(data).digest() == name else None

    def have(self, name: bytes) -> bool:
        return self.get(name) is not None

    def _file(self, name: bytes) -> Path:
        text = name.hex()
        if not HASH.fullmatch(text):
            raise ValueError(f"a payload is named by 32 bytes, not {len(name)}")
        return self.path / text[:2] / text


def write_durably(target: Path, data: bytes) -> None:
    """Write a file so that after a crash it is there whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    with draft.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
