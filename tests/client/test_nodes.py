"""Joining a ledger by a node: what is wrong is said in one line; the nodes of a process share the ledger."""

from __future__ import annotations

from pathlib import Path

import pytest

import tallystick as ts
from tallystick.base.keys import SigningKey, save_key
from tallystick.cli.main import run
from tallystick.client import ClientError
from tallystick.client.nodes import nodes_on, turn


@pytest.fixture
def trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ledger of two organisations in a folder."""
    monkeypatch.chdir(tmp_path)
    named = [word for name in ("ada", "bob") for word in ("--organisation", name)]
    assert run(["ledger", "init", "trial", *named, "--no-password"]) == 0
    return tmp_path / "trial"


def test_what_is_wrong_is_said_in_one_line(trial: Path, tmp_path: Path):
    key = trial / "keys" / "bob.key"
    (tmp_path / "empty").mkdir()
    (tmp_path / "odd.key").write_text("not a key")
    save_key(tmp_path / "stranger.key", SigningKey.generate(), None)
    save_key(tmp_path / "locked.key", SigningKey.generate(), "a long password", operations=1, memory=2**20)
    cases = [
        ((tmp_path / "nowhere", key), "there is no ledger folder"),
        ((tmp_path / "empty", key), "no ledger"),
        ((trial, tmp_path / "missing.key"), "missing.key"),
        ((trial, tmp_path / "odd.key"), "odd.key"),
        ((trial, tmp_path / "stranger.key"), "belongs to no member"),
        ((trial, tmp_path / "locked.key", "wrong password"), "password"),
    ]
    for given, why in cases:
        for opens in (ts.join, ts.connect):
            with pytest.raises(ClientError, match=why) as refused:
                opens(*given)
            assert "\n" not in str(refused.value)
    ts.join(trial, key).close()  # nothing of that keeps the ledger from being opened


def test_damaged_work_is_said_too(trial: Path):
    ts.join(trial, trial / "keys" / "bob.key").close()
    (trial / "nodes" / "bob" / "work" / "work.db").write_bytes(b"no database" * 100)
    with pytest.raises(ClientError, match="move it away"):
        ts.join(trial, trial / "keys" / "bob.key")


def test_nodes_of_one_process_are_known_to_the_ledger_that_is_open(trial: Path):
    with ts.open(trial) as ledger:
        ada, bob = (ts.join(ledger, trial / "keys" / f"{name}.key") for name in ("ada", "bob"))
        assert nodes_on(ledger) == [ada, bob]
        client = ts.connect(ledger, trial / "keys" / "ada.key")
        assert turn(client) == 0
        ada.close()
        assert nodes_on(ledger) == [bob]
        with ts.connect(ledger) as reader, pytest.raises(ClientError, match="open for reading"):
            turn(reader)
