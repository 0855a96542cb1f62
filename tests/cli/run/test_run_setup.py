"""What a person asks for becomes a task, a learner, attackers and leavers; what does not fit is refused."""

from __future__ import annotations

from math import ceil
from pathlib import Path

import pytest

from tallystick.cli.context import BadInput
from tallystick.cli.run.run_setup import learner_of, task_of
from tallystick.data.readers import read
from tests.cli.desk import Desk
from tests.cli.run.test_simulate import write


def test_what_a_label_is(desk: Desk) -> None:
    write(Path("mine.csv"))
    table = read("mine.csv")
    assert task_of(table, "fault", ["vib"]).labels == ("0", "1")
    assert task_of(table, "site", ["vib"]).labels == ("Site A", "Site B", "Site C")
    assert task_of(table, "life", ["vib"]).labels == ()
    error = task_of(table, "life", ["vib"]).measure
    assert (error.name, error.upper) == ("mae", ceil(float(table["life"].max() - table["life"].min())))
    assert task_of(table, "fault", ["vib"], "macro_f1").measure.name == "macro_f1"


def test_learners_by_name() -> None:
    assert learner_of("softmax").name == "linear"
    assert dict(learner_of("mlp:64-32").settings)["hidden"] == "64-32"


@pytest.mark.parametrize("words", ["mlp", "mlp:", "mlp:0", "mlp:8-x", "softmax:3", "tree", ""])
def test_there_is_no_such_learner(words: str) -> None:
    with pytest.raises(BadInput, match="say softmax, mlp:64, mlp:64-32 for two layers"):
        learner_of(words)
