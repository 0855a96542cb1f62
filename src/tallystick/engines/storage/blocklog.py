"""The first durable copy: an append-only log of hash-chained, checksummed frames, one per block.

A frame is: mark, height, length, digest of the frame before, CRC-32 of these; the payload; SHA-256 over all.
"""

import os
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from struct import Struct
from typing import BinaryIO, Final, NamedTuple, final
from zlib import crc32

from .disk import DISK, Disk

MARK: Final = b"TLY1"
DIGEST: Final = 32
NOTHING: Final = bytes(DIGEST)  # what the first frame names as the one before it
MAX_PAYLOAD: Final = 2**30
SEGMENT: Final = 64 * 2**20  # a file is closed once it has grown past this

_head = Struct(f"<4sQI{DIGEST}s")
HEAD: Final = _head.size + 4


class DamagedFrame(Exception):
    """These bytes are not an intact frame; the message says what is wrong with them."""


class CutFrame(DamagedFrame):
    """These bytes end before the frame does, as when a process ended while it wrote them."""


class Frame(NamedTuple):
    """One block as it lies on disk."""

    height: int
    previous: bytes
    payload: bytes
    digest: bytes

    def sealed(self) -> bytes:
        return seal(self.height, self.previous, self.payload)


def seal(height: int, previous: bytes, payload: bytes) -> bytes:
    """The bytes of a frame; its digest is their last 32."""
    if len(payload) > MAX_PAYLOAD:
        raise ValueError(f"block {height} has {len(payload)} bytes; a frame holds at most {MAX_PAYLOAD}")
    head = _head.pack(MARK, height, len(payload), previous)
    body = b"".join((head, crc32(head).to_bytes(4, "little"), payload))
    return body + sha256(body).digest()


def unseal(data: bytes) -> Frame:
    """The frame that these bytes are, all of them."""
    height, length, previous = _open_head(data[:HEAD])
    if len(data) != HEAD + length + DIGEST:
        raise DamagedFrame(f"frame {height} should have {HEAD + length + DIGEST} bytes, not {len(data)}")
    digest = data[-DIGEST:]
    if sha256(memoryview(data)[:-DIGEST]).digest() != digest:
        raise DamagedFrame(f"the checksum of frame {height} does not match its bytes")
    return Frame(height, previous, data[HEAD:-DIGEST], digest)


def read_frame(file: BinaryIO) -> Frame | None:
    """The next frame of a file, None at its end."""
    head = file.read(HEAD)
    if not head:
        return None
    height, length, _ = _open_head(head)
    rest = file.read(length + DIGEST)
    if len(rest) < length + DIGEST:
        raise CutFrame(f"the file ends {length + DIGEST - len(rest)} bytes before the end of frame {height}")
    return unseal(head + rest)


def _open_head(head: bytes) -> tuple[int, int, bytes]:
    if len(head) < HEAD:
        raise CutFrame(f"the file ends {HEAD - len(head)} bytes before the end of a frame's head")
    mark, height, length, previous = _head.unpack(head[:-4])
    if mark != MARK or crc32(head[:-4]) != int.from_bytes(head[-4:], "little") or length > MAX_PAYLOAD:
        raise DamagedFrame("these bytes are not the head of a frame")
    return height, length, previous


class Damage(NamedTuple):
    """Where reading the log had to stop, and why; everything before it is intact."""

    file: Path
    offset: int
    reason: str
    cut: bool = False  # the file ends too early, and is the last one


class _Segment(NamedTuple):
    path: Path
    first: int  # its first height
    start: int  # bytes in the segments before it


@final
class BlockLog:
    """The log in a folder. Reading it checks every byte; `damage` says where it stops being intact."""

    def __init__(self, folder: Path, disk: Disk = DISK, *, segment: int = SEGMENT) -> None:
        self.folder = folder
        self.damage: Damage | None = None
        self._disk = disk
        self._limit = segment
        self._segments: list[_Segment] = []
        self._offsets = array("Q")  # of each frame, counted over all segments
        self._digests = bytearray()
        self._end = 0
        self._handle: int | None = None
        self._read_all()

    @property
    def height(self) -> int:
        """The last intact height; -1 when there is none."""
        return len(self._offsets) - 1

    @property
    def size(self) -> int:
        """Bytes in all its intact frames."""
        return self._end

    def digest(self, height: int) -> bytes:
        """The digest of the frame at a height; of no frame at all at -1."""
        if height < 0:
            return NOTHING
        return bytes(self._digests[DIGEST * height : DIGEST * (height + 1)])

    def append(self, frame: bytes, height: int) -> None:
        """Write a sealed frame and make it durable; after a failure the log takes nothing until reopened."""
        if self.damage is not None:
            raise OSError(f"{self.damage.file} is damaged at byte {self.damage.offset}: {self.damage.reason}")
        if height != self.height + 1 or frame[HEAD - 4 - DIGEST : HEAD - 4] != self.digest(self.height):
            raise ValueError(f"frame {height} does not follow frame {self.height} of {self.folder}")
        where = self._end
        try:
            handle = self._writable(height)
            self._disk.reached("log.write")
            self._disk.write_all(handle, frame)
            self._disk.reached("log.sync")
            self._disk.sync(handle)
            self._disk.reached("log.synced")
        except OSError as error:
            last = self._segments[-1]
            self.damage = Damage(last.path, where - last.start, f"writing block {height} failed ({error})")
            raise
        self._remember(where, frame[-DIGEST:], len(frame))

    def read(self, height: int) -> Frame:
        """The frame at a height, checked again."""
        if not 0 <= height <= self.height:
            raise KeyError(f"the log in {self.folder} has heights 0 to {self.height}, not {height}")
        segment = self._segments[bisect_right(self._segments, height, key=lambda segment: segment.first) - 1]
        with segment.path.open("rb") as file:
            file.seek(self._offsets[height] - segment.start)
            frame = read_frame(file)
        if frame is None or frame.digest != self.digest(height):
            raise DamagedFrame(f"{segment.path} changed at height {height} while the ledger was open")
        return frame

    def frames(self, first: int = 0) -> Iterator[Frame]:
        """The intact frames from a height on."""
        for height in range(first, self.height + 1):
            yield self.read(height)

    def beyond(self) -> int:
        """The highest block that is intact behind the damage; -1 where there is none."""
        highest = -1
        for path in self._files() if self.damage is not None else ():
            data = path.read_bytes()
            at = data.find(MARK)
            while at >= 0:
                highest = max(highest, _height_at(data, at))
                at = data.find(MARK, at + 1)
        return highest if highest > self.height else -1

    def cut(self) -> None:
        """Drop what follows the last intact frame, so that the log can grow again from there.

        Whole files go under another name; the caller has made sure that what is dropped stands elsewhere.
        """
        self.close()
        self._segments = [segment for segment in self._segments if segment.start < self._end]
        kept = {segment.path for segment in self._segments}
        for path in self._files():
            if path not in kept:
                self._disk.replace(path, _aside(path))
        if self._segments:
            last = self._segments[-1]
            handle = os.open(last.path, os.O_WRONLY)
            try:
                self._disk.truncate(handle, self._end - last.start)
                self._disk.sync(handle)
            finally:
                os.close(handle)
        self._disk.sync_folder(self.folder)
        self.damage = None

    def close(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _files(self) -> list[Path]:
        return sorted(path for path in self.folder.glob("*.log") if path.stem.isdigit())

    def _writable(self, height: int) -> int:
        """The open file that the next frame goes to: the last one, or a new one when that is full."""
        full = not self._segments or self._end - self._segments[-1].start >= self._limit
        if full:
            self.close()
            self.folder.mkdir(exist_ok=True)
            self._segments.append(_Segment(self.folder / f"{height:012d}.log", height, self._end))
        if self._handle is None:
            self._handle = os.open(self._segments[-1].path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        if full:
            self._disk.sync_folder(self.folder)
        return self._handle

    def _read_all(self) -> None:
        for path in self._files():
            start, offset = self._end, 0
            first = int(path.stem)
            try:
                if first != self.height + 1:
                    raise DamagedFrame(f"it should begin at height {self.height + 1}: a file is cut or gone")
                self._segments.append(_Segment(path, first, start))
                with path.open("rb") as file:
                    while (frame := read_frame(file)) is not None:
                        self._follow(frame)
                        self._remember(self._end, frame.digest, HEAD + len(frame.payload) + DIGEST)
                        offset = self._end - start
            except DamagedFrame as error:
                cut = isinstance(error, CutFrame) and path == self._files()[-1]
                self.damage = Damage(path, offset, str(error), cut)
                return

    def _follow(self, frame: Frame) -> None:
        if frame.height != self.height + 1 or frame.previous != self.digest(self.height):
            raise DamagedFrame(f"frame {frame.height} does not follow frame {self.height}")

    def _remember(self, offset: int, digest: bytes, size: int) -> None:
        self._offsets.append(offset)
        self._digests += digest
        self._end = offset + size


def _height_at(data: bytes, at: int) -> int:
    """The height of the intact frame that begins here; -1 where none does."""
    try:
        _, length, _ = _open_head(data[at : at + HEAD])
        return unseal(data[at : at + HEAD + length + DIGEST]).height
    except DamagedFrame:
        return -1


def _aside(path: Path) -> Path:
    """A free name for a file that is no longer part of the log."""
    number = 1
    while (aside := path.with_suffix(f".damaged-{number}")).exists():
        number += 1
    return aside
