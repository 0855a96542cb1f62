"""`tally audit privacy`: what is shown, what is written, what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.desk import Desk
from tests.cli.run.test_simulate import write

QUICK = "--steps 10 --shadows 5 --most 120 --learner softmax"


def test_digits_are_attacked_and_a_page_with_a_picture_is_written(desk: Desk) -> None:
    shown = desk.does(f"audit privacy --epsilon 3 {QUICK}")

    assert "ε = 2." in shown and "for one record" in shown
    assert "lower bound" in shown and "protection degree" in shown and "0% of rows" in shown
    page = Path("privacy-report.html").read_text()
    assert "<svg" in page and "src=" not in page


def test_a_table_of_ones_own_without_privacy_promises_nothing(desk: Desk) -> None:
    write(Path("mine.csv"))
    line = (
        f"audit privacy --data mine.csv --label fault --columns vib,temp {QUICK} --steps 80 --report a.html"
    )
    found = desk.finds(line)

    assert (found["epsilon"], found["sound"], found["report"]) == (None, True, "a.html")
    assert found["lower_bound"] > 2


@pytest.mark.parametrize("line, word", [
    ("--label fault", "say --data FILE too"),
    ("--data mine.csv", "say --label COLUMN"),
    ("--data mine.csv --label life --columns vib", "a number to predict"),
    ("--data mine.csv --label fault --columns vib,nonsense", "nonsense"),
    ("--epsilon 0", "between 0.1 and 100"),
    ("--epsilon 1 --delta 2", "--delta lies between"),
    ("--rate 2", "above 0 and at most 1"),
])  # fmt: skip
def test_what_makes_no_sense_is_refused(desk: Desk, line: str, word: str) -> None:
    write(Path("mine.csv"))
    assert word in desk.fails(f"audit privacy {line}")
