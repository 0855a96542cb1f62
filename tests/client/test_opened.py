"""A ledger that is open here: one clock for all who use it, and an end that stops what runs on it."""

from __future__ import annotations

from pathlib import Path

from tallystick.base.keys import SigningKey
from tallystick.client import OpenLedger, connect, create
from tallystick.client.ledger import encryption_key
from tallystick.engines.engine import View
from tallystick.ledger import transactions as tx
from tallystick.ledger.genesis import Founder, Genesis

START = 1_790_000_000_000
ADA = SigningKey(b"a" * 32)


class Running:
    """A node that says when it was stopped, and takes itself off the list as nodes do."""

    def __init__(self, ledger: OpenLedger, member: str, stopped: list[str]) -> None:
        self.ledger, self.member, self.stopped = ledger, member, stopped
        ledger.nodes[member] = self

    def close(self) -> None:
        del self.ledger.nodes[self.member]
        self.stopped.append(self.member)


def opened(folder: Path, now: int = START) -> OpenLedger:
    founder = Founder("ada", ADA.public, encryption_key(ADA.public), ("owner",), 1_000)
    genesis = Genesis("small", START, 10_000, (founder,))
    return create(folder, genesis, SigningKey(b"b" * 32), lambda: now).ledger


def test_its_end_stops_its_nodes_and_the_engine(tmp_path: Path):
    stopped: list[str] = []
    with opened(tmp_path / "ledger") as ledger:
        Running(ledger, "ada", stopped), Running(ledger, "bob", stopped)
    assert stopped == ["ada", "bob"] and ledger.nodes == {}
    assert ledger.view.status().stopped == "the ledger was closed"


def test_whoever_only_uses_it_does_not_close_it(tmp_path: Path):
    with opened(tmp_path / "ledger") as ledger:
        with connect(ledger, ADA) as client:
            assert not client.owner and client.submit(tx.Report(bytes(32))).accepted
        assert ledger.view.status().stopped == ""
        with connect(ledger) as reader:
            assert isinstance(reader.view, View) and reader.member == ""


def test_its_time_is_never_before_the_newest_block(tmp_path: Path):
    with opened(tmp_path / "ledger", START - 50_000) as ledger:
        assert ledger.now() >= START
    with opened(tmp_path / "later", START + 50_000) as ledger:
        assert ledger.now() == START + 50_000
