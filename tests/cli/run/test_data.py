"""Data sets by the command: what there is, where it lies, and bringing one."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tallystick.cli.run.data import Meter, meter
from tallystick.data import catalogue
from tallystick.data.catalogue import DataSet, File, Form
from tallystick.data.fetch import DownloadProgress
from tests.cli.desk import Desk

CONTENT = b"vib,fault\n" + b"1,0\n" * 5_000


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> Iterator[DataSet]:
    """A catalogue of one data set, whose publisher is this process."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            self.wfile.write(CONTENT)

        def log_message(self, *said: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    url = f"http://127.0.0.1:{server.server_address[1]}/small.csv"
    file = File("small.csv", len(CONTENT), hashlib.sha256(CONTENT).hexdigest(), urls=(url,))
    wrong = File("other.csv", 0, "11" * 32, urls=(url,))
    sets = {
        "small": DataSet("small", "Small", "rows", "CC0", "us", "none", "small", (Form("csv", (file,)),)),
        "wrong": DataSet("wrong", "Wrong", "rows", "CC0", "us", "none", "wrong", (Form("csv", (wrong,)),)),
        "bare": DataSet(
            "bare",
            "Bare",
            "rows",
            "CC0",
            "us",
            "none",
            "bare",
            (Form("csv", (File("b.csv", 9, "22" * 32),)),),
        ),
    }
    monkeypatch.setattr(catalogue, "catalogue", lambda: sets)
    monkeypatch.setenv("TALLYSTICK_DATA", "sets")
    yield sets["small"]
    server.shutdown()
    server.server_close()
    thread.join()


def test_all_are_listed_with_size_terms_and_place(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALLYSTICK_DATA", "nowhere")
    shown = desk.does("data list")
    for name in catalogue.catalogue():
        assert f"\n{name} " in f"\n{shown}"
    assert "MB; " in shown
    assert "tally data fetch mnist" in shown
    found = {one["name"]: one for one in desk.finds("data list")}
    assert set(found) == set(catalogue.catalogue())
    assert found["mnist"]["here"] == ""
    assert found["mnist"]["command"] == "tally data fetch mnist"


def test_one_is_described(desk: Desk) -> None:
    shown = desk.does("data describe ai4i2020")
    assert "milling machine" in shown
    assert "CC BY 4.0" in shown
    assert desk.finds("data describe ai4i2020")["source"].startswith("S. Matzka")
    assert "there is no data set 'x'; there are mnist" in desk.fails("data describe x")


def test_one_is_brought_and_found_afterwards(desk: Desk, published: DataSet) -> None:
    assert "tally data fetch small" in desk.does("data list")
    assert "1 file, digests as the catalogue has them" in desk.does("data fetch small")
    assert Path("sets/small/small.csv").read_bytes() == CONTENT
    assert "sets/small" in desk.does("data describe small")
    assert "is here already" in desk.does("data fetch small")
    assert desk.finds("data fetch small")["fetched"] == []
    assert desk.finds("data fetch small --folder other")["fetched"] == ["other/small/small.csv"]


def test_wrong_bytes_and_missing_addresses_are_one_line(desk: Desk, published: DataSet) -> None:
    assert f"with SHA-256 {'11' * 32}" in desk.fails("data fetch wrong")
    assert not Path("sets/wrong/other.csv").exists()
    said = desk.fails("data fetch bare")
    assert "put its files into sets/bare" in said
    assert "These can: small, wrong" in said


def test_progress_says_how_much_of_what(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    half = DownloadProgress("https://example.org/sets/images.gz", 5_250_000, 10_500_000)
    assert meter(half) == "images.gz  5.2 of 10.5 MB, 50 %"
    assert meter(DownloadProgress(half.url, half.done, 0)) == "images.gz  5.2 MB"
    assert len(meter(DownloadProgress(f"https://example.org/{'x' * 300}", 1, 10))) < 80
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    Meter(silent=False)(half)
    Meter(silent=True)(half)
    assert capsys.readouterr().err.count("50 %") == 1
    monkeypatch.setattr("sys.stderr.isatty", lambda: False)
    Meter(silent=False)(half)
    assert capsys.readouterr().err == ""
