"""Let a disk fail at its k-th call, for every k, then see that the ledger stays usable and keeps its word."""

import errno
import os
import resource
import shutil
import signal
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tallystick.engines.engine import EngineError
from tallystick.engines.storage.disk import DISK, Disk
from tallystick.engines.storage.opening import StorageSettings
from tests.faults.subject import Subject

BLOCKS = 7


@dataclass
class Toll:
    """What the failures did."""

    failures: int = 0  # runs in which a call failed
    acknowledged: int = 0
    wrong: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Fault:
    """How a call fails: with which error, before or after it took effect, or half-way."""

    name: str
    error: int
    sqlite: str
    when: str  # before | after | half


FAULTS = (
    Fault("full", errno.ENOSPC, "SQLITE_FULL", "before"),
    Fault("full half-way", errno.ENOSPC, "SQLITE_FULL", "half"),
    Fault("broken", errno.EIO, "SQLITE_IOERR", "before"),
    Fault("broken, yet done", errno.EIO, "SQLITE_IOERR", "after"),
)


class Countdown:
    """Fails one call, the k-th; with `for_good` all that follow as well."""

    def __init__(self, fault: Fault, k: int, for_good: bool) -> None:
        self.fault, self.left, self.for_good, self.fired = fault, k, for_good, False

    def now(self) -> bool:
        self.left -= 1
        if self.left == 0 or (self.left < 0 and self.for_good):
            self.fired = True
            return True
        return False

    def call(self, function: Callable[..., Any], error: Callable[[], Exception], *given: Any) -> Any:
        if not self.now():
            return function(*given)
        if self.fault.when == "after":
            function(*given)
        raise error()

    def os_error(self) -> OSError:
        return OSError(self.fault.error, os.strerror(self.fault.error))

    def sqlite_error(self) -> sqlite3.OperationalError:
        error = sqlite3.OperationalError(f"{self.fault.name} (on purpose)")
        error.sqlite_errorname = self.fault.sqlite
        return error

    def disk(self) -> Disk:
        """A disk on which every call counts."""
        countdown = self

        class Connection(sqlite3.Connection):
            def execute(self, *given: Any) -> Any:
                return countdown.call(super().execute, countdown.sqlite_error, *given)

            def executemany(self, *given: Any) -> Any:
                return countdown.call(super().executemany, countdown.sqlite_error, *given)

        def write(handle: int, data: Any) -> int:
            if not self.now():
                return os.write(handle, data)
            if self.fault.when == "half":
                os.write(handle, bytes(data[: len(data) // 2]))
            if self.fault.when == "after":
                os.write(handle, data)
            raise self.os_error()

        return replace(
            DISK,
            write=write,
            sync=lambda handle: self.call(os.fsync, self.os_error, handle),
            truncate=lambda *given: self.call(os.ftruncate, self.os_error, *given),
            replace=lambda *given: self.call(os.replace, self.os_error, *given),
            connect=lambda *given, **named: sqlite3.connect(*given, factory=Connection, **named),
        )


def play(path: Path, subject: Subject, disk: Disk, acknowledged: list[int], blocks: int = BLOCKS) -> None:
    """Open or create a ledger, add blocks, close it; note what was acknowledged."""
    settings = StorageSettings(disk, segment=3_000, behind=3)
    with subject.open(path, settings) as engine:
        number = max(acknowledged, default=-1) + 1
        while engine.find(subject.name(number)) is not None:
            number += 1
        for _ in range(blocks):
            tickets = [(n, engine.submit(subject.transaction(n))) for n in (number, number + 1)]
            number += 2
            for n, ticket in tickets:
                if engine.wait(ticket).accepted:
                    acknowledged.append(n)


def ensure_usable(path: Path, subject: Subject, acknowledged: list[int], told: str, toll: Toll) -> None:
    """Once the disk works again: everything is there, and there can be more."""
    try:
        with subject.open(path) as engine:
            lost = [n for n in acknowledged if engine.find(subject.name(n)) is None]
        if lost:
            toll.wrong.append(f"{told}: acknowledged and lost: {lost}")
        play(path, subject, DISK, acknowledged, 4)
    except Exception as error:  # noqa: BLE001 - whatever a fault leaves behind is counted
        toll.wrong.append(f"{told}: not usable afterwards: {error!r}")


def fail_each_call(
    folder: Path, subject: Subject, fault: Fault, for_good: bool, calls: Iterable[int]
) -> Toll:
    """Run with the k-th call failing, for each k until a run has no k-th call."""
    toll = Toll()
    for k in calls:
        path = folder / f"{fault.name}-{for_good}-{k}"
        told = f"{fault.name}, call {k}{' and all after it' if for_good else ''}"
        countdown, acknowledged = Countdown(fault, k, for_good), list[int]()
        try:
            play(path, subject, countdown.disk(), acknowledged)
        except EngineError:
            pass
        except Exception as error:  # noqa: BLE001 - whatever a fault provokes is counted
            toll.wrong.append(f"{told}: {error!r}")
        if not countdown.fired:
            shutil.rmtree(path)
            break
        toll.failures += 1
        ensure_usable(path, subject, acknowledged, told, toll)
        toll.acknowledged += len(acknowledged)
        shutil.rmtree(path)
    return toll


def limit_file_sizes(folder: Path, subject: Subject, limits: range) -> Toll:
    """Run where the system itself writes short and refuses, in SQLite as well, once a file reaches a size."""
    toll = Toll()
    for limit in limits:
        path, told = folder / f"limit-{limit}", f"files of at most {limit} bytes"
        acknowledged = _limited(path, subject, limit, told, toll)
        toll.failures += 1
        ensure_usable(path, subject, acknowledged, told, toll)
        toll.acknowledged += len(acknowledged)
        shutil.rmtree(path, ignore_errors=True)
    return toll


def _limited(path: Path, subject: Subject, limit: int, told: str, toll: Toll) -> list[int]:
    source, sink = os.pipe()
    child = os.fork()
    if child == 0:
        acknowledged: list[int] = []
        said = b""
        try:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            play(path, subject, DISK, acknowledged)
        except EngineError:
            pass
        except BaseException as error:  # noqa: BLE001 - the parent counts it
            said = repr(error).encode()
        os.write(sink, ",".join(map(str, acknowledged)).encode() + b"|" + said[:2000])
        os._exit(0)
    os.close(sink)
    with open(source, "rb") as pipe:
        numbers, _, said = pipe.read().partition(b"|")
    os.waitpid(child, 0)
    if said:
        toll.wrong.append(f"{told}: {said.decode()}")
    return [int(number) for number in numbers.split(b",") if number]
