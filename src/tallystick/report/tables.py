"""Tables of plain values, for a terminal of 80 columns and for a page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

GAP = "  "
BLOCK = "█"
SHARE = re.compile(r"-?[\d.,]+ %")


@dataclass(frozen=True)
class Table:
    """Rows of values under headings; numbers stand to the right."""

    headings: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]

    def cells(self) -> list[list[str]]:
        """Every value as it is written."""
        return [[written(value) for value in row] for row in self.rows]

    def text(self, width: int = 80) -> str:
        """The table for a terminal; the widest column gives way where the lines would be too long."""
        lines = [list(self.headings), *self.cells()]
        widths = [max(len(line[place]) for line in lines) for place in range(len(self.headings))]
        room = width - len(GAP) * (len(widths) - 1)
        while sum(widths) > room and max(widths) > 4:
            widths[widths.index(max(widths))] -= 1
        aligned = [
            GAP.join(
                _fitted(cell, size, right=self._is_number(place))
                for place, (cell, size) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        ]
        return "\n".join([aligned[0], GAP.join("─" * size for size in widths), *aligned[1:]])

    def html(self) -> str:
        """The table for a page; every value is shown as text, and a bar as a bar."""
        kinds = ["number" if self._is_number(place) else "word" for place in range(len(self.headings))]
        head = "".join(
            f'<th class="{kind}">{escape(heading)}</th>'
            for kind, heading in zip(kinds, self.headings, strict=True)
        )
        body = "".join(f"<tr>{''.join(map(_cell, kinds, row))}</tr>" for row in self.cells())
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        return f'<div class="wide">{table}</div>'

    def _is_number(self, place: int) -> bool:
        values = [row[place] for row in self.rows if row[place] is not None]
        return bool(values) and all(_numeric(value) for value in values)


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


def _numeric(value: object) -> bool:
    """Whether a value is a number, or one with a percent sign."""
    if isinstance(value, str):
        return bool(SHARE.fullmatch(value))
    return isinstance(value, int | float) and not isinstance(value, bool)


def _cell(kind: str, text: str) -> str:
    if text and not text.strip(BLOCK):
        return f'<td class="{kind}"><span class="bar" style="width:{len(text) / 2:g}rem"></span></td>'
    return f'<td class="{kind}">{escape(text)}</td>'


def _fitted(cell: str, size: int, right: bool) -> str:
    cut = cell if len(cell) <= size else cell[: size - 1] + "…"
    return cut.rjust(size) if right else cut.ljust(size)


def bars(values: Sequence[float], width: int = 24, top: float | None = None) -> list[str]:
    """A bar for each value, as long as its share of the largest."""
    largest = top if top is not None else max(values, default=0.0)
    return [BLOCK * round(width * value / largest) if largest > 0 else "" for value in values]
