"""A person's own learner is read from a file, and told what is wrong where it is none."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jax
import pytest

import tallystick as ts
from tallystick.adapters.own import BadLearner
from tests.adapters import pages
from tests.adapters.battery import a_team_learns
from tests.learning.cohorts import invented_task

WRITTEN = """
from sklearn.linear_model import SGDClassifier
from tallystick.learning.models import mlp

Slope = SGDClassifier(loss="log_loss")
ready = mlp(8)
number = 3

def build():
    return SGDClassifier(loss="log_loss", alpha=0.01)

def breaks(rows=10):
    return mlp(rows / 0)

def wrong():
    return build

def own():
    return mlp(4)
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "my.py"
    path.write_text(WRITTEN, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "name, called", [("Slope", "slope"), ("ready", "mlp"), ("build", "build"), ("own", "mlp")]
)
def test_what_a_file_may_define(file: Path, name: str, called: str) -> None:
    made = ts.learner_from(f"{file}:{name}")
    assert made.name == called
    task = invented_task((6,), 3)
    assert made.on(task).init(SimpleNamespace(task=task), jax.random.key(1))


def test_a_learner_from_a_file_serves_a_team(file: Path) -> None:
    a_team_learns(ts.learner_from(f"{file}:build"), "averaging", 0.6)


def test_another_source_is_another_plan(file: Path) -> None:
    first = ts.learner_from(f"{file}:Slope").source
    assert ts.learner_from(f"{file}:Slope").source == first
    file.write_text(WRITTEN.replace('loss="log_loss")\nready', 'loss="hinge")\nready'), encoding="utf-8")
    assert ts.learner_from(f"{file}:Slope").source != first


@pytest.mark.parametrize(
    "where, words",
    [
        ("my.py", "names no learner: give a file and a name in it, such as my.py:PumpNet"),
        ("gone.py:net", r"there is no file .*gone\.py"),
        ("my.py:other", "has no 'other'; it has ready, build, breaks, wrong, own"),
        ("my.py:number", "number is an int; it has to be a learner, a class with build"),
        ("my.py:wrong", r"wrong\(\) gives a function"),
        ("my.py:breaks", r"my\.py does not run: ZeroDivisionError: division by zero \(line 13\)"),
        ("broken.py:net", r"broken\.py does not run: SyntaxError"),
        (
            "lacks.py:net",
            "does not run: .*; install it: pip install nowhere_to_be_found",
        ),
        ("table.csv:net", r"is no Python file: its name has to end in \.py"),
    ],
)
def test_what_is_no_learner_is_refused(file: Path, where: str, words: str) -> None:
    (file.parent / "broken.py").write_text("def net(:\n", encoding="utf-8")
    (file.parent / "lacks.py").write_text("import nowhere_to_be_found\n", encoding="utf-8")
    (file.parent / "table.csv").write_text("a,b\n", encoding="utf-8")
    with pytest.raises(BadLearner, match=words):
        ts.learner_from(file.parent / where)


def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.chdir(tmp_path)
    assert pages.execute(torch=False) == 1
    assert "settled" in capsys.readouterr().out
