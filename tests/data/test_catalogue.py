"""The catalogue says what a data set is, where it lies and how to get it, and trusts no file unread."""

import gzip
import hashlib
import re
from pathlib import Path

import pytest

from tallystick.data import catalogue as places
from tallystick.data.catalogue import (
    DataSet,
    File,
    Form,
    catalogue,
    describe,
    folder,
    folders,
    is_named_one,
    located,
    own_folder,
)
from tallystick.data.datasets import READERS
from tallystick.data.refusals import DataError, MissingData, WrongDigest


def sha(content):
    return hashlib.sha256(content).hexdigest()


def test_every_entry_is_complete():
    assert {"mnist", "cifar10", "ai4i2020", "cmapss", "wisdm", "20newsgroups", "reuters21578"} < set(
        catalogue()
    )
    for entry in catalogue().values():
        assert all((entry.title, entry.holds, entry.licence, entry.source, entry.notes, entry.forms))
        for form in entry.forms:
            assert form.reader in READERS
            names = [file.plain_name for file in form.files]
            assert len(set(names)) == len(names)
            for file in form.files:
                assert re.fullmatch("[0-9a-f]{64}", file.sha256) and re.fullmatch(r"[\w.-]+", file.name)
                assert bool(file.content) == bool(file.content_size)


@pytest.fixture
def sample(tmp_path, monkeypatch):
    """A catalogue of one set with a packed and a plain file, looked for in an empty folder."""
    packed = gzip.compress(b"numbers", mtime=0)
    files = (
        File("a.csv.gz", len(packed), sha(packed), 7, sha(b"numbers"), ("https://example.org/a",)),
        File("b.txt", 4, sha(b"text"), urls=("https://example.org/b",)),
    )
    entry = DataSet("sample", "A sample", "x", "x", "x", "x", "sample", (Form("none", files),))
    monkeypatch.setenv("TALLYSTICK_DATA", str(tmp_path))
    monkeypatch.setattr(places, "catalogue", lambda: {"sample": entry})
    (tmp_path / "sample").mkdir()
    return tmp_path / "sample"


def test_what_is_missing_is_named_with_the_command(sample):
    with pytest.raises(MissingData) as found:
        located("sample")
    assert "A sample is not on this machine" in str(found.value)
    assert "tally data fetch sample" in str(found.value)
    assert describe("sample").here == "" and describe("sample").command == "tally data fetch sample"
    with pytest.raises(DataError, match="no data set 'other'; there are sample"):
        describe("other")


@pytest.mark.parametrize(
    "name, content",
    [
        ("a.csv.gz", gzip.compress(b"numbers", mtime=0)),
        ("a.csv.gz", gzip.compress(b"numbers", 1, mtime=9)),
        ("a.csv", b"numbers"),
    ],
)
def test_the_same_content_counts_however_it_is_packed(sample, name, content):
    (sample / name).write_bytes(content)
    (sample / "b.txt").write_bytes(b"text")
    form, paths = located("sample")
    assert paths == {"a.csv": sample / name, "b.txt": sample / "b.txt"}
    assert describe("sample").here == str(sample) and form.reader == "none"
    assert (
        f"here     {sample}" in str(describe("sample")) and describe("sample").as_dict()["name"] == "sample"
    )


@pytest.mark.parametrize(
    "name, content",
    [
        ("a.csv.gz", gzip.compress(b"number2", mtime=0)),
        ("a.csv.gz", gzip.compress(b"numbers and more", mtime=0)),
        ("a.csv.gz", gzip.compress(bytes(10_000_000), mtime=0)),
        ("a.csv.gz", b"\x1f\x8bnot gzip"),
        ("a.csv", b"number"),
        ("b.txt", b"Text"),
    ],
)
def test_other_bytes_are_refused(sample, name, content):
    good = {"a.csv.gz": gzip.compress(b"numbers", mtime=0), "b.txt": b"text"}
    if name == "a.csv":
        good.pop("a.csv.gz")
    for each, there in {**good, name: content}.items():
        (sample / each).write_bytes(there)
    with pytest.raises(DataError) as found:
        located("sample")
    assert name in str(found.value)
    if content[:2] != b"\x1f\x8b":
        assert isinstance(found.value, WrongDigest) and "tally data fetch sample" in str(found.value)


def test_a_file_of_unknown_size_is_told_by_its_digest(tmp_path):
    (tmp_path / "x").write_bytes(b"abc")
    assert is_named_one(tmp_path / "x", File("x", 0, sha(b"abc")))
    assert not is_named_one(tmp_path / "x", File("x", 0, sha(b"abd")))


def test_the_folder_is_the_named_one_or_shared_or_ones_own(tmp_path, monkeypatch):
    monkeypatch.setenv("TALLYSTICK_DATA", str(tmp_path))
    assert folders() == (tmp_path,) and folder() == tmp_path
    monkeypatch.setenv("TALLYSTICK_DATA", str(tmp_path / "none"))
    with pytest.raises(MissingData, match="TALLYSTICK_DATA"):
        folder()
    monkeypatch.delenv("TALLYSTICK_DATA")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    root = Path(__file__).resolve().parents[2]
    assert folders() == (root.parent / "shared" / "datasets", tmp_path / "tallystick" / "datasets")
    assert own_folder() == tmp_path / "tallystick" / "datasets"


def test_a_set_of_a_missing_package_names_it(monkeypatch, tmp_path):
    monkeypatch.setenv("TALLYSTICK_DATA", str(tmp_path))
    entry = catalogue()["seglearn-watch"]
    file = entry.forms[0].files[0]
    lost = File(file.name, file.size, file.sha256, package="no-such-package", path=file.path)
    monkeypatch.setattr(
        places, "catalogue", lambda: {"w": DataSet("w", "W", "", "", "", "", "w", (Form("x", (lost,)),))}
    )
    with pytest.raises(MissingData, match="pip install --no-deps no-such-package"):
        located("w")
