"""What the engine asks of files: every byte is written or the caller hears of it, and folders are synced."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest

from tallystick.engines.storage.disk import DISK


@pytest.fixture
def handle(tmp_path: Path):
    opened = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    yield opened
    os.close(opened)


@pytest.mark.parametrize("most", [1, 3, 1_000])
def test_every_byte_is_written_however_few_are_taken_at_a_time(handle: int, tmp_path: Path, most: int):
    slow = replace(DISK, write=lambda into, data: os.write(into, bytes(data)[:most]))
    slow.write_all(handle, b"ten bytes!")
    assert (tmp_path / "file").read_bytes() == b"ten bytes!"


def test_a_disk_that_takes_nothing_is_not_asked_for_ever(handle: int):
    asked = []

    def full(_into: int, data: bytes) -> int:
        asked.append(len(data))
        assert len(asked) < 5
        return 4 if len(asked) == 1 else 0

    with pytest.raises(OSError, match="none of 6 bytes"):
        replace(DISK, write=full).write_all(handle, b"ten bytes!")
    assert asked == [10, 6]
    DISK.write_all(handle, b"")  # nothing to write asks for nothing


def test_a_folder_is_synced_by_itself_and_let_go_even_where_that_fails(tmp_path: Path):
    synced: list[int] = []

    def failing(handle: int) -> None:
        assert os.path.samestat(os.fstat(handle), tmp_path.stat())
        synced.append(handle)
        raise OSError(errno.EIO, "no")

    with pytest.raises(OSError, match="no"):
        replace(DISK, sync=failing).sync_folder(tmp_path)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(synced[0])
    DISK.sync_folder(tmp_path)
    with pytest.raises(FileNotFoundError):
        DISK.sync_folder(tmp_path / "missing")
