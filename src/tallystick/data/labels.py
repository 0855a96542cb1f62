"""Labels from a log of what happened when, as in fdc Table II, joined to rows by their time."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.data.refusals import DataError, Unreadable

DAY = timedelta(days=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """From `start` up to, not including, `end`, both in nanoseconds since 1970."""

    start: int
    end: int
    label: str


def nanoseconds(moment: datetime) -> int:
    """Since 1970; a moment without a zone is read as UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - EPOCH) // timedelta(microseconds=1) * 1000


def in_order(spans: Iterable[Span]) -> list[Span]:
    """The spans by time; one that ends before it starts, and two that overlap, are refused."""
    ordered = sorted(spans)
    for span in ordered:
        if span.start >= span.end:
            raise DataError(
                f"{span.label!r} ends at {span.end} and starts at {span.start}; it must end later"
            )
    for before, after in pairwise(ordered):
        if after.start < before.end:
            raise DataError(
                f"{before.label!r} (to {before.end}) and {after.label!r} (from {after.start}) overlap; "
                "a moment has one label"
            )
    return ordered


def read_log(path: str | Path) -> list[Span]:
    """A CSV log with the columns start, end, label; times in ISO 8601."""
    spans = []
    with Path(path).open(newline="", encoding="utf-8-sig") as file:
        for number, row in enumerate(csv.DictReader(file), 2):
            try:
                start, end = (datetime.fromisoformat(row[name].strip()) for name in ("start", "end"))
                spans.append(Span(nanoseconds(start), nanoseconds(end), row["label"].strip()))
            except (KeyError, AttributeError, TypeError, ValueError) as error:
                raise Unreadable(
                    f"{Path(path).name}, line {number}: needs start, end, label, as in "
                    f"2019-09-04T08:00,2019-09-04T08:20,Breakfast ({error})"
                ) from None
    return in_order(spans)


def daily(entries: Sequence[tuple[str, str, str]], days: Sequence[date], hours_east: float = 0) -> list[Span]:
    """A timetable such as ("8:00", "8:20", "Breakfast") repeated on each day, in local time."""
    zone = timezone(timedelta(hours=hours_east))
    spans = []
    for day in days:
        for start, end, label in entries:
            first, last = (datetime.combine(day, clock(text), zone) for text in (start, end))
            spans.append(Span(nanoseconds(first), nanoseconds(last if last > first else last + DAY), label))
    return in_order(spans)


def clock(text: str) -> time:
    try:
        hour, minute = text.split(":")
        return time(int(hour), int(minute))
    except ValueError:
        raise DataError(f"{text!r} is no time of day; write it as 8:00 or 14:30") from None


def label_at(
    times: Any,
    log: Sequence[Span],
    classes: Mapping[str, str] | None = None,
    length: int = 1,
) -> NDArray[np.object_]:
    """The label of each time, or of the `length` nanoseconds from it on; None where no one span covers them.

    `classes` maps the log's words to labels (Breakfast, Lunch, Dinner → eating); words it lacks give None.
    """
    spans = in_order(log)
    names = [span.label if classes is None else classes.get(span.label) for span in spans]
    starts = np.array([span.start for span in spans], np.int64)
    ends = np.array([span.end for span in spans], np.int64)
    at = np.asarray(times).astype(np.int64)
    named = np.full(len(at), None, object)
    place = np.searchsorted(starts, at, "right") - 1
    # Neighbouring spans of one class cover a window together.
    reach = ends.copy()
    for index in range(len(spans) - 2, -1, -1):
        if ends[index] == starts[index + 1] and names[index] == names[index + 1]:
            reach[index] = reach[index + 1]
    inside = place >= 0
    inside[inside] = at[inside] + length <= reach[place[inside]]
    named[inside] = np.array([*names, None], object)[place[inside]]
    return named
