"""The demos tell the truth: their figures are the ledger's, and what they say is caught is caught."""

from __future__ import annotations

import dataclasses
import statistics
import time
from pathlib import Path

import pytest

from tallystick.cli.run import demo
from tallystick.cli.story import BALANCE, NAMES, REWARD, discrete_gaussian
from tallystick.engines.export import verify
from tests.cli.desk import Bare, Desk


def looked_around(told: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the demo says one may type to look around, once its settings are made."""
    export, *commands = [
        line.strip() for line in told.partition("Look around:")[2].splitlines() if line.strip()
    ]
    for setting in export.removeprefix("export ").split():
        monkeypatch.setenv(*setting.split("=", 1))
    return [command.removeprefix("tally ") for command in commands]


def test_the_clinics_learn_together(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    start = time.process_time()
    told = desk.does("demo --keep look")
    assert time.process_time() - start < 60
    assert "west was expelled" in told
    assert "east left" in told
    assert " alone " in told and " pooled" in told
    assert "all true" in told and "NOT SOUND" not in told
    assert "round 6 of 6" in told
    assert Path("look/report.html").read_text().count("<svg") >= 3
    for command in looked_around(told, monkeypatch):
        desk.does(command)
    assert verify(Path("look/run.tally")).sound
    assert "look exists already" in desk.fails("demo --keep look")


def test_programs_get_the_clinics_as_a_document(desk: Desk) -> None:
    found = desk.finds("demo")
    assert found["outcome"].startswith("settled")
    assert found["score"] > sum(found["alone"].values()) / len(found["alone"])
    assert found["verified"]["problem"] == ""
    assert {one["member"]: one["fined"] > 0 for one in found["pay"]}["east"]
    assert [path.name for path in desk.folder.iterdir()] == [found["report"]] == [demo.PAGE]


def test_without_the_learning_parts_it_is_the_ledgers_story(bare: Bare) -> None:
    said = bare("demo")
    assert (said.code, said.err) == (0, "")
    assert "pip install 'tallystick[learn]'" in said.out
    assert "refused: it is revoked" in said.out


def test_it_is_short_and_quick(desk: Desk) -> None:
    start = time.process_time()
    told = desk.does("demo --ledger-only")
    taken = time.process_time() - start
    assert len(told.splitlines()) <= 40
    assert taken < 10
    assert "refused: it is revoked" in told
    assert told.count("caught: ") == 2
    assert "NOT CAUGHT" not in told
    assert list(desk.folder.iterdir()) == []


def test_its_figures_add_up(desk: Desk) -> None:
    told = desk.finds("demo --ledger-only")
    rows = {row["member"]: row for row in told["settlement"]}
    assert told["stage"] == "settled"
    assert set(rows) == set(NAMES)
    for row in rows.values():
        assert row["had"] + row["escrow"] + row["reward"] + row["fines"] == row["has"]
    assert sum(row["has"] for row in rows.values()) == BALANCE * len(NAMES)
    assert sum(row["reward"] for row in rows.values()) == REWARD
    assert rows["ada"]["escrow"] == -REWARD
    assert min(row["fines"] for row in rows.values()) < 0 < max(row["fines"] for row in rows.values())
    assert told["export"]["problem"] == ""
    assert told["export"]["refused"] == 1
    assert told["flipped"]["problem"]
    assert "writes something else" in told["patched"]["problem"]


def test_what_it_keeps_can_be_looked_at_and_used(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    told = desk.does("demo --ledger-only --keep look")
    *looks, last = looked_around(told, monkeypatch)
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
    with demo._story(Path("stolen"), demo.stealing(honest)) as story:
        told = demo._play(story, demo.Teller(silent=True))
        rows = {row["member"]: row for row in told["settlement"]}
    gained = {
        name: row["has"] - sum(row[k] for k in ("had", "escrow", "reward", "fines"))
        for name, row in rows.items()
    }
    assert gained == {"ada": 0, "bob": demo.STOLEN, "cleo": -demo.STOLEN}


def test_a_fraud_that_is_not_caught_is_said(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the audit finds nothing, the demo does not claim that it did."""
    monkeypatch.setattr(demo, "stealing", lambda machine: dataclasses.replace(machine))
    assert "NOT CAUGHT" in desk.does("demo --ledger-only")


def test_the_noise_is_as_large_as_its_event_says() -> None:
    drawn = [discrete_gaussian(5) for _ in range(4_000)]
    mean, variance = statistics.mean(drawn), statistics.pvariance(drawn)
    assert abs(mean) < 5 * 5 / 4_000**0.5
    assert 0.85 < variance / 25 < 1.15
    assert {value for value in drawn if abs(value) <= 2} == {-2, -1, 0, 1, 2}
