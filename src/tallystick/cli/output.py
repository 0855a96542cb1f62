"""What people read: grouped amounts, times in UTC, tables of 80 columns; what programs read: JSON."""

import json
import re
import shutil
import textwrap
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..base.codec import Record

from ..report.tables import TextTable

WIDTH = 80
GAP = "  "
NEVER = 253_402_300_799_999  # the last millisecond that a date can show


def as_json(value: object) -> str:
    """A document for programs, as the ledger's answers are written."""
    from ..ledger.views.reading import plain

    return json.dumps(plain(value), indent=2, ensure_ascii=False)


def amount(tokens: int) -> str:
    """1234567 as 1,234,567."""
    return f"{tokens:,}"


def tokens(count: int) -> str:
    return f"{count:,} token{'' if abs(count) == 1 else 's'}"


def moment(milliseconds: int) -> str:
    """A time as 2027-01-15T08:00:00Z."""
    if not milliseconds:
        return "never"
    if milliseconds > NEVER:
        return "beyond the year 9999"
    exact = datetime.fromtimestamp(milliseconds // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    rest = milliseconds % 1000
    return f"{exact}.{rest:03d}Z" if rest else f"{exact}Z"


def share(part_per_million: int) -> str:
    """500000 as 0.5."""
    return decimal(part_per_million, 6)


def epsilon(nano: int) -> str:
    return decimal(nano, 9)


def decimal(value: int, places: int) -> str:
    """An integer of so many places behind the point, without zeros at its end."""
    sign, digits = "-" if value < 0 else "", str(abs(value)).rjust(places + 1, "0")
    whole, rest = digits[:-places], digits[-places:].rstrip("0")
    return f"{sign}{int(whole):,}" + (f".{rest}" if rest else "")


def pairs(rows: Iterable[tuple[str, object]]) -> list[str]:
    """Names and values under one another; long values go on in their own column."""
    shown = [(name, str(value)) for name, value in rows if value is not None and value != ""]
    wide = max((len(name) for name, _ in shown), default=0)
    lines: list[str] = []
    for name, value in shown:
        first, *rest = _wrapped(value, max(24, width() - wide - len(GAP)))
        lines.append(f"{name:<{wide}}{GAP}{first}".rstrip())
        lines += [" " * (wide + len(GAP)) + more for more in rest]
    return lines


def sentence(text: str) -> list[str]:
    """A sentence over as many lines as it needs; what was typed as one word stays one."""
    lines = textwrap.wrap(
        text, width(), break_long_words=False, break_on_hyphens=False, subsequent_indent="  "
    )
    return lines or [""]


def table(heads: Sequence[str], rows: Iterable[Sequence[object]], empty: str) -> list[str]:
    """Columns as wide as they must be; numbers to the right; the widest gives way where 80 are not enough."""
    body = tuple(tuple(str(cell) for cell in row) for row in rows)
    if not body:
        return [empty]
    return TextTable(tuple(heads), body).text(width(), ruled=False, wrapped=True).splitlines()


def width() -> int:
    return max(40, min(WIDTH, shutil.get_terminal_size((WIDTH, 24)).columns))


def notices(given: "Iterable[Record]") -> list[str]:
    """What happened, indented; long lines go on further in."""
    lines = map(notice, given)
    return [
        line
        for text in lines
        for line in textwrap.wrap(
            text, width(), initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False
        )
    ]


def _wrapped(text: str, limit: int) -> list[str]:
    return textwrap.wrap(text, limit, break_on_hyphens=False) or [""]


def notice(record: "Record") -> str:
    """What happened, in a line: GrantUsed as "grant used: grant grant-3f…, left 4"."""
    fields = ", ".join(
        f"{name.replace('_', ' ')} {_value(name, getattr(record, name))}" for name in record.__struct_fields__
    )
    words = re.sub(r"(?<!^)(?=[A-Z])", " ", type(record).__name__).lower()
    return f"{words}: {fields}" if fields else words


def _value(name: str, value: object) -> str:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return " ".join(map(str, value)) or "none"
    if not isinstance(value, int):
        return str(value)
    if name.endswith("_nano"):
        return epsilon(value)
    return moment(value) if name == "deadline" else amount(value)
