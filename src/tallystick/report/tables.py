"""Tables of plain values, for a terminal; a page shows the same records by its templates."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

GAP = "  "
STEPS = " ▏▎▍▌▋▊▉█"  # eighths of a column
NUMBER = re.compile(r"-?[\d.,]+( %)?|[-–]")
NARROW = 4  # columns that every column of a table keeps


@dataclass(frozen=True)
class Bar:
    """A value as a length: its share of the largest, where that has so many columns."""

    share: float
    width: int

    @property
    def columns(self) -> float:
        """How long it is."""
        return self.width * max(0.0, min(1.0, self.share))

    def __str__(self) -> str:
        eighths = round(8 * self.columns)
        return STEPS[-1] * (eighths // 8) + STEPS[eighths % 8].strip()


@dataclass(frozen=True)
class TextTable:
    """Rows of values under headings; numbers stand to the right."""

    headings: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    kind: ClassVar[str] = "table"

    def cells(self) -> list[list[str]]:
        """Every value as it is written."""
        return [[written(value) for value in row] for row in self.rows]

    def align(self, place: int) -> str:
        """Whether a column holds numbers or words."""
        values = [row[place] for row in self.rows if row[place] is not None and row[place] != ""]
        return "number" if values and all(map(_numeric, values)) else "word"

    def text(self, width: int = 80, *, ruled: bool = True, wrapped: bool = False) -> str:
        """The table for a terminal; the widest column gives way where the lines would be too long.

        What does not fit is cut off, or goes on in the next line where the table is `wrapped`.
        """
        lines = [list(self.headings), *self.cells()]
        count = len(self.headings)
        widths = [max(len(line[place]) for line in lines) for place in range(count)]
        room = width - len(GAP) * (count - 1)
        while sum(widths) > room and max(widths) > NARROW:
            widths[widths.index(max(widths))] -= 1
        right = [self.align(place) == "number" for place in range(count)]
        shown = [row for line in lines for row in _fitted(line, widths, right, wrapped)]
        if ruled:
            heading = len(_fitted(lines[0], widths, right, wrapped))
            shown.insert(heading, GAP.join("─" * size for size in widths))
        return "\n".join(shown)

    def without_empty(self, kept: Sequence[str] = ()) -> TextTable:
        """The table without columns that say nothing in any row, except those to be kept."""
        places = [
            place
            for place, heading in enumerate(self.headings)
            if heading in kept or any(_says(row[place]) for row in self.rows)
        ]
        rows = tuple(tuple(row[place] for place in places) for row in self.rows)
        return TextTable(tuple(self.headings[place] for place in places), rows)


def written(value: object) -> str:
    """A value as people read it: whole numbers grouped, fractions with three digits, nothing as a dash."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.3f}"
    return str(value)


def bars(values: Sequence[float], width: int = 24, top: float | None = None) -> list[Bar]:
    """A bar for each value, as long as its share of the largest."""
    largest = top if top is not None else max(values, default=0.0)
    return [Bar(value / largest if largest > 0 else 0.0, width) for value in values]


def _says(value: object) -> bool:
    return value.columns > 0 if isinstance(value, Bar) else bool(value)


def _numeric(value: object) -> bool:
    """Whether a value is a number, or a word that is written like one."""
    if isinstance(value, str):
        return bool(NUMBER.fullmatch(value))
    return isinstance(value, int | float) and not isinstance(value, bool)


def _fitted(line: Sequence[str], widths: Sequence[int], right: Sequence[bool], wrapped: bool) -> list[str]:
    """A row as the lines that it takes."""
    cells = [_wrapped(cell, size) if wrapped else [_cut(cell, size)]
             for cell, size in zip(line, widths, strict=True)]  # fmt: skip
    return [
        GAP.join(
            (cell[row] if row < len(cell) else "").rjust(size)
            if flush
            else (cell[row] if row < len(cell) else "").ljust(size)
            for cell, size, flush in zip(cells, widths, right, strict=True)
        ).rstrip()
        for row in range(max(map(len, cells)))
    ]


def _cut(cell: str, size: int) -> str:
    return cell if len(cell) <= size else cell[: size - 1] + "…"


def _wrapped(cell: str, size: int) -> list[str]:
    return textwrap.wrap(cell, size, break_on_hyphens=False) or [""]
