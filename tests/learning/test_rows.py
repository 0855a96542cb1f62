"""A table's rows under a task: standardised, labelled by number, and with whose they are."""

from __future__ import annotations

import numpy as np
import pytest

from tallystick.base.task import Column, Task, task
from tallystick.data.refusals import DataError
from tallystick.data.table import Table
from tallystick.learning.rows import rows_of

TABLE = Table(
    {
        "vib": np.array([1.0, 3.0, 5.0]),
        "who": np.array(["pat", "kim", "pat"]),
        "fault": np.array(["yes", "no", "yes"]),
    }
)


def fault_of_vib(*labels: str) -> Task:
    return task([Column("vib", centre="1", spread="2")], "fault", labels)


def test_columns_are_standardised_and_labels_are_numbered():
    rows = rows_of(TABLE, fault_of_vib("no", "yes"))
    assert rows.x.tolist() == [[0.0], [1.0], [2.0]]
    assert rows.y.tolist() == [1, 0, 1]
    assert rows.subject is None


def test_people_are_numbered_where_a_column_names_them():
    rows = rows_of(TABLE, fault_of_vib("no", "yes"), "who")
    assert rows.subject.tolist() == [1, 0, 1]


def test_a_label_that_the_task_does_not_know_is_refused():
    with pytest.raises(DataError, match="'yes'"):
        rows_of(TABLE, fault_of_vib("no", "perhaps"))
