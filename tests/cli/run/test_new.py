"""`tally new`: the project's files, and that the same seed makes the same rows."""

from __future__ import annotations

from pathlib import Path

from tallystick.base import task
from tallystick.cli.run.new import ROWS, SITES, rows
from tallystick.cli.run.run_file import read_run_file
from tests.cli.desk import Desk


def test_a_project_holds_what_its_run_names(desk: Desk) -> None:
    made = desk.finds("new mine")
    assert sorted(made["files"]) == sorted(path.name for path in Path("mine").iterdir())
    settings = read_run_file(Path("mine/run.toml"))
    assert settings.data and settings.data.exists() and settings.test and settings.test.exists()
    assert settings.task and [column.name for column in task.load(settings.task).columns]
    assert len(Path("mine/data.csv").read_text().splitlines()) == 1 + ROWS * len(SITES)


def test_rows_follow_the_seed() -> None:
    assert list(rows(7, SITES)) == list(rows(7, SITES)) != list(rows(8, SITES))


def test_nothing_is_overwritten(desk: Desk) -> None:
    Path("empty").mkdir()
    desk.does("new empty")
    assert "is not empty" in desk.fails("new empty")
