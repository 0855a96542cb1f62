"""Damage a ledger's files as power failures and bad disks do, and see that opening mends or refuses it."""

import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from random import Random
from typing import NamedTuple

from tallystick.engines.chain import decode_entry
from tallystick.engines.engine import CommittedBlock, EngineError, EngineStopped
from tallystick.engines.storage.blocklog import BlockLog
from tallystick.engines.storage.opening import StorageSettings
from tests.faults.subject import Subject

SETTINGS = StorageSettings(segment=6_000, behind=4)
SECTOR = 512


class Damage(NamedTuple):
    """One wrong file: what was done to it, and its bytes then; no bytes: it is gone."""

    file: Path
    kind: str
    place: int
    data: bytes | None


@dataclass
class Toll:
    """What became of damaged ledgers."""

    images: int = 0
    sound: int = 0  # opened, with nothing to mend
    mended: int = 0
    refused: int = 0
    noticed: int = 0  # opened, and refused when the damaged part was used
    wrong: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Image:
    """A ledger's folder as a crash could leave it, and all that its owner was told."""

    folder: Path
    subject: Subject
    height: int
    records: tuple[tuple[bytes, bytes], ...]
    blocks: tuple[bytes, ...]  # as the log holds them
    names: tuple[bytes, ...]

    @classmethod
    def make(cls, folder: Path, subject: Subject, blocks: int = 9) -> "Image":
        """Play a ledger and take its files at the moment at which its last transactions are acknowledged."""
        taken: list[Image] = []
        with subject.open(folder / "live", SETTINGS) as engine:

            def take(block: CommittedBlock) -> None:
                if not block.receipts or count < 4 * blocks:
                    return
                shutil.copytree(folder / "live", folder / "image")
                payloads = tuple(frame.payload for frame in BlockLog(folder / "image" / "log").frames())
                names = tuple(subject.name(n) for n in range(count))
                records = tuple(engine.scan(b"", 10**6))
                taken.append(cls(folder / "image", subject, block.height, records, payloads, names))

            engine.subscribe(take)
            for count in range(4, 4 * blocks + 1, 4):
                for n in range(count - 4, count):
                    ticket = engine.submit(subject.transaction(n))
                engine.wait(ticket)
        return taken[0]

    def files(self) -> list[Path]:
        """The files that carry the ledger, as names below its folder."""
        found = (path for path in self.folder.rglob("*") if path.is_file() and path.stat().st_size)
        return sorted(path.relative_to(self.folder) for path in found if path.name != "writer.lock")

    def damages(self, seed: int, only: str = "") -> Iterator[Damage]:
        """Flipped bits, cuts, zeroed and stale sectors, lost files, without end; `only` names the files."""
        chance = Random(seed)
        contents = {file: (self.folder / file).read_bytes() for file in self.files() if only in str(file)}
        for file in contents:
            yield Damage(file, "gone", 0, None)
            yield Damage(file, "empty", 0, b"")
        while True:
            file = chance.choice(list(contents))
            data = contents[file]
            kind = chance.choice(("flip", "flip", "cut", "zeros", "noise", "stale", "grown"))
            yield Damage(file, kind, *_damaged(data, kind, chance))

    def _goes_on(self, scratch: Path) -> None:
        """The ledger takes transactions, if need be after it was opened once more."""
        number = len(self.names)
        for last in (False, True):
            try:
                with self.subject.open(scratch, SETTINGS, new=False) as engine:
                    for n in range(number, number + 12):
                        engine.wait(engine.submit(self.subject.transaction(n)))
                return
            except EngineStopped:
                if last:
                    raise

    def judge(self, damage: Damage, scratch: Path, toll: Toll) -> None:
        """Open a damaged copy and look at all of it."""
        shutil.rmtree(scratch, ignore_errors=True)
        shutil.copytree(self.folder, scratch)
        if damage.data is None:
            (scratch / damage.file).unlink()
        else:
            (scratch / damage.file).write_bytes(damage.data)
        toll.images += 1
        told, opened = f"{damage.kind} at {damage.place} of {damage.file}", False
        try:
            with self.subject.open(scratch, SETTINGS, new=False) as engine:
                opened, mended = True, bool(engine.status().repairs)
                toll.mended += mended
                toll.sound += not mended
                height = engine.status().height
                if height < self.height:
                    toll.wrong.append(f"{told}: opened at height {height}, {self.height} was acknowledged")
                    return
                if tuple(engine.scan(b"", 10**6)) != self.records:
                    toll.wrong.append(f"{told}: opened with other records")
                for n, payload in enumerate(self.blocks[1:], 1):
                    if engine.block(n).header != decode_entry(payload).header:
                        toll.wrong.append(f"{told}: block {n} is another one")
                if any(engine.find(name) is None for name in self.names):
                    toll.wrong.append(f"{told}: a transaction is not found")
            self._goes_on(scratch)
        except EngineError as error:
            toll.noticed += opened
            toll.refused += not opened
            if not opened:
                toll.reasons.append(f"{told}: {error}")
            return
        except Exception as error:  # noqa: BLE001 - whatever damage provokes is counted
            toll.wrong.append(f"{told}: {error!r}")
            return
        log = BlockLog(scratch / "log")
        found = tuple(frame.payload for frame in log.frames())[: len(self.blocks)]
        if log.damage is not None or found != self.blocks:
            toll.wrong.append(f"{told}: the log was not mended: {log.damage or log.height}")


def _damaged(data: bytes, kind: str, chance: Random) -> tuple[int, bytes]:
    place = chance.randrange(len(data))
    sector = place - place % SECTOR
    if kind == "flip":
        return place, data[:place] + bytes((data[place] ^ 1 << chance.randrange(8),)) + data[place + 1 :]
    if kind == "cut":
        return place, data[:place]
    if kind == "grown":
        return len(data), data + chance.randbytes(chance.randrange(1, 3 * SECTOR))
    if kind == "zeros":
        return sector, data[:sector] + bytes(len(data[sector : sector + SECTOR])) + data[sector + SECTOR :]
    if kind == "noise":
        noise = chance.randbytes(len(data[sector : sector + SECTOR]))
        return sector, data[:sector] + noise + data[sector + SECTOR :]
    # A sector that was never written keeps another's older bytes.
    other = chance.randrange(len(data))
    other -= other % SECTOR
    stale = data[other : other + SECTOR].ljust(SECTOR, b"\x00")
    return sector, data[:sector] + stale[: len(data[sector : sector + SECTOR])] + data[sector + SECTOR :]


def sweep(folder: Path, subject: Subject, images: int, seed: int, only: str = "") -> Toll:
    """So many damaged images of one ledger."""
    toll, image = Toll(), Image.make(folder, subject)
    for damage in islice(image.damages(seed, only), images):
        image.judge(damage, folder / "scratch", toll)
    return toll


def sqlite_alone(folder: Path, subject: Subject, images: int, seed: int) -> int:
    """Flips in the write-ahead log after which SQLite itself finds no fault, but has lost blocks."""
    image, chance = Image.make(folder, subject), Random(seed)
    wal = (image.folder / "ledger.db-wal").read_bytes()
    silent = 0
    for turn in range(images):
        place = chance.randrange(len(wal))
        scratch = folder / f"alone-{turn}"
        shutil.copytree(image.folder, scratch)
        flipped = wal[:place] + bytes((wal[place] ^ 1,)) + wal[place + 1 :]
        (scratch / "ledger.db-wal").write_bytes(flipped)
        (scratch / "ledger.db-shm").unlink(missing_ok=True)
        with sqlite3.connect(scratch / "ledger.db") as db:
            fine = db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            (height,) = db.execute("SELECT max(height) FROM frames").fetchone()
        db.close()
        silent += fine and height < image.height
        shutil.rmtree(scratch)
    return silent
