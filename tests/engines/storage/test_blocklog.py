"""The block log: what was appended comes back, and nothing else passes for it."""

import errno
import os
import random
from dataclasses import replace
from pathlib import Path

import pytest

from tallystick.engines.storage.blocklog import DIGEST, HEAD, BlockLog, DamagedFrame, Frame, seal, unseal
from tallystick.engines.storage.disk import DISK


def filled(folder: Path, payloads: list[bytes], segment: int = 10**9) -> BlockLog:
    folder.mkdir(exist_ok=True)
    log = BlockLog(folder, segment=segment)
    for height, payload in enumerate(payloads, log.height + 1):
        log.append(seal(height, log.digest(height - 1), payload), height)
    return log


PAYLOADS = [bytes([n]) * (20 * n) for n in range(9)]


@pytest.mark.parametrize("segment", [1, 200, 10**9])
def test_what_was_appended_is_read_again(tmp_path: Path, segment: int) -> None:
    filled(tmp_path, PAYLOADS[:5], segment).close()
    log = filled(tmp_path, PAYLOADS[5:], segment)
    again = BlockLog(tmp_path, segment=segment)
    assert again.height == log.height == 8
    assert [frame.payload for frame in again.frames()] == PAYLOADS
    assert again.read(4).payload == PAYLOADS[4]
    assert again.size == sum(HEAD + len(payload) + DIGEST for payload in PAYLOADS)


def test_an_empty_log_has_no_height(tmp_path: Path) -> None:
    log = BlockLog(tmp_path)
    assert log.height == -1
    with pytest.raises(KeyError, match="not 0"):
        log.read(0)


def test_a_frame_must_follow_the_one_before(tmp_path: Path) -> None:
    log = filled(tmp_path, PAYLOADS[:2])
    with pytest.raises(ValueError, match="does not follow"):
        log.append(seal(3, log.digest(1), b"x"), 3)
    with pytest.raises(ValueError, match="does not follow"):
        log.append(seal(2, log.digest(0), b"x"), 2)


@pytest.mark.parametrize("segment", [1, 10**9])
def test_every_flip_and_every_cut_is_found(tmp_path: Path, segment: int) -> None:
    filled(tmp_path, [b"one", b"two", b"three"], segment).close()
    chance = random.Random(1)
    for path in sorted(tmp_path.glob("*.log")):
        intact = path.read_bytes()
        for place in range(len(intact)):
            flipped = bytearray(intact)
            flipped[place] ^= 1 << chance.randrange(8)
            path.write_bytes(flipped)
            assert_shorter(BlockLog(tmp_path))
            path.write_bytes(intact[:place])
            cut = BlockLog(tmp_path)
            # A cut between frames leaves a shorter log that is intact in itself: only the other copy knows.
            assert cut.height < 2
        path.write_bytes(intact)
    assert BlockLog(tmp_path).height == 2


def assert_shorter(log: BlockLog) -> None:
    assert log.damage is not None
    assert log.height < 2
    assert [frame.payload for frame in log.frames()] == [b"one", b"two"][: log.height + 1]


@pytest.mark.parametrize("segment", [1, 10**9])
@pytest.mark.parametrize("damaged", range(4))
def test_a_damaged_log_takes_nothing_until_it_is_cut(tmp_path: Path, segment: int, damaged: int) -> None:
    log = filled(tmp_path, [b"one", b"two", b"three", b"four"], segment)
    log.close()
    files = sorted(tmp_path.glob("*.log"))
    file = files[damaged if len(files) > 1 else 0]
    data = bytearray(file.read_bytes())
    data[HEAD if len(files) > 1 else data.index([b"one", b"two", b"three", b"four"][damaged])] ^= 1
    file.write_bytes(data)
    log = BlockLog(tmp_path, segment=segment)
    assert log.height == damaged - 1
    with pytest.raises(OSError, match="damaged at byte"):
        log.append(seal(damaged, log.digest(damaged - 1), b"new"), damaged)
    log.cut()
    log = filled(tmp_path, [b"new", b"newer"], segment)
    assert [frame.payload for frame in log.frames()][damaged:] == [b"new", b"newer"]
    assert BlockLog(tmp_path).damage is None


def test_a_missing_file_is_found(tmp_path: Path) -> None:
    filled(tmp_path, PAYLOADS, segment=1).close()
    (tmp_path / "000000000004.log").unlink()
    log = BlockLog(tmp_path)
    assert log.height == 3
    assert log.damage is not None
    assert "cut or gone" in log.damage.reason


def test_a_frame_from_another_chain_is_refused(tmp_path: Path) -> None:
    filled(tmp_path / "a", [b"one", b"two"], segment=1).close()
    filled(tmp_path / "b", [b"uno", b"dos"], segment=1).close()
    os.replace(tmp_path / "b" / "000000000001.log", tmp_path / "a" / "000000000001.log")
    log = BlockLog(tmp_path / "a")
    assert log.height == 0
    assert log.damage is not None
    assert "does not follow" in log.damage.reason


def test_short_writes_are_continued(tmp_path: Path) -> None:
    disk = replace(DISK, write=lambda handle, data: os.write(handle, bytes(data)[:7]))
    log = BlockLog(tmp_path, disk)
    log.append(seal(0, log.digest(-1), b"x" * 100), 0)
    assert BlockLog(tmp_path).read(0).payload == b"x" * 100


def test_after_a_failed_write_the_log_must_be_cut(tmp_path: Path) -> None:
    log = filled(tmp_path, [b"one"])

    def full(handle: int, data: bytes) -> int:
        if len(data) < 60:
            raise OSError(errno.ENOSPC, "No space left on device")
        return os.write(handle, bytes(data)[:60])

    torn = BlockLog(tmp_path, replace(DISK, write=full))
    frame = seal(1, log.digest(0), b"x" * 50)
    with pytest.raises(OSError, match="No space"):
        torn.append(frame, 1)
    with pytest.raises(OSError, match="writing block 1 failed"):
        torn.append(frame, 1)
    again = BlockLog(tmp_path)
    assert again.height == 0
    again.cut()
    again.append(frame, 1)
    assert BlockLog(tmp_path).height == 1


def test_bytes_that_are_no_frame_are_refused() -> None:
    sealed = seal(3, bytes(32), b"payload")
    assert unseal(sealed) == Frame(3, bytes(32), b"payload", sealed[-32:])
    for wrong in (b"", sealed[:-1], sealed + b"x", b"X" + sealed[1:]):
        with pytest.raises(DamagedFrame):
            unseal(wrong)


def test_a_log_changed_under_way_is_noticed(tmp_path: Path) -> None:
    log = filled(tmp_path, [b"one", b"two"])
    path = tmp_path / "000000000000.log"
    path.write_bytes(path.read_bytes().replace(b"two", b"owt"))
    with pytest.raises(DamagedFrame):
        log.read(1)
