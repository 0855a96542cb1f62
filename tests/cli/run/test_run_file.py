"""A run's settings: read from a file with their lines, changed by options, written and read again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.cli.context import BadInput
from tallystick.cli.run.run_file import RunSettings, line_of, read_run_file, run_file_text

TEXT = """# a run
data = "mine.csv"
by = "site"

columns = ["a", "b"]
rounds = 3
epsilon = 8
learner = "own.py:build"
leave = "c:2"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "run.toml"
    path.write_text(TEXT)
    return path


def test_a_file_is_read_with_its_lines(file: Path) -> None:
    settings = read_run_file(file)
    assert (settings.by, settings.rounds, settings.epsilon) == ("site", 3, 8.0)
    assert (settings.columns, settings.leave) == (("a", "b"), ("c:2",))
    assert settings.data == file.parent / "mine.csv"
    assert settings.learner == f"{file.parent / 'own.py'}:build"
    assert settings.preset == RunSettings().preset
    assert settings.place("rounds") == f"{file}, line 6: rounds: "
    with pytest.raises(BadInput, match=r"run\.toml, line 3: by: there is no such column"):
        settings.stop("by", "there is no such column")


def test_options_come_before_a_file_and_have_no_line(file: Path) -> None:
    settings = read_run_file(file).with_options({"rounds": 5, "by": None, "columns": ()})
    assert (settings.rounds, settings.by, settings.columns) == (5, "site", ("a", "b"))
    assert settings.place("rounds") == ""
    assert settings.place("by") == f"{file}, line 3: by: "


@pytest.mark.parametrize(
    "line, reason",
    [
        ("rouds = 1", "line 1: there is nothing called 'rouds'; did you mean rounds?"),
        ("zzz = 1", "line 1: there is nothing called 'zzz'; there are data, by"),
        ("rounds = true", "rounds is a whole number of at least 1, not true"),
        ("rounds = 0", "rounds is a whole number of at least 1, not 0"),
        ('judging = "much"', 'judging is a number, not "much"'),
        ("columns = [1]", r"columns is a list of texts, not [1]"),
        ("by = 3", "by is a text, not 3"),
        ("by = ", "is not TOML"),
    ],
)
def test_what_is_wrong_in_a_file_is_said_with_its_place(tmp_path: Path, line: str, reason: str) -> None:
    path = tmp_path / "run.toml"
    path.write_text(line + "\n")
    with pytest.raises(BadInput) as refused:
        read_run_file(path)
    assert reason in str(refused.value) and str(path) in str(refused.value)


def test_a_name_stands_on_its_line_whether_it_is_a_value_or_a_table() -> None:
    text = 'x = "by = 3"\n\n[by]\n"odd name" = 1\n'
    assert (line_of(text, "by"), line_of(text, "odd name"), line_of(text, "x")) == (3, 4, 1)


@given(
    st.builds(
        RunSettings,
        by=st.text(st.characters(exclude_categories=["Cs"])),
        columns=st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1)).map(tuple),
        rounds=st.integers(1, 10**6),
        epsilon=st.none() | st.floats(0.1, 100),
        malicious=st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1)).map(tuple),
    )
)
def test_what_was_asked_for_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, settings: RunSettings
) -> None:
    folder = tmp_path_factory.mktemp("run")
    asked = replace(settings, data=folder / "mine.csv", learner=f"{folder / 'own.py'}:build")
    (folder / "run.toml").write_text(run_file_text(asked, folder), encoding="utf-8")
    assert read_run_file(folder / "run.toml") == asked
