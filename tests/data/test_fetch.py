"""Data sets are fetched from their publisher, checked, resumed and never kept when their bytes are wrong."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tallystick.data.catalogue import DataSet, File, Form, catalogue
from tallystick.data.fetch import DownloadProgress, NotFetched, ensure_https, fetch, fetch_entry
from tallystick.data.refusals import DataError, MissingData, TooLarge, WrongDigest

CONTENT = bytes(range(256)) * 800


@dataclass
class Publisher:
    """What a loopback server gives, and what it was asked."""

    pages: dict[str, bytes] = field(default_factory=dict)
    break_off: dict[str, int] = field(default_factory=dict)  # path → bytes after which the next answer ends
    redirects: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    ranges: bool = True
    failures: int = 0  # answers of 503 before the first good one
    base: str = ""


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    state = Publisher()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range", "")
            state.asked.append((self.path, wanted))
            if state.failures:
                state.failures -= 1
                self.send_error(503)
                return
            if self.path in state.redirects:
                self.send_response(302)
                self.send_header("Location", state.redirects[self.path])
                self.end_headers()
                return
            if self.path not in state.pages:
                self.send_error(404)
                return
            content, start = state.pages[self.path], 0
            if wanted and state.ranges:
                start = int(wanted.removeprefix("bytes=").removesuffix("-"))
                if start >= len(content):
                    self.send_error(416)
                    return
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            else:
                self.send_response(200)
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            self.wfile.write(content[start:][: state.break_off.pop(self.path, None)])

        def log_message(self, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *about: object) -> None:
            """A client that hangs up is part of the tests."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    state.base = f"http://127.0.0.1:{server.server_port}"
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def entry(*files: File) -> DataSet:
    return DataSet("sample", "A sample", "bytes", "none", "here", "", "sample", (Form("none", files),))


def plain(publisher: Publisher, path: str = "/data.bin", content: bytes = CONTENT) -> File:
    publisher.pages[path] = content
    return File(path[1:], len(content), sha(content), urls=(publisher.base + path,))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "sample").iterdir()) if (folder / "sample").exists() else []


def test_a_file_is_fetched_with_its_progress(publisher, tmp_path):
    seen: list[DownloadProgress] = []
    [path] = fetch_entry(entry(plain(publisher)), tmp_path, seen.append)
    assert path.read_bytes() == CONTENT
    assert seen[-1].done == seen[-1].total == len(CONTENT)
    assert names(tmp_path) == ["data.bin"]


def test_what_is_there_is_not_fetched_again(publisher, tmp_path):
    data_set = entry(plain(publisher))
    fetch_entry(data_set, tmp_path)
    asked = len(publisher.asked)
    fetch_entry(data_set, tmp_path)
    assert len(publisher.asked) == asked


def test_wrong_bytes_are_refused_and_nothing_stays(publisher, tmp_path):
    file = plain(publisher)
    publisher.pages["/data.bin"] = CONTENT[:-1] + b"x"
    with pytest.raises(WrongDigest, match=file.sha256):
        fetch_entry(entry(file), tmp_path)
    assert not (tmp_path / "sample").exists()


def test_a_download_that_breaks_off_is_resumed(publisher, tmp_path):
    publisher.break_off["/data.bin"] = 50_000
    [path] = fetch_entry(entry(plain(publisher)), tmp_path, pause=0)
    assert path.read_bytes() == CONTENT
    assert publisher.asked == [("/data.bin", ""), ("/data.bin", "bytes=50000-")]


def test_a_server_without_ranges_gives_everything_again(publisher, tmp_path):
    publisher.ranges = False
    publisher.break_off["/data.bin"] = 50_000
    [path] = fetch_entry(entry(plain(publisher)), tmp_path, pause=0)
    assert path.read_bytes() == CONTENT


def test_a_later_call_takes_up_what_an_earlier_one_kept(publisher, tmp_path):
    file = plain(publisher)
    publisher.failures = 4
    publisher.pages.pop("/data.bin")
    with pytest.raises(NotFetched):
        fetch_entry(entry(file), tmp_path, pause=0)
    publisher.pages["/data.bin"] = CONTENT
    part = tmp_path / "sample" / f".part-{sha(file.urls[0].encode())[:16]}"
    part.parent.mkdir(exist_ok=True)
    part.write_bytes(CONTENT[:1000])
    [path] = fetch_entry(entry(file), tmp_path, pause=0)
    assert path.read_bytes() == CONTENT
    assert publisher.asked[-1] == ("/data.bin", "bytes=1000-")
    assert names(tmp_path) == ["data.bin"]


def test_a_part_of_something_else_is_thrown_away(publisher, tmp_path):
    file = plain(publisher)
    part = tmp_path / "sample" / f".part-{sha(file.urls[0].encode())[:16]}"
    part.parent.mkdir()
    part.write_bytes(b"y" * 1000)
    with pytest.raises(WrongDigest):
        fetch_entry(entry(file), tmp_path, pause=0)
    assert fetch_entry(entry(file), tmp_path, pause=0)[0].read_bytes() == CONTENT
    part.write_bytes(b"y" * (len(CONTENT) + 5))
    (tmp_path / "sample" / "data.bin").unlink()
    assert fetch_entry(entry(file), tmp_path, pause=0)[0].read_bytes() == CONTENT


def test_a_busy_server_is_asked_again_and_a_missing_page_is_not(publisher, tmp_path):
    publisher.failures = 2
    fetch_entry(entry(plain(publisher)), tmp_path, pause=0)
    assert len(publisher.asked) == 3
    gone = File("gone.bin", 3, sha(b"abc"), urls=(publisher.base + "/gone.bin",))
    with pytest.raises(NotFetched, match="404"):
        fetch_entry(entry(gone), tmp_path, pause=0)
    assert len(publisher.asked) == 4


def test_the_next_address_is_tried(publisher, tmp_path):
    good = plain(publisher)
    publisher.pages["/bad"] = b"wrong"
    file = File("data.bin", good.size, good.sha256, urls=(publisher.base + "/bad", *good.urls))
    assert fetch_entry(entry(file), tmp_path, pause=0)[0].read_bytes() == CONTENT


def test_more_bytes_than_expected_stop_the_download(publisher, tmp_path):
    file = plain(publisher)
    publisher.pages["/data.bin"] = bytes(5 << 20)
    with pytest.raises(NotFetched, match="more than"):
        fetch_entry(entry(file), tmp_path, pause=0)
    assert names(tmp_path) == []


def test_another_packing_of_the_same_content_is_taken(publisher, tmp_path):
    here, there = gzip.compress(CONTENT, 9, mtime=0), gzip.compress(CONTENT, 1, mtime=1)
    assert here != there
    publisher.pages["/data.gz"] = there
    file = File("data.gz", len(here), sha(here), len(CONTENT), sha(CONTENT), (publisher.base + "/data.gz",))
    [path] = fetch_entry(entry(file), tmp_path)
    assert path.name == "data.gz" and gzip.decompress(path.read_bytes()) == CONTENT


def zipped(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/"), content)
    return out.getvalue()


def tarred(**members: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name.replace("__", "/"))
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


@pytest.mark.parametrize("pack", [zipped, tarred, lambda **found: zipped(inner__set=b"", inner__deep=b"")])
def test_members_of_an_archive_are_fetched_at_once(publisher, tmp_path, pack):
    one, two = b"first" * 900, b"second" * 900
    archive = pack(folder__one=one, folder__two=two)
    if pack not in (zipped, tarred):
        archive = zipped(**{"deep.zip": zipped(folder__one=one, folder__two=two)})
    publisher.pages["/archive"] = archive
    url = (publisher.base + "/archive",)
    files = [
        File(name, len(content), sha(content), urls=url) for name, content in (("one", one), ("two", two))
    ]
    paths = fetch_entry(entry(*files), tmp_path)
    assert [path.read_bytes() for path in paths] == [one, two]
    assert len(publisher.asked) == 1
    assert names(tmp_path) == ["one", "two"]


def test_a_member_with_other_bytes_or_a_path_outside_is_not_kept(publisher, tmp_path):
    publisher.pages["/archive"] = zipped(**{"../../one": b"evil", "one": b"other"})
    file = File("one", 5, sha(b"right"), urls=(publisher.base + "/archive",))
    with pytest.raises(WrongDigest):
        fetch_entry(entry(file), tmp_path / "deep" / "er")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_broken_archive_is_refused(publisher, tmp_path):
    packed = bytearray(zipped(one=b"right" * 5000))
    packed[40] ^= 0xFF
    publisher.pages["/archive"] = bytes(packed)
    file = File("one", 25_000, sha(b"right" * 5000), urls=(publisher.base + "/archive",))
    with pytest.raises(DataError, match="one could not be fetched"):
        fetch_entry(entry(file), tmp_path)
    assert names(tmp_path) == []


@pytest.mark.parametrize("url", ["http://example.org/x", "ftp://example.org/x", "file:///etc/hostname", "x"])
def test_only_https_is_followed(url, publisher, tmp_path):
    with pytest.raises(DataError, match="https"):
        ensure_https(url)
    publisher.redirects["/data.bin"] = url if ":" in url else "ftp://example.org/"
    file = plain(publisher)
    reason = "could not be fetched" if url.startswith("file") else "is not an https address"
    with pytest.raises(DataError, match=reason):
        fetch_entry(entry(file), tmp_path, pause=0)
    assert names(tmp_path) == []


def test_a_set_without_an_address_says_what_to_do(tmp_path):
    with pytest.raises(MissingData, match="put its files into"):
        fetch_entry(entry(File("x", 1, "")), tmp_path)
    with pytest.raises(DataError, match="there is no data set 'nothing'; there are mnist"):
        fetch("nothing", tmp_path)


def test_every_address_in_the_catalogue_is_https():
    for data_set in catalogue().values():
        for form in data_set.forms:
            for file in form.files:
                for url in file.urls:
                    ensure_https(url)
        assert data_set.fetchable or any(file.package for form in data_set.forms for file in form.files)


def test_too_large_is_a_reason_of_its_own():
    assert issubclass(TooLarge, DataError)
