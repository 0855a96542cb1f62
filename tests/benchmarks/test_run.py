"""The runner of cases, with cases of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import benchmarks
from benchmarks.results import load_all
from benchmarks.run import Console
from tallystick.ledger.transition import RULES_VERSION

REPOSITORY = Path(benchmarks.__file__).parents[1]

CASES = """
from benchmarks.case import Case, Figure, Measured, at_most
from pathlib import Path

HERE = Path(__file__).parent

def quick(smoke, progress):
    rounds = [progress.once(f"round {number}", lambda: work(number)) for number in range(3)]
    return Measured(value=sum(rounds), unit="s", target=at_most(1))

def work(number):
    with (HERE / "log").open("a") as log:
        log.write(f"{number}\\n")
    if number == 2 and (HERE / "stop").exists():
        raise KeyboardInterrupt
    return number

def breaks(smoke, progress):
    raise RuntimeError("the disk is gone")

def dies(smoke, progress):
    import os
    os._exit(9)

def draws(smoke, progress):
    from tallystick.report.plots import Curve, Panel
    return Figure([Measured(value=1, unit="")], [Panel("round", "loss", {"a": Curve([1, 2], [3, 4])})])

def loses(smoke, progress):
    return Measured(value=1, unit="lost", target=at_most(0))

CASES = (
    Case("bench", "quick", "three rounds", quick),
    Case("bench", "slow", "a long one", quick, full=True),
    Case("faults", "loses", "what is lost", loses),
    Case("papers", "draws", "curves", draws),
)
TROUBLE = (
    Case("papers", "breaks", "an error", breaks),
    Case("papers", "dies", "an end", dies),
)
"""


@pytest.fixture
def tree(tmp_path):
    """A repository of its own: the real runner, and cases that leave a trace."""
    home = tmp_path / "benchmarks"
    home.mkdir()
    for name in ("__init__", "case", "figures", "pictures", "results", "run"):
        (home / f"{name}.py").write_bytes((REPOSITORY / "benchmarks" / f"{name}.py").read_bytes())
    (home / "planted.py").write_text(CASES)
    (tmp_path / ".gitignore").write_text("__pycache__/\nlog\nstop\nresults/\n")
    return tmp_path


def run(tree, *arguments):
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "PYTHONPATH"))
    }
    environment["PYTHONPATH"] = str(REPOSITORY / "src")
    command = [sys.executable, "-m", "benchmarks.run", *arguments]
    return subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)


def steps(tree):
    log = tree / "benchmarks" / "log"
    return log.read_text().split() if log.exists() else []


def committed(tree):
    """The tree with all its files committed; returns the commit."""
    author = ("-c", "user.name=someone", "-c", "user.email=someone@example.org")
    for words in (("init", "-q"), ("add", "."), (*author, "commit", "-qm", "all")):
        subprocess.run(["git", *words], cwd=tree, check=True)
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=tree, capture_output=True, text=True, check=True)
    return done.stdout[:7]


def raised(tree):
    """Let the case say that it measures something else now."""
    planted = tree / "benchmarks" / "planted.py"
    planted.write_text(
        planted.read_text().replace('"three rounds", quick', '"three rounds", quick, behaviour=2')
    )


def test_a_case_is_measured_once_until_it_measures_something_else(tree):
    assert run(tree, "bench").returncode == 0
    (saved,) = load_all(tree / "results")
    assert (saved.name, saved.met, saved.measured[0].value) == ("bench/quick", False, 3)
    assert (saved.command, saved.behaviour) == ("make bench CASE=quick", 1)

    (tree / "benchmarks" / "planted.py").write_text(CASES + "\n# touched\n")
    assert f"measured at {saved.commit}" in run(tree, "bench").stdout
    assert len(steps(tree)) == 3

    raised(tree)
    run(tree, "bench")
    assert len(steps(tree)) == 6
    (saved,) = load_all(tree / "results")
    assert saved.behaviour == 2

    run(tree, "bench", "--again")
    assert len(steps(tree)) == 9


def test_a_result_names_its_commit_and_the_rules(tree):
    commit = committed(tree)
    run(tree, "bench")
    (saved,) = load_all(tree / "results")
    assert (saved.commit, saved.rules) == (commit, RULES_VERSION)

    raised(tree)
    run(tree, "bench")
    (saved,) = load_all(tree / "results")
    assert saved.commit == f"{commit}+"  # with a change that nobody committed


def test_what_was_begun_at_an_older_commit_says_so(tree):
    stop = tree / "benchmarks" / "stop"
    stop.touch()
    older = committed(tree)
    run(tree, "bench")
    stop.unlink()
    (tree / "newer").touch()
    assert committed(tree) != older
    run(tree, "bench")
    (saved,) = load_all(tree / "results")
    assert saved.commit == older


def test_a_stopped_case_goes_on_where_it_was(tree):
    stop = tree / "benchmarks" / "stop"
    stop.touch()
    stopped = run(tree, "bench")
    assert stopped.returncode == 130
    assert "goes on from here" in stopped.stderr
    assert load_all(tree / "results") == []

    stop.unlink()
    assert run(tree, "bench").returncode == 0
    assert steps(tree) == ["0", "1", "2", "2"]
    (saved,) = load_all(tree / "results")
    assert saved.core_minutes is not None
    assert saved.core_minutes > 0


def test_what_a_stopped_run_has_cost_is_counted(tmp_path):
    stopped = Console("planted", tmp_path)
    stopped.once("round", lambda: sum(range(1_000_000)))
    again = Console("planted", tmp_path)
    assert again.earlier == pytest.approx(stopped.spent(), abs=0.5)
    assert again.spent() > again.earlier > 0
    assert Console("planted", None).earlier == 0


def test_a_smoke_run_writes_nothing(tree):
    assert run(tree, "bench", "--smoke").returncode == 0
    assert not (tree / "results").exists()


def test_a_long_case_runs_only_when_asked_for(tree):
    assert "bench/slow" not in run(tree, "bench", "--plan").stdout
    assert "bench/slow" in run(tree, "bench", "--plan", "--full").stdout
    assert "bench/slow" in run(tree, "bench", "--plan", "--case", "slow").stdout


def test_curves_are_kept_and_drawn_beside_the_result(tree):
    assert run(tree, "papers").returncode == 0
    kept = tree / "results" / "papers"
    assert sorted(path.name for path in kept.iterdir()) == ["draws.curves.json", "draws.json", "draws.svg"]


def test_a_fault_that_was_found_fails_the_run(tree):
    found = run(tree, "faults")
    assert (found.returncode, load_all(tree / "results")[0].met) == (1, False)
    assert run(tree, "faults", "--smoke").returncode == 1


def test_a_case_that_fails_does_not_stop_the_others(tree):
    planted = tree / "benchmarks" / "planted.py"
    planted.write_text(planted.read_text() + "\nCASES += TROUBLE\n")

    failed = run(tree, "all", "--smoke")

    assert failed.returncode == 1
    assert "the disk is gone" in failed.stderr
    assert "3 failed: faults/loses, papers/breaks, papers/dies" in failed.stdout


def test_a_module_that_cannot_be_read_is_told(tree):
    (tree / "benchmarks" / "broken.py").write_text("import nowhere_at_all")

    failed = run(tree, "bench")

    assert failed.returncode == 1
    assert "benchmarks.broken cannot be read: ModuleNotFoundError" in failed.stderr
    assert "bench/quick" in failed.stdout


def test_an_unknown_case_names_those_that_exist(tree):
    unknown = run(tree, "bench", "--case", "quik")
    assert unknown.returncode == 2
    assert "there are: quick, slow" in unknown.stderr
