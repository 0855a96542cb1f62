"""What the engine asks of files, behind one seam, so that tests can put faults in its way."""

import os
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Appending changes a file's size, which fdatasync writes too; not every system has it.
_sync: Callable[[int], None] = getattr(os, "fdatasync", os.fsync)


def _nothing(_point: str) -> None:
    return None


@dataclass(frozen=True)
class Disk:
    """The calls that can fail or stop half-way; `reached` hears the name of each point between them."""

    write: Callable[[int, Any], int] = os.write
    sync: Callable[[int], None] = _sync
    truncate: Callable[[int, int], None] = os.ftruncate
    replace: Callable[[Path, Path], None] = os.replace
    connect: Callable[..., sqlite3.Connection] = sqlite3.connect
    reached: Callable[[str], None] = _nothing

    def write_all(self, handle: int, data: bytes) -> None:
        """Write every byte, however few the system takes at a time."""
        rest = memoryview(data)
        while rest:
            taken = self.write(handle, rest)
            if taken <= 0:
                raise OSError(f"the disk took none of {len(rest)} bytes")
            rest = rest[taken:]

    def sync_folder(self, folder: Path) -> None:
        """Make new and renamed names in a folder durable."""
        handle = os.open(folder, os.O_RDONLY)
        try:
            self.sync(handle)
        finally:
            os.close(handle)


DISK = Disk()
