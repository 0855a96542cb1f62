"""The doctor says what is missing and what mends it."""

from __future__ import annotations

import importlib.metadata as installed
from pathlib import Path

import pytest

from tests.cli.desk import Desk


def test_what_is_there(desk: Desk) -> None:
    shown = desk.does("doctor")
    assert "the ledger works here, and so does learning" in shown
    assert installed.version("msgspec") in shown
    parts = {one["part"]: one for one in desk.finds("doctor")["parts"]}
    assert parts["ledger"]["missing"] == []
    assert parts["[learn]"]["missing"] == []


def test_what_is_missing_comes_with_the_line_that_mends_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = installed.version

    def version(name: str) -> str:
        if name in ("jax", "msgspec"):
            raise installed.PackageNotFoundError(name)
        return known(name)

    monkeypatch.setattr(installed, "version", version)
    shown = desk.does("doctor")
    assert "pip install 'tallystick[learn]'" in shown
    assert "brings jax" in shown
    assert "ledger must be mended first" in shown
    found = desk.finds("doctor")
    assert (found["works"], found["learns"]) == (False, False)


def test_without_the_learning_parts_the_ledger_works(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    known = installed.version

    def version(name: str) -> str:
        if name == "jax":
            raise installed.PackageNotFoundError(name)
        return known(name)

    monkeypatch.setattr(installed, "version", version)
    assert desk.does("doctor").endswith("the ledger works here\n")
    found = desk.finds("doctor")
    assert (found["works"], found["learns"]) == (True, False)


def test_the_data_sets_folder(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALLYSTICK_DATA", "nowhere")
    assert "set TALLYSTICK_DATA" in desk.does("doctor")
    Path("nowhere").mkdir()
    shown = " ".join(desk.does("doctor").split())
    assert "in nowhere" in shown
    assert "of 9 here" in shown


def test_a_ledger_is_looked_at(trial: Desk) -> None:
    assert "chain 'trial'" in trial.does("doctor")
    said = trial.does("doctor --ledger none")
    assert "there is no ledger folder none" in said
    assert "this ledger must be mended first" in said
