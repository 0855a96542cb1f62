"""A table becomes what its task asks for, or is refused with the column and the reason."""

import numpy as np
import pytest

from tallystick.base.task import Column, task
from tallystick.data.inputs import inputs, targets
from tallystick.data.refusals import DataError
from tallystick.data.table import Table

TABLE = Table(
    {
        "temp": np.array([20.0, 30.0, 10.0]),
        "speed": np.array([1, 2, 3], np.int16),
        "image": np.arange(12, dtype=np.uint8).reshape(3, 2, 2),
        "wx": np.arange(12, dtype=np.float32).reshape(3, 4),
        "wy": np.arange(12, dtype=np.float32).reshape(3, 4) + 100,
        "word": np.array(["no", "yes", "no"], object),
        "number": np.array([1.0, 0.0, 1.0]),
        "flag": np.array([True, False, True]),
        "who": np.array(["b", "a", "b"], object),
    }
)
TEMP = Column("temp", "°C", "20", "10")


def test_columns_are_standardised_and_labels_numbered():
    found = inputs(TABLE, task([TEMP, "speed"], "word", ["yes", "no"]), subject="who")
    np.testing.assert_array_equal(found.x, np.array([[0, 1], [1, 2], [-1, 3]], np.float32))
    assert found.x.dtype == np.float32 and found.y.dtype == np.int32
    assert found.y.tolist() == [1, 0, 1] and found.subject.tolist() == [1, 0, 1]


def test_a_regressions_target_is_standardised():
    found = inputs(TABLE, task(["speed"], TEMP))
    assert found.y.tolist() == [0, 1, -1] and found.y.dtype == np.float32 and found.subject is None


@pytest.mark.parametrize("target", ["number", "flag"])
def test_numbers_and_truth_values_are_labels_too(target):
    assert targets(TABLE, task(["speed"], target, [0, 1])).tolist() == [1, 0, 1]


def test_pictures_stay_bytes_and_windows_put_axes_last():
    picture = inputs(TABLE, task(["image"], "word", ["no", "yes"], shape=(2, 2, 1)))
    assert picture.x.dtype == np.uint8 and picture.x.shape == (3, 2, 2, 1)
    flat = inputs(TABLE, task(["image"], "word", ["no", "yes"], shape=(4,)))
    assert flat.x.shape == (3, 4)
    windows = inputs(TABLE, task(["wx", "wy"], "word", ["no", "yes"], shape=(4, 2)))
    assert windows.x.shape == (3, 4, 2) and windows.x[1, 2].tolist() == [6, 106]
    beside = inputs(TABLE, task(["wx", "wy"], "word", ["no", "yes"], shape=(8,)))
    assert beside.x[1].tolist() == [4, 5, 6, 7, 104, 105, 106, 107]


def test_no_rows_are_rows():
    found = inputs(TABLE.slice(0, 0), task([TEMP, "speed"], "word", ["yes", "no"]), subject="who")
    assert found.x.shape == (0, 2) and found.y.shape == (0,) and found.subject.shape == (0,)


def test_gaps_are_refused_unless_the_learner_takes_them():
    table = TABLE.replace(temp=np.array([20, np.nan, 10]))
    about = task([TEMP], "word", ["yes", "no"])
    with pytest.raises(DataError, match="'temp' has 1 rows that are missing"):
        inputs(table, about)
    assert np.isnan(inputs(table, about, missing=True).x[1, 0])
    with pytest.raises(DataError, match="not finite"):
        inputs(TABLE.replace(temp=np.array([20, np.inf, 10])), about, missing=True)


@pytest.mark.parametrize(
    "about, message",
    [
        (task(["word"], "speed"), "'word' is text or time"),
        (task(["none"], "speed"), "no column 'none'"),
        (task(["speed"], "word", ["yes", "maybe"]), "holds 'no'; the task knows the labels yes, maybe"),
        (task(["speed"], "word"), "'word' must be finite numbers"),
        (
            task(["wx"], "word", ["no", "yes"], shape=(5,)),
            r"holds 4 numbers; the task's shape \(5,\) needs 5",
        ),
    ],
)
def test_a_table_of_another_task_is_refused(about, message):
    with pytest.raises(DataError, match=message):
        inputs(TABLE, about)
