"""A scheme tried on somebody's own table: what is shown is what happened, what is wrong is one line."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tallystick.cli.run.live_view import LiveView
from tallystick.engines.export import verify
from tallystick.history.moments import Moment
from tests.cli.desk import Bare, Desk

QUICK = "--rounds 2 --learner softmax --epochs 1"
MINE = f"simulate --data mine.csv --label fault --by site {QUICK}"


@pytest.fixture
def mine(desk: Desk) -> Desk:
    """A folder with a table of three sites; a pump fails when it shakes and is hot."""
    write(Path("mine.csv"))
    return desk


def write(path: Path, sites: str = "ABC", rows: int = 240) -> None:
    chance = random.Random(11)
    lines = ["site,vib,temp,fault,life,note"]
    for number in range(rows):
        vib, temp = chance.gauss(0, 1), chance.gauss(60, 9)
        fault = int(vib + (temp - 60) / 9 > 0.2)
        life = 60 - 9 * vib + number / 99
        lines.append(f"Site {sites[number % len(sites)]},{vib:.3f},{temp:.2f},{fault},{life:.2f},ok")
    path.write_text("\n".join(lines) + "\n")


def test_a_table_of_ones_own(mine: Desk) -> None:
    shown = mine.does(f"{MINE} --columns vib,temp --leave site-b:2")
    assert "3 members learn 'fault' (2 classes) from 2 columns by mutual, 2 rounds." in shown
    assert "site-a" in shown
    assert "round 2 of 2" in shown
    assert " alone " in shown and " pooled" in shown
    assert "site-b left" in shown
    assert "no formal guarantee" in shown
    assert "executed again: all true" in shown
    page = Path("runs/mine/report.html").read_text()
    assert "report    runs/mine/report.html" in shown
    assert "<svg" in page and "src=" not in page
    assert sorted(path.name for path in Path().iterdir()) == ["mine.csv", "runs"]


def test_a_run_is_kept_and_found_again(mine: Desk) -> None:
    line = f"{MINE} --columns vib,temp --preset averaging --keep runs/a --report a.html"
    first = mine.finds(line)
    assert first["verified"]["problem"] == ""
    assert first["outcome"].startswith("settled")
    assert first["score"] > 0.6 and first["pooled"] > 0.6
    assert set(first["alone"]) == {one["member"] for one in first["pay"]} == {"site-a", "site-b", "site-c"}
    assert sum(one["net"] for one in first["pay"]) == 1000
    assert [one["round"] for one in first["rounds"]] == [1, 2]
    assert Path(first["report"]).exists() and first["folder"] == "runs/a"
    again = mine.does(line)
    assert "it is not run again" in again
    assert "block" in mine.does("ledger status --ledger runs/a/ledger")
    assert verify(Path("runs/a/run.tally")).app_hash.hex() == first["verified"]["app_hash"]
    assert "with other settings" in mine.fails(f"{line} --seed 8")
    assert "holds other files" in mine.fails(f"{MINE} --columns vib --keep .")


def test_settings_that_are_printed_can_be_set(mine: Desk) -> None:
    line = f"{MINE} --columns vib,temp --preset averaging"
    shown = mine.finds(f"{line} --setting size=2 --setting pay=per_round --setting schedule=300,100")
    assert sum(one["reward"] > 0 for one in shown["pay"]) == 2, "two of three are in the team"
    assert sum(one["net"] for one in shown["pay"]) == 400
    assert "the preset averaging has no setting 'k'; choose among" in mine.fails(f"{line} --setting k=3")
    assert "size is a whole number of at least 1" in mine.fails(f"{line} --setting size=many")
    assert "write it as NAME=VALUE" in mine.fails(f"{line} --setting size")


def test_ctrl_c_says_how_to_go_on_and_loses_nothing(mine: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    line = f"{MINE} --columns vib,temp --preset averaging --keep runs/a"
    hear = LiveView.hear

    def cut(self: LiveView, moment: Moment) -> None:
        hear(self, moment)
        if moment.round == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(LiveView, "hear", cut)
        said = mine.types(line)
    assert (said.code, said.err.strip()) == (130, "")
    assert said.out.endswith("cut off; `tally run resume runs/a` goes on from here\n")
    resumed = mine.finds("run resume runs/a")
    assert resumed["head"] == mine.finds(line.replace("runs/a", "runs/b"))["head"]


def test_privacy_is_told_with_whose_and_by_whose_account(mine: Desk) -> None:
    found = mine.finds(f"{MINE} --columns vib,temp --preset averaging --epsilon 6")
    training = found["privacy"][0]
    assert "for one record" in training and "privacy loss distribution" in training
    assert float(training.partition("ε = ")[2].split()[0]) <= 6
    assert any("means and spreads" in line and "no formal guarantee" in line for line in found["privacy"])


def test_a_task_with_constants_of_its_own_needs_no_statistics(mine: Desk) -> None:
    Path("pumps.toml").write_text(
        'columns = ["vib", "temp"]\ntarget = "fault"\nlabels = ["0", "1"]\n'
        "[column.temp]\ncentre = 60\nspread = 9\n"
    )
    words = f"simulate --data mine.csv --by site --task pumps.toml --preset averaging {QUICK}"
    shown = mine.does(words)
    assert "means and spreads" not in shown
    assert "leave --label" in mine.fails(f"{words} --label fault")


def test_a_number_is_told_by_an_error_that_can_tell_models_apart(desk: Desk) -> None:
    """The label spans 3,000: an error cut off at a thousand would make all models look alike."""
    write(Path("mine.csv"))
    lines = Path("mine.csv").read_text().splitlines()
    rows = [line.split(",") for line in lines[1:]]
    wide = [",".join((*row[:4], str(float(row[4]) * 100), row[5])) for row in rows]
    Path("wide.csv").write_text("\n".join([lines[0], *wide]) + "\n")
    words = "simulate --data wide.csv --label life --by site --columns vib,temp --preset mutual"
    found = desk.finds(f"{words} --learner softmax --rounds 3")
    figures = [one["team"] for one in found["rounds"]]
    assert found["measure"] == "mae"
    assert figures[-1] < figures[0] < 3_000
    assert found["score"] < 700


@pytest.mark.parametrize(
    "words, said",
    [
        ("--label fault", "'note': text or time, and a learner takes numbers; code it as numbers, or leave it"
                          " out: --columns vib,temp,life"),
        ("--label fault --columns vib,none", "there is no column 'none'; there are site, vib"),
        ("--label note --columns vib", "is the same in every row"),
        ("--label site", "cannot say both"),
        ("--columns vib", "say --label COLUMN; there are site, vib"),
        ("--label fault --columns vib --preset none", "choose one of averaging, mutual"),
        ("--label fault --columns vib --learner tree", "say softmax, mlp:64"),
        ("--label fault --columns vib --malicious x:copy", "no member 'x'"),
        ("--label fault --columns vib --malicious Site-A:x", "choose one of sign-flip"),
        ("--label fault --columns vib --leave site-a", "such as site-2:4"),
        ("--label fault --columns vib --judging 2", "must be at least 0 and less than 1"),
        ("--label fault --columns vib --epsilon 0", "ε is at least"),
        ("--label fault --columns vib --measure none", "none"),
        ("--label fault --columns vib --rounds 0", "0 is less than 1"),
        ("--label fault --columns vib --test none.csv", "none.csv"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(mine: Desk, words: str, said: str) -> None:
    assert said in mine.fails(f"simulate --data mine.csv --by site {words}")


def test_a_missing_file_column_or_value_is_one_line(mine: Desk) -> None:
    assert "none.csv" in mine.fails("simulate --data none.csv --label fault --by site")
    assert "there is no column 'plant'" in mine.fails("simulate --data mine.csv --label fault --by plant")
    text = Path("mine.csv").read_text().replace(",1,", ",,", 1)
    Path("gaps.csv").write_text(text)
    assert "missing in 1 of 240 rows" in mine.fails(
        "simulate --data gaps.csv --label fault --by site --columns vib"
    )
    write(Path("one.csv"), sites="A")
    assert "at least two members" in mine.fails(MINE.replace("mine", "one") + " --columns vib")


def test_without_the_learning_parts_one_line_says_what_brings_them(bare: Bare) -> None:
    said = bare(MINE)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("tally: simulations need ")
    assert "pip install 'tallystick[learn]'" in said.err and said.err.count("\n") == 1
