"""The example serves a request by hand: its money adds up, its model is agreed on, its ledger is true."""

from __future__ import annotations

from pathlib import Path

import pytest

from examples import ledger_only
from tallystick.cli.run.consortium import BALANCE, NAMES, REWARD
from tallystick.engines.export import export, verify


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("example")


@pytest.fixture(scope="module")
def came(folder: Path) -> ledger_only.Served:
    return ledger_only.play(folder / "ledger")


def test_its_figures_add_up(came: ledger_only.Served) -> None:
    rows = {row.member: row for row in came.settlement}
    assert came.progress.stage == "settled"
    assert set(rows) == set(NAMES)
    for row in rows.values():
        assert row.had + row.escrow + row.reward + row.fines + row.back == row.has
    assert sum(row.has for row in rows.values()) == BALANCE * len(NAMES)
    assert sum(row.reward for row in rows.values()) == REWARD
    assert rows["ada"].escrow == -REWARD
    assert rows[came.leaver].fines < 0 < max(row.fines for row in rows.values())


def test_its_model_is_near_what_judges_measure(came: ledger_only.Served) -> None:
    assert came.record.stands
    assert came.record.recorder != came.leaver
    assert (came.record.figure or 0) > 900_000
    assert all(0 < nano < 10 * 10**9 for nano in came.spent.values())


def test_its_ledger_executes_again(folder: Path, came: ledger_only.Served) -> None:
    export(folder / "ledger", folder / "run.tally")
    report = verify(folder / "run.tally")
    assert report.sound and report.refused == 0
    text = "\n".join(ledger_only.lines(came, report))
    assert "all true" in text and f"{came.leaver} left in round 3" in text


def test_it_runs_as_it_is_typed(capsys: pytest.CaptureFixture[str]) -> None:
    ledger_only.main()
    assert "The request is settled" in capsys.readouterr().out
