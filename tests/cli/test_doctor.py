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


@pytest.fixture(params=["with CometBFT", "without CometBFT"])
def engine(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A program that answers as CometBFT does, or none: whichever this machine has."""
    program = tmp_path / "cometbft"
    if request.param == "with CometBFT":
        program.write_text("#!/bin/sh\necho 0.38.25\n")
        program.chmod(0o755)
    monkeypatch.setenv("TALLY_COMETBFT", str(program))
    return str(request.param)


def test_the_engine_of_many_organisations_is_asked_for_its_version(desk: Desk, engine: str) -> None:
    parts = {row["part"]: row for row in desk.finds("doctor")["parts"]}
    assert ("0.38.25" in parts["CometBFT"]["found"]) is (engine == "with CometBFT")
    assert (parts["CometBFT"]["missing"] == []) is (engine == "with CometBFT")
    assert ("make cometbft" in desk.does("doctor")) is (engine == "without CometBFT")
    assert desk.finds("doctor")["works"]


@pytest.mark.usefixtures("engine")
def test_a_ledger_is_looked_at(trial: Desk) -> None:
    assert "chain 'trial'" in trial.does("doctor")
    shown = trial.does("doctor --ledger none")
    assert "there is no ledger folder none" in shown
    assert "this ledger must be mended first" in shown
