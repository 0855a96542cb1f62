"""Runs are kept, listed, looked at, compared; one that was cut off goes on to the same end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tallystick.cli.run.run_setup import learner_of
from tallystick.engines.embedded.reader import open_reader
from tests.architecture.source import ROOT
from tests.cli.desk import Desk

QUICK = "--rounds 3 --learner softmax --epochs 1"


@pytest.fixture
def project(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A new project, entered."""
    desk.does("new mine")
    monkeypatch.chdir("mine")
    return desk


def test_a_new_project_runs_as_it_is_and_a_second_run_stands_beside_it(project: Desk) -> None:
    shown = project.does(f"simulate run.toml {QUICK} --leave dock:2")
    assert "5 members learn 'fault' (2 classes) from 4 columns by mutual, 3 rounds." in shown
    assert "west was expelled" in shown and "dock left" in shown and "executed again: all true" in shown
    assert "in the middle they gave it" in shown
    other = project.finds(f"simulate run.toml {QUICK} --preset averaging --epsilon 8")
    assert other["folder"] == "runs/mine-2"
    assert all(one["epsilon"] > 0 for one in other["rounds"])

    listed = project.finds("run list")
    assert [one["run"] for one in listed] == ["mine", "mine-2"] and all(one["finished"] for one in listed)
    assert "settled: recorded" in project.does("run list")
    assert project.does("run show mine").splitlines()[0] in shown
    assert "dock left" in project.does("run log mine")
    compared = project.does("run compare mine mine-2")
    assert "averaging" in compared and "mutual" in compared and "west (expelled)" in compared
    assert "ε = " in compared and "for one record" in compared
    assert [one["run"] for one in project.finds("run compare mine mine-2")] == ["mine", "mine-2"]
    again = project.does("run resume mine-2")
    assert "it is not run again" in again and other["head"] in project.finds("run show mine-2")["head"]


def test_a_learner_of_ones_own_is_the_one_that_trains(project: Desk) -> None:
    assert dict(learner_of("learner.py:build").settings)["hidden"] == "32-16"
    Path("learner.py").write_text("import tallystick as ts\nbuild = ts.linear(0.2)\n")
    assert project.finds("simulate run.toml --rounds 1 --leave dock:1")["learner"] == "linear"
    for text, said in (
        ("build = 3", "build is an int; it has to be a learner, a class"),
        ("x = 1", "has no 'build'; it has nothing of the kind"),
        ("x = 1\ny = 1 / 0", "does not run: ZeroDivisionError: division by zero (line 2)"),
    ):
        Path("learner.py").write_text(text)
        failed = project.fails("simulate run.toml")
        assert said in failed and failed.startswith("tally: run.toml, line 8: learner: ")


@pytest.mark.parametrize(
    "before, after, said",
    [
        ("rounds = 8", "rouds = 8", "line 9: there is nothing called 'rouds'; did you mean rounds?"),
        ("rounds = 8", 'rounds = "8"', "line 9: rounds is a whole number of at least 1, not \"8\""),
        ("rounds = 8", "rounds = 8 8", "run.toml is not TOML: "),
        ("judging = 0.2", "judging = true", "line 12: judging is a number, not true"),
        ('by = "site"', "by = 3", "line 3: by is a text, not 3"),
        ('by = "site"', 'by = "plant"', "line 3: by: there is no column 'plant'; there are site, pump"),
        ('preset = "mutual"', 'preset = "mutal"', "line 7: preset: there is no preset 'mutal'"),
        ("west:sign-flip", "west:sing", "line 15: malicious: west:sing: there is no attack 'sing'"),
        ("dock:5", "dog:5", "line 16: leave: dog:5: there is no member 'dog'"),
        ("seed = 7", 'setting = ["k=two"]', "line 13: setting: "),
        ('"data.csv"', '"none.csv"', "none.csv"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_file_is_one_line_that_says_where(
    project: Desk, before: str, after: str, said: str
) -> None:
    text = Path("run.toml").read_text()
    assert before in text
    Path("run.toml").write_text(text.replace(before, after, 1))
    assert said in project.fails("simulate run.toml")


def test_a_run_that_was_killed_goes_on_to_the_same_end(project: Desk) -> None:
    line = f"simulate run.toml {QUICK}"
    words = [sys.executable, "-c", "import sys; from tallystick.cli.main import main; main()", *line.split()]
    run = subprocess.Popen(
        words, env={**os.environ, "PYTHONPATH": str(ROOT / "src")}, stdout=subprocess.DEVNULL
    )
    until = time.monotonic() + 200
    while height() < 20 and time.monotonic() < until and run.poll() is None:
        time.sleep(0.01)
    run.send_signal(signal.SIGKILL)
    assert run.wait() == -signal.SIGKILL

    (listed,) = project.finds("run list")
    assert not listed["finished"] and "was cut off in round" in project.does("run list")
    assert "`tally run resume" in project.fails("run show mine")
    assert "5 members form the team" in project.does("run log mine")
    resumed = project.finds("run resume mine")
    assert resumed["outcome"] == "settled: recorded"
    whole = project.finds(f"{line} --keep whole")
    assert resumed["head"] == whole["head"]
    assert resumed["score"] == whole["score"]


def height() -> int:
    try:
        with open_reader(Path("runs/mine/ledger"), check=False) as reader:
            return reader.status().height
    except Exception:  # noqa: BLE001  it is not there yet, or half made
        return 0


def test_what_is_not_there_is_one_line(desk: Desk) -> None:
    assert "no runs in runs yet" in desk.does("run list")
    assert "there is no run 'mine'; in runs there are: none" in desk.fails("run show mine")
    desk.does("new mine")
    assert "is not empty" in desk.fails("new mine")
    assert "which data?" in desk.fails("simulate")
