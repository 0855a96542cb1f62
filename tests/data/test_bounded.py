"""Packed bytes within a limit: what is whole is read, what is larger, broken, missing or code is refused."""

from __future__ import annotations

import gzip
import hashlib
import lzma
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from tallystick.data.bounded import content_digest, ensure_no_pickle, file_digest, unpacked
from tallystick.data.refusals import HoldsCode, MissingData, TooLarge, Unreadable

CONTENT = bytes(range(256)) * 40
PACKED: dict[str, Callable[[bytes], bytes]] = {"": bytes, ".gz": gzip.compress, ".xz": lzma.compress}


def packed(folder: Path, ending: str, content: bytes = CONTENT) -> Path:
    path = folder / f"rows.bin{ending}"
    path.write_bytes(PACKED[ending](content))
    return path


@pytest.mark.parametrize("ending", PACKED)
def test_the_limit_is_of_what_is_unpacked_and_to_the_byte(tmp_path: Path, ending: str):
    path = packed(tmp_path, ending)
    with unpacked(path, len(CONTENT)) as stream:
        assert stream.read() == CONTENT
    with (
        pytest.raises(TooLarge, match="more than the 10,239 bytes"),
        unpacked(path, len(CONTENT) - 1) as stream,
    ):
        stream.read()


@pytest.mark.parametrize("ending", [".gz", ".xz"])
def test_a_bomb_is_left_at_its_first_byte_above_the_limit(tmp_path: Path, ending: str):
    path = packed(tmp_path, ending, bytes(8 << 20))
    assert path.stat().st_size < 10_000
    with unpacked(path, 1_000) as stream, pytest.raises(TooLarge):
        stream.read(1 << 30)


@pytest.mark.parametrize("ending", [".gz", ".xz"])
@pytest.mark.parametrize(
    "spoil", [lambda raw: raw[:-9], lambda raw: b"no pack at all" + raw, lambda raw: b""]
)
def test_a_broken_file_is_named(tmp_path: Path, ending: str, spoil: Callable[[bytes], bytes]):
    path = packed(tmp_path, ending)
    path.write_bytes(spoil(path.read_bytes()))
    if not path.stat().st_size and ending == ".gz":
        assert content_digest(path, 10)[1] == 0  # an empty file is an empty gzip
        return
    with pytest.raises(Unreadable, match=f"rows.bin{ending} is broken"):
        content_digest(path, len(CONTENT))


def test_what_is_no_file_is_missing(tmp_path: Path):
    for path in (tmp_path / "nothing.gz", tmp_path):
        with pytest.raises(MissingData, match=str(path)):
            content_digest(path, 10)
        with pytest.raises(MissingData):
            file_digest(path)


def test_the_digest_of_the_content_is_the_same_however_it_is_packed(tmp_path: Path):
    paths = [packed(tmp_path, ending) for ending in PACKED]
    digest = hashlib.sha256(CONTENT).hexdigest()
    assert {content_digest(path, 1 << 20) for path in paths} == {(digest, len(CONTENT))}
    assert len({file_digest(path) for path in paths}) == 3 and file_digest(paths[0]) == digest


@pytest.mark.parametrize("name", ["rows.csv", "rows.npz"])
@pytest.mark.parametrize("protocol", range(2, 6))
def test_a_pickle_is_known_by_its_first_bytes(tmp_path: Path, name: str, protocol: int):
    path = tmp_path / name
    path.write_bytes(pickle.dumps([1], protocol))
    with pytest.raises(HoldsCode, match=f"{name} is a pickle"):
        ensure_no_pickle(path)


@pytest.mark.parametrize("name", ["a.PKL", "a.joblib.gz", "a.pt", "pickle.csv", "a.csv", "p"])
def test_a_pickle_is_known_by_any_of_its_endings(tmp_path: Path, name: str):
    path = tmp_path / name
    path.write_bytes(b"a,b\n1,2\n")
    if name in ("pickle.csv", "a.csv", "p"):
        ensure_no_pickle(path)
    else:
        with pytest.raises(HoldsCode):
            ensure_no_pickle(path)
