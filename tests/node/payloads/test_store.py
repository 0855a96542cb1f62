"""Bytes by their hash: whole or not at all, and never others."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from tallystick.node.payloads.store import PayloadFolder, Payloads, PayloadsInMemory, write_durably

DATA = b"a model" * 100
NAME = sha256(DATA).digest()


@pytest.fixture(params=["folder", "memory"])
def payloads(request: pytest.FixtureRequest, tmp_path: Path) -> Payloads:
    return PayloadFolder(tmp_path) if request.param == "folder" else PayloadsInMemory()


def test_bytes_come_back_by_their_hash(payloads: Payloads):
    assert not payloads.have(NAME) and payloads.get(NAME) is None
    assert payloads.put(DATA) == NAME
    assert payloads.put(DATA) == NAME
    assert payloads.have(NAME) and payloads.get(NAME) == DATA
    assert not payloads.have(sha256(b"other").digest())


def test_what_was_damaged_is_not_here_and_can_be_put_again(tmp_path: Path):
    folder = PayloadFolder(tmp_path)
    folder.put(DATA)
    (file,) = (path for path in tmp_path.rglob("*") if path.is_file())
    file.write_bytes(DATA[:-1])
    assert folder.get(NAME) is None and not folder.have(NAME)
    folder.put(DATA)
    assert folder.get(NAME) == DATA


def test_what_is_withheld_is_served_to_nobody():
    shared = PayloadsInMemory()
    shared.put(DATA)
    shared.withheld.add(NAME)
    assert not shared.have(NAME) and shared.get(NAME) is None


def test_a_name_of_another_length_is_refused(tmp_path: Path):
    with pytest.raises(ValueError, match="named by 32 bytes, not 3"):
        PayloadFolder(tmp_path).get(b"abc")


def test_a_write_that_is_cut_off_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    target = tmp_path / "file"
    write_durably(target, b"old")

    def full(descriptor: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="no space left"):
        write_durably(target, b"new")
    assert target.read_bytes() == b"old"
