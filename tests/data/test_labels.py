"""Labels join rows by the time ranges of a log, as the teachers' log of fdc Table II."""

from datetime import UTC, date, datetime

import numpy as np
import pytest

from tallystick.data.labels import Span, daily, label_at, nanoseconds, read_log
from tallystick.data.refusals import DataError, Unreadable

TABLE_2 = [
    ("8:00", "8:20", "Breakfast"), ("8:20", "9:45", "Teaching"), ("9:45", "10:00", "Indoor activities"),
    ("10:10", "11:00", "Outdoor activities"), ("11:00", "11:30", "Indoor activities"),
    ("11:30", "12:00", "Lunch"), ("12:00", "14:00", "Afternoon nap"),
    ("14:30", "16:10", "Outdoor activities"), ("16:10", "16:50", "Dinner"),
]  # fmt: skip
CLASSES = {
    "Breakfast": "eating", "Lunch": "eating", "Dinner": "eating", "Afternoon nap": "sleeping",
    "Indoor activities": "indoor", "Outdoor activities": "outdoor",
}  # fmt: skip
LOG = daily(TABLE_2, [date(2019, 9, 4), date(2019, 9, 5)])


def at(text):
    return nanoseconds(datetime.fromisoformat(f"2019-09-{text}"))


def test_the_papers_log_gives_its_four_classes():
    times = [at(text) for text in ("04T08:00", "04T08:20", "04T10:05", "04T11:59:59", "05T12:00", "05T16:50")]
    assert label_at(times, LOG, CLASSES).tolist() == ["eating", None, None, "eating", "sleeping", None]
    assert label_at(times, LOG).tolist() == ["Breakfast", "Teaching", None, "Lunch", "Afternoon nap", None]


def test_a_window_must_lie_in_one_activity():
    minute = 60 * 10**9
    times = [at(text) for text in ("04T08:19", "04T08:19:01", "04T07:59:30", "04T16:49:30")]
    assert label_at(times, LOG, CLASSES, minute).tolist() == ["eating", None, None, None]


def test_neighbouring_spans_of_one_class_cover_a_window_together():
    log = [Span(0, 10, "lunch"), Span(10, 20, "dinner"), Span(21, 30, "lunch")]
    same = {"lunch": "eating", "dinner": "eating"}
    assert label_at([5, 15, 0], log, same, 10).tolist() == ["eating", None, "eating"]
    assert label_at([5], log, None, 10).tolist() == [None]


def test_local_time_and_midnight():
    [span] = daily([("23:30", "0:10", "night")], [date(2020, 1, 1)], hours_east=8)
    assert span.start == nanoseconds(datetime(2020, 1, 1, 15, 30, tzinfo=UTC))
    assert span.end - span.start == 40 * 60 * 10**9


def test_a_log_is_read_from_csv(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text(
        "start,end,label\n2019-09-04T08:00+08:00,2019-09-04T08:20+08:00,Breakfast\n", encoding="utf-8-sig"
    )
    [span] = read_log(path)
    assert span == Span(at("04T00:00"), at("04T00:20"), "Breakfast")
    for line in ("x,2019-09-04,a", "2019-09-04", "2019-09-04,2019-09-03,a"):
        path.write_text(f"start,end,label\n{line}\n")
        with pytest.raises(DataError) as found:
            read_log(path)
        assert "line 2" in str(found.value) or "end later" in str(found.value)
    path.write_text("from,to\n1,2\n")
    with pytest.raises(Unreadable, match="needs start, end, label"):
        read_log(path)


def test_a_contradictory_log_is_refused():
    with pytest.raises(DataError, match="overlap"):
        label_at([1], [Span(0, 10, "a"), Span(9, 20, "b")])
    with pytest.raises(DataError, match="must end later"):
        label_at([1], [Span(10, 10, "a")])
    with pytest.raises(DataError, match="is no time of day; write it as 8:00"):
        daily([("8 o'clock", "9:00", "a")], [date(2020, 1, 1)])
    assert label_at(np.array([1, 2]), []).tolist() == [None, None]
