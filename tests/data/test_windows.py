"""Windows of per-second sums: fdc eq. 1 by hand, gaps, order, overlap, and 180 floats a minute."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.data.refusals import DataError
from tallystick.data.table import Table
from tallystick.data.windows import SECOND, Seconds, per_second, recordings, windows


def stream(seconds, rate=20, axes=3, start=0):
    times = start * SECOND + np.arange(seconds * rate) * (SECOND // rate)
    return times, np.random.default_rng(1).normal(size=(len(times), axes))


def test_a_second_is_the_sum_of_its_samples_times_their_step():
    times, values = stream(3)
    found = per_second(times, values)
    assert found.at.tolist() == [0, SECOND, 2 * SECOND]
    np.testing.assert_allclose(found.sums[1], values[20:40].sum(axis=0) * 0.05)


def test_the_papers_rate_and_a_constant_give_its_integral():
    times = np.arange(8000) * (SECOND // 4000)
    found = per_second(times, np.full((8000, 3), 2.5))
    np.testing.assert_allclose(found.sums, 2.5)
    np.testing.assert_allclose(per_second(times, np.ones(8000), interval=1 / 4000).sums, 1.0)


def test_order_and_broken_samples_do_not_matter():
    times, values = stream(4)
    turned = np.random.default_rng(2).permutation(len(times))
    np.testing.assert_allclose(per_second(times[turned], values[turned]).sums, per_second(times, values).sums)
    values[5] = np.nan
    assert np.isfinite(per_second(times, values).sums).all()


def test_a_gap_is_not_one_long_sample():
    times, values = stream(10)
    keep = (times < 3 * SECOND) | (times >= 7 * SECOND)
    found = per_second(times[keep], values[keep])
    assert (found.at // SECOND).tolist() == [0, 1, 2, 7, 8, 9]
    np.testing.assert_allclose(found.sums[2], values[40:60].sum(axis=0) * 0.05)
    few = per_second(times[::3], values[::3], interval=0.05)
    assert len(few.at) == 0


def test_a_minute_of_three_axes_is_180_floats_in_order_of_time():
    found = windows(per_second(*stream(180)))
    assert found.values.shape == (3, 180) and found.values.dtype == np.float32 and not found.overlap
    sums = per_second(*stream(180)).sums
    np.testing.assert_allclose(found.values[1], sums[60:120].reshape(-1).astype(np.float32))
    assert found.start.tolist() == [0, 60 * SECOND, 120 * SECOND]


@given(st.lists(st.integers(0, 80), max_size=80, unique=True), st.integers(1, 6), st.integers(1, 8))
def test_windows_hold_consecutive_seconds_only(numbers, length, step):
    at = np.array(sorted(numbers), np.int64)
    found = windows(Seconds(at * SECOND, at[:, None].astype(float)), length, step)
    assert found.overlap == (step < length)
    for row in found.values:
        assert (np.diff(row) == 1).all() and len(row) == length
    if step >= length:
        seen = found.values.reshape(-1).tolist()
        assert len(seen) == len(set(seen))


def test_recordings_are_windowed_one_by_one():
    times, values = stream(130)
    one = {"t": times, "x": values[:, 0], "y": values[:, 1], "z": values[:, 2]}
    n = len(times)
    table = Table(
        {
            "who": np.repeat(np.array([7, 8], np.int16), 2 * n),
            "act": np.array((["run"] * n + ["rest"] * n) * 2, object),
            **{name: np.tile(column, 4) for name, column in one.items()},
        }
    )
    found = recordings(table, ["who", "act"], "t", ["x", "y", "z"])
    assert len(found) == 8 and found["window"].shape == (8, 180)
    assert (
        found["who"].tolist() == [7] * 4 + [8] * 4
        and found["act"].tolist() == ["rest", "rest", "run", "run"] * 2
    )
    np.testing.assert_array_equal(found["window"][:2], windows(per_second(times, values)).values)
    shuffled = table.take(np.random.default_rng(0).permutation(len(table)))
    np.testing.assert_allclose(
        recordings(shuffled, ["who", "act"], "t", ["x", "y", "z"])["window"], found["window"]
    )
    with pytest.raises(DataError, match="tell recordings apart"):
        recordings(table, [], "t", ["x"])
    with pytest.raises(DataError, match="two samples"):
        recordings(table.slice(0, 1), ["who"], "t", ["x"])


def test_what_cannot_be_windowed_is_refused():
    with pytest.raises(DataError, match="how far apart"):
        per_second(np.array([5]), np.ones(1))
    with pytest.raises(DataError, match="must be above 0"):
        per_second(np.arange(3), np.ones(3), interval=0)
    with pytest.raises(DataError, match="at least 1"):
        windows(Seconds(np.zeros(0, np.int64), np.zeros((0, 3))), 0)
    assert windows(Seconds(np.zeros(0, np.int64), np.zeros((0, 3)))).values.shape == (0, 180)
