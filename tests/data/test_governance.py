"""Cleaning and standardising do what their report says, and nothing else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.base.task import task
from tallystick.data.governance import Cleaning, clean, decimal, missing_in, standard
from tallystick.data.refusals import DataError
from tallystick.data.table import Table

TABLE = Table(
    {
        "temp": np.array([20.0, np.nan, 500.0, 21.0, 20.0, -999.0]),
        "count": np.array([1, 2, 3, 4, 1, 6]),
        "word": np.array([" a ", "b", "c", "", "a", "f"], object),
    }
)


def test_rows_are_dropped_and_the_report_says_why():
    rules = Cleaning(ranges={"temp": (-50, 150)}, absent=(-999,))
    table, report = clean(TABLE, rules)
    assert table["count"].tolist() == [1] and table["word"].tolist() == ["a"]
    assert (report.before, report.after) == (6, 1)
    assert dict(report.counts) == {
        "rows had 'temp' outside -50 to 150 and were removed": 1,
        "rows had no 'temp' and were removed": 2,
        "rows had no 'word' and were removed": 1,
        "rows repeated an earlier one and were removed": 1,
    }
    assert "6 rows came in, 1 are left" in str(report) and "  2 rows had no 'temp'" in str(report)


def test_gaps_are_filled_from_the_rows_that_stay():
    rules = Cleaning(missing="mean", columns={"word": "keep"}, absent=(-999,), duplicates=False)
    table, report = clean(TABLE, rules)
    assert len(table) == 6
    np.testing.assert_allclose(table["temp"][[1, 5]], (20 + 500 + 21 + 20) / 4)
    assert "rows had no 'temp' and got its mean 140.25" in report.counts
    median, _ = clean(TABLE, Cleaning(columns={"temp": "median", "word": "keep"}, absent=(-999,)))
    assert median["temp"][1] == 20.5


def test_rows_that_go_do_not_fill_the_gaps_of_those_that_stay():
    table = Table({"id": np.array([1, 2, 3, 99]), "x": np.array([10.0, 20.0, np.nan, 1000.0])})
    filled, _ = clean(table, Cleaning("mean", ranges={"id": (0, 10)}))
    assert filled["x"].tolist() == [10, 20, 15]


def test_values_out_of_range_are_clipped_or_missing():
    clipped, report = clean(
        TABLE, Cleaning("keep", ranges={"temp": (0, 100)}, beyond="clip", duplicates=False)
    )
    assert clipped["temp"][2] == 100 and clipped["temp"][5] == 0 and np.isnan(clipped["temp"][1])
    assert report.counts == {"rows had 'temp' outside 0 to 100 and were clipped": 2}
    gone, _ = clean(TABLE, Cleaning("keep", ranges={"count": (1, 4)}, beyond="missing", duplicates=False))
    assert np.isnan(gone["count"][5]) and gone["count"][0] == 1


def test_a_clean_table_stays_as_it_is():
    table = Table({"x": np.arange(5.0), "image": np.arange(20.0).reshape(5, 4), "flag": np.array([True] * 5)})
    same, report = clean(table)
    assert all(np.array_equal(same[name], table[name]) for name in table) and report.counts == {}
    again, report = clean(table.slice(0, 0))
    assert len(again) == 0 and report.after == 0


def test_one_broken_value_in_a_window_drops_its_row():
    images = np.ones((3, 4))
    images[1, 2] = np.inf
    table, _ = clean(Table({"image": images, "id": np.arange(3)}))
    assert table["id"].tolist() == [0, 2]


def test_what_cannot_be_cleaned_is_refused():
    for rules, message in (
        (Cleaning(ranges={"none": (0, 1)}), "no column 'none'"),
        (Cleaning(columns={"none": "drop"}), "no column 'none'"),
        (Cleaning(ranges={"word": (0, 1)}), "'word' is no numbers"),
        (Cleaning(ranges={"temp": (1, 0)}), "must not be above"),
        (Cleaning(missing="mean"), "'word' is no numbers; it has no mean"),
    ):
        with pytest.raises(DataError, match=message):
            clean(TABLE, rules)
    with pytest.raises(DataError, match="no values at all"):
        clean(Table({"x": np.full(3, np.nan)}), Cleaning("mean"))


def test_missing_is_told_for_every_kind():
    assert missing_in(np.array(["NaT", "2020-01-01"], "datetime64[ns]")).tolist() == [True, False]
    assert missing_in(np.array([1, 2])).tolist() == [False, False]
    assert missing_in(np.array([None, "a"], object)).tolist() == [True, False]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50))
def test_standardised_columns_have_mean_0_and_spread_1(values):
    table = Table({"x": np.array(values), "w": np.array(["a"] * len(values), object)})
    constants = standard(table)
    made = constants.apply(table)["x"]
    assert abs(made.mean()) < 1e-6
    assert made.std() == pytest.approx(1, abs=1e-6) or made.std() < 1e-6
    np.testing.assert_allclose(constants.undo(constants.apply(table))["x"], values, atol=1e-6)


def test_constants_come_in_pieces_and_ignore_gaps():
    chance = np.random.default_rng(0)
    values = chance.normal(1e6, 3, 200_000)
    table = Table({"x": values, "y": np.where(values > 1e6, values, np.nan), "c": np.full(200_000, 7)})
    found = standard(table)
    assert found.centre["x"] == pytest.approx(values.mean(), rel=1e-12)
    assert found.spread["x"] == pytest.approx(values.std(), rel=1e-9)
    assert found.spread["y"] == pytest.approx(np.nanstd(table["y"]), rel=1e-9)
    assert (found.centre["c"], found.spread["c"]) == (7, 1)


def test_constants_become_a_tasks_columns():
    table = Table({"temp": np.array([1.0, 2.0, 4.0]), "big": np.array([1e9, 2e9, 3e9])})
    made = task(standard(table).columns(), "label", ["0", "1"])
    assert float(made.columns[0].centre) == pytest.approx(7 / 3, rel=1e-8)
    assert float(made.columns[1].spread) == pytest.approx(np.std([1e9, 2e9, 3e9]), rel=1e-8)
    assert decimal(1e-7) == "0.0000001"


def test_what_has_no_mean_is_refused():
    with pytest.raises(DataError, match="'word' is no numbers"):
        standard(TABLE, ["word"])
    with pytest.raises(DataError, match="no finite value"):
        standard(Table({"x": np.full(2, np.nan)}))
