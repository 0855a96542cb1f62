"""The gate: what it runs, in which order, and that its verdict is that of all its steps."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.architecture.source import ROOT

MAKE = """#!/bin/sh
echo "$*|$(ls -A "${TALLYSTICK_DATA:-$HOME}" | wc -l)" >> "$LOG"
case "$1" in
test) echo "$SUMMARY" ;;
esac
case " $BROKEN " in
*" $1 "*) echo "make: *** [$1] Error 1" >&2; exit 1 ;;
esac
"""


def gate(
    folder: Path, broken: str = "", summary: str = "4984 passed in 300.00s (0:05:00)"
) -> tuple[int, list[str], list[str]]:
    """Exit code and lines of the gate, and what it asked of make; "make" is a stand-in that keeps a log."""
    (folder / "bin").mkdir()
    (folder / "tree" / ".ci").mkdir(parents=True)
    (folder / "tree" / "something").touch()
    shutil.copy(ROOT / ".ci" / "run", folder / "tree" / ".ci" / "run")
    make = folder / "bin" / "make"
    make.write_text(MAKE)
    make.chmod(0o755)
    own = {
        "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "LOG": str(folder / "log"),
        "BROKEN": broken,
        "SUMMARY": summary,
        "HOME": str(folder / "tree"),
    }
    environment = {name: value for name, value in os.environ.items() if name != "TALLYSTICK_DATA"}
    done = subprocess.run(
        [folder / "tree" / ".ci" / "run"],
        env=environment | own,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout.splitlines(), (folder / "log").read_text().splitlines()


def test_a_newcomers_commands_come_first_and_without_data_sets(tmp_path: Path) -> None:
    code, lines, asked = gate(tmp_path)
    assert [row.split("|")[0] for row in asked] == [
        *("demo", "test", "check", "smoke", "adapters", "bft ARGS=--smoke"),
    ]
    assert [row.split("|")[1] == "0" for row in asked] == [True, True, False, False, False, False]
    assert (code, lines[-1]) == (0, "4984 passed in 300.00s (0:05:00)")


@pytest.mark.parametrize("broken", ["demo", "test", "check", "smoke", "adapters", "bft", "demo bft"])
def test_every_step_runs_and_each_counts(tmp_path: Path, broken: str) -> None:
    summary = "1 failed, 4983 passed in 300.00s (0:05:00)"
    code, lines, asked = gate(tmp_path, broken, summary)
    assert len(asked) == 6
    assert code == 1
    assert lines[-1] == summary
    assert sum(line.startswith("== FAILED: ") for line in lines) == len(broken.split())


def test_tests_that_never_began_are_not_passed_over(tmp_path: Path) -> None:
    code, lines, _ = gate(tmp_path, "test", "no environment could be made")
    assert (code, lines[-1]) == (1, "make test did not get as far as a summary")
