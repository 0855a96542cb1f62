"""Tasks: what a person writes becomes one canonical record or one clear refusal."""

import tomllib
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.base import task as t
from tallystick.base import toml
from tallystick.base.codec import Decoder, Malformed, encode
from tallystick.base.measure import Measure, named


def test_a_task_from_names_travels_as_one_byte_string() -> None:
    made = t.task(["vib", "temp"], "fault", [0, 1], "macro_f1")

    assert made.labels == ("0", "1") and made.shape == (2,) and made.measure == named("macro_f1")
    assert Decoder(t.Task)(encode(made)) == made


def test_without_labels_a_task_is_a_regression_counted_as_its_target_is() -> None:
    made = t.task(["s1"], t.Column("rul", "cycles"))

    assert made.measure == named("mae", "cycles")


def test_a_row_may_have_a_shape() -> None:
    assert t.task(["x", "y", "z"], "activity", "ABC", shape=(60, 3)).shape == (60, 3)
    assert t.task(["pixel"], "digit", range(10), shape=(28, 28, 1)).shape == (28, 28, 1)


@pytest.mark.parametrize(
    "wrong, word",
    [
        ({"columns": "vib"}, "list of names"),
        ({"columns": []}, "not a task"),
        ({"columns": ["a", "a"]}, "'a' appears more than once"),
        ({"columns": ["fault"]}, "'fault' appears more than once"),
        ({"columns": [t.Column("a", spread="0")]}, "above 0, not 0"),
        ({"columns": [t.Column("a", spread="-2")]}, "above 0, not -2"),
        ({"columns": [t.Column("a", centre="1.50")]}, "not a task"),
        ({"columns": [t.Column("a", centre="-0")]}, "not a task"),
        ({"labels": ["x"]}, "at least two"),
        ({"labels": ["x", "x"]}, "at least two"),
        ({"labels": ["", "x"]}, "not a task"),
        ({"measure": "mae"}, "mae does not fit a classification"),
        ({"measure": "r2"}, "no measure 'r2'"),
        ({"labels": (), "measure": "auc"}, "auc does not fit a regression"),
        ({"measure": Measure("accuracy", "higher", "", 1, 1, 0)}, "lower bound 1"),
        ({"shape": (7,)}, "does not hold 2 columns"),
        ({"shape": (0,)}, "not a task"),
    ],
)
def test_a_contradiction_is_refused_in_words(wrong: dict[str, object], word: str) -> None:
    sound: dict[str, object] = {
        "columns": ["a", "b"],
        "target": "fault",
        "labels": [0, 1],
        "measure": "accuracy",
    }

    t.task(**sound)  # type: ignore[arg-type]
    with pytest.raises(t.BadTask, match=word):
        t.task(**sound | wrong)  # type: ignore[arg-type]


@given(st.decimals(-(10**11), 10**11, places=9))
def test_every_number_has_one_spelling(value: Decimal) -> None:
    text = t.number(value)

    assert Decimal(text) == value and t.number(text) == text
    assert Decoder(t.Column)(encode(t.Column("a", "", text))).centre == text


def test_what_is_no_number_is_refused() -> None:
    for value in ("x", "nan", "Infinity", "1e12", 10**12):
        with pytest.raises(t.BadTask, match="not a number"):
            t.number(value)
    with pytest.raises(Malformed):
        Decoder(t.Column)(encode(t.Column("a", "", "01")))


def test_a_task_is_read_from_toml(tmp_path: Path) -> None:
    path = tmp_path / "pumps.toml"
    path.write_text(
        'columns = ["vib", "temp"]\ntarget = "wear"\n[column.vib]\nof = "mm/s"\ncentre = 2.50\nspread = 1\n'
        '[target_column]\nof = "um"\n'
    )

    made = t.load(path)

    assert made.columns[0] == t.Column("vib", "mm/s", "2.5", "1")
    assert made.target.of == made.measure.of == "um"


@pytest.mark.parametrize(
    "text, word",
    [
        ("columns = [", "not a task in TOML"),
        ('columns = ["a"]', "needs columns and target"),
        ('columns = ["a"]\ntarget = "b"\ncolour = 1', "does not know colour"),
        ('columns = ["a"]\ntarget = "b"\n[column.c]\nof = "m"', "constants for c"),
        ('columns = ["a"]\ntarget = "b"\n[column.a]\nmean = 2', "not mean"),
    ],
)
def test_a_broken_file_is_refused_in_words(tmp_path: Path, text: str, word: str) -> None:
    path = tmp_path / "broken.toml"
    path.write_text(text)

    with pytest.raises(t.BadTask, match=word):
        t.load(path)
    with pytest.raises(t.BadTask, match="absent"):
        t.load(tmp_path / "absent.toml")


@pytest.mark.parametrize(
    "made",
    [
        t.task(["a", "b"], "c", [0, 1]),
        t.task(["x y", "é"], "q", ["a b", "c"], "auc", shape=(2,)),
        t.task([t.Column("a", "bar", "0.123456789012", "2.5"), "b"], t.Column("rul", "h", spread="30")),
        t.task(["a"], t.Column("y", "m"), measure=named("mae", "m", 500)),
        t.task(["a"], t.Column("y", "m"), measure=named("rmse", "cm")),
        t.task(["a"], t.Column("y", "m"), measure="loss_gain"),
    ],
)
def test_a_task_is_written_as_it_is_read(made: t.Task) -> None:
    written = toml.write(t.table_of(made))
    assert t.of_table(tomllib.loads(written, parse_float=Decimal)) == made


def test_a_measure_that_no_file_can_say_is_refused() -> None:
    odd = Measure("mae", "lower", "", 7, 0, 100)
    with pytest.raises(t.BadTask, match="no file of a task can say"):
        t.table_of(t.task(["a"], "b", measure=odd))
    with pytest.raises(t.BadTask, match="a measure has name, of and upper, not name, scale"):
        t.of_table({"columns": ["a"], "target": "b", "measure": {"name": "mae", "scale": 3}})
    with pytest.raises(t.BadTask, match="no measure 'r2'"):
        t.of_table({"columns": ["a"], "target": "b", "measure": {"name": "r2"}})
