"""The ledger's demo tells the truth: its figures are the ledger's, and what it says is caught is caught."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path

import pytest

from tallystick.cli.run import ledger_demo
from tallystick.cli.run.consortium import BALANCE, NAMES, REWARD
from tallystick.engines.export import verify
from tests.cli.desk import Desk, looked_around


def test_it_is_short_and_quick(desk: Desk) -> None:
    start = time.process_time()
    shown = desk.does("demo --ledger-only")
    assert time.process_time() - start < 10
    assert len(shown.splitlines()) <= 40
    assert "refused: it is revoked" in shown
    assert shown.count("caught: ") == 2
    assert "NOT CAUGHT" not in shown
    assert list(desk.folder.iterdir()) == []


def test_its_figures_add_up(desk: Desk) -> None:
    document = desk.finds("demo --ledger-only")
    rows = {row["member"]: row for row in document["settlement"]}
    assert document["stage"] == "refunded"
    assert set(rows) == set(NAMES)
    for row in rows.values():
        assert sum(row[part] for part in ("had", "escrow", "reward", "fines", "back")) == row["has"]
    assert sum(row["has"] for row in rows.values()) == BALANCE * len(NAMES)
    assert rows["ada"]["escrow"] == -REWARD
    assert rows["ada"]["back"] == REWARD - rows["bob"]["fines"] > REWARD
    assert document["export"]["problem"] == ""
    assert document["export"]["refused"] == 1
    assert document["flipped"]["problem"]
    assert "writes something else" in document["patched"]["problem"]


def test_what_it_keeps_can_be_looked_at_and_used(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = desk.does("demo --ledger-only --keep look")
    *looks, last = looked_around(shown, monkeypatch)
    for command in looks:
        desk.does(command)
    assert "writes something else" in desk.fails(last)
    assert desk.fails("ledger verify look/flipped.tally")
    assert verify(Path("look/demo.tally")).sound
    desk.does("send bob 5")
    assert "look exists already" in desk.fails("demo --keep look")


def test_the_rules_of_the_thief_steal(desk: Desk) -> None:
    from tallystick.engines.engine import ledger_machine

    honest = ledger_machine()
    with ledger_demo.opened(Path("stolen"), ledger_demo.stealing(honest)) as consortium:
        ledger_demo.request_life(consortium, ledger_demo.Teller(silent=True))
        rows = consortium.settlement()
    gained = {row.member: row.has - row.had - row.escrow - row.reward - row.fines - row.back for row in rows}
    assert gained == {"ada": 0, "bob": ledger_demo.STOLEN, "cleo": -ledger_demo.STOLEN}


def test_a_fraud_that_is_not_caught_is_said(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the audit finds nothing, the demo does not claim that it did."""
    monkeypatch.setattr(ledger_demo, "stealing", lambda machine: dataclasses.replace(machine))
    assert "NOT CAUGHT" in desk.does("demo --ledger-only")
