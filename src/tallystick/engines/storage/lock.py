"""One writer at a time: a lock on the ledger's folder that ends with the process that holds it."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import Final, final

from ..engine import EngineError, LedgerInUse, NoLedger

NAME: Final = "writer.lock"


@final
class WriterLock:
    """Held from construction until released; a second holder is refused and told who the first is."""

    def __init__(self, folder: Path, *, create: bool) -> None:
        if not create and not folder.is_dir():
            raise NoLedger(f"there is no ledger in {folder}; create one with a genesis")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._handle = os.open(folder / NAME, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise EngineError(
                f"{folder} cannot be written: {error.strerror}; choose another folder"
            ) from error
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(self._handle, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(self._handle)
            way = "; open it read-only, or end that process first"
            if holder == str(os.getpid()):
                way = ", which is this one; hand on what opened it (`ts.open`), or close that first"
            raise LedgerInUse(f"the ledger in {folder} is being written by process {holder}{way}") from None
        self.released = False
        with suppress(OSError):  # on a full disk the lock holds all the same
            os.ftruncate(self._handle, 0)
            os.pwrite(self._handle, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        if not self.released:
            os.close(self._handle)
            self.released = True
