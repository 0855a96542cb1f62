"""Masking personal data in the columns of a table, and saying what was masked, where and how often."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from tallystick.data.personal import KINDS, find
from tallystick.data.refusals import DataError
from tallystick.data.schema import kind_of
from tallystick.data.table import Table

Action: TypeAlias = Literal["mask", "drop", "pseudonym", "keep"]
ACTIONS = ("mask", "drop", "pseudonym", "keep")
SHORTEST_NAME = 3

# What a heading says its column holds; its words are compared in lower case, `firstName` as "first name".
HEADINGS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(rf"\b(?:{pattern})\b"))
    for kind, pattern in (
        ("e-mail", r"e ?mail(?: address)?|mail address"),
        ("phone", r"(?:tele)?phone(?: number| no)?|mobile(?: number| no)?|fax(?: number| no)?|cell ?phone"),
        ("network address", r"ip(?:v[46])?(?: address| addr)?|mac address"),
        ("national id", r"ssn|social security(?: number)?|national (?:id|insurance)(?: number| no)?|"
                        r"passport(?: number| no)?|(?:tax|steuer) ?id|nhs number|bsn|aadhaar"),
        ("bank account", r"iban|bank account|account (?:number|no)|card (?:number|no)|credit card"),
        ("address", r"street|(?:home|postal|street) address|address|post ?code|zip(?: code)?|residence"),
        ("birth date", r"(?:date of birth|birth ?(?:date|day)|dob)"),
        ("name", r"(?:first|last|full|given|family|middle|user|nick|sur|fore)?name|vorname|nachname"),
    )
)  # fmt: skip
# "product name" and "ip rating" are about things.
THINGS = re.compile(
    r"\b(?:product|file|column|model|device|machine|sensor|host|site|class|category|event|type|brand|company|"
    r"plant|station|table|field|label|topic|memory|web|part|tag|server) ?(?:name|address)\b|ip rating"
)


@dataclass(frozen=True, slots=True)
class Masked:
    """How many values of which kind were masked in which column."""

    rows: int
    counts: Mapping[tuple[str, str], int]
    dropped: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = [f"{column!r}: {count:,} × {kind} masked" for (column, kind), count in self.counts.items()]
        lines += [f"{column!r}: column removed" for column in self.dropped]
        shown = lines or ["no personal data found by the rules"]
        note = "The rules find forms, not meaning: read a sample of free text yourself."
        return "\n".join([f"{self.rows:,} rows", *(f"  {line}" for line in shown), note])


def words_of(heading: str) -> str:
    """`patientName` and `PATIENT_NAME` as "patient name"."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", heading)
    return " ".join(re.split(r"[\W_]+", parted)).strip().lower()


def heading_kind(heading: str) -> str:
    """What a column holds by its heading, or ""."""
    words = words_of(heading)
    if THINGS.search(words):
        return ""
    return next((kind for kind, pattern in HEADINGS if pattern.search(words)), "")


def mask_text(
    text: str, kinds: Sequence[str] = KINDS, region: str = "", names: frozenset[str] = frozenset()
) -> tuple[str, Counter[str]]:
    """The text with what the rules find as [kind], and the counts; `names` are words to hide as well."""
    counts: Counter[str] = Counter()
    parts, at = [], 0
    for span in find(text, kinds, region):
        parts += [text[at : span.start], f"[{span.kind}]"]
        counts[span.kind] += 1
        at = span.end
    parts.append(text[at:])
    if names:

        def hidden(match: re.Match[str]) -> str:
            if match[0].casefold() not in names:
                return match[0]
            counts["name"] += 1
            return "[name]"

        parts[::2] = [re.sub(r"[^\W\d_]+", hidden, part) for part in parts[::2]]
    return "".join(parts), counts


def pseudonym(value: str, key: bytes) -> str:
    """The same word for the same value, useless without the key (a bare hash of a name can be guessed)."""
    return "p-" + hmac.new(key, value.encode(), hashlib.sha256).hexdigest()[:16]


def mask(
    table: Table,
    columns: Mapping[str, Action] | None = None,
    key: bytes = b"",
    region: str = "",
    kinds: Sequence[str] = KINDS,
) -> tuple[Table, Masked]:
    """The table without the personal data that headings and rules reveal, and a report.

    `columns` decides for a column: mask its values, drop it, replace them by pseudonyms (with `key`), or keep
    it as it is. Without a decision, a column whose heading names personal data is masked (dropped if it holds
    numbers), other text is searched, and words of the name columns are hidden there too.
    """
    chosen = dict(columns or {})
    for name, asked in chosen.items():
        table.ensure(name)
        if asked not in ACTIONS:
            raise DataError(f"{asked!r} for column {name!r} is no action; use {', '.join(ACTIONS)}")
    if "pseudonym" in chosen.values() and len(key) < 16:
        raise DataError("pseudonyms need a secret key of at least 16 bytes")
    text = {name for name in table.names if kind_of(table[name], name) == "text"}
    names = known_names(table, [name for name in text if heading_kind(name) == "name"])
    counts: Counter[tuple[str, str]] = Counter()
    kept, dropped = {}, []
    for name in table.names:
        kind = heading_kind(name)
        action: str = chosen.get(name) or ("search" if not kind else "mask" if name in text else "drop")
        if action == "drop":
            dropped.append(name)
        elif action == "keep" or (action == "search" and name not in text):
            kept[name] = table[name]
        else:
            values = [None if value is None else str(value) for value in table[name].reshape(-1).tolist()]
            hidden = masked_values(values, action, kind or "value", key, region, kinds, names)
            counts.update({(name, masked): count for masked, count in hidden[1].items()})
            kept[name] = np.array([*hidden[0], None], object)[:-1]
    return Table(kept), Masked(len(table), dict(counts), tuple(dropped))


def masked_values(
    values: list[str | None], action: str, kind: str, key: bytes, region: str, kinds: Sequence[str],
    names: frozenset[str],
) -> tuple[list[str | None], Counter[str]]:  # fmt: skip
    """Each different value once; the counts are of all."""
    counts: Counter[str] = Counter()
    done: dict[str, tuple[str, Counter[str]]] = {}
    for value in values:
        if value is None:
            continue
        if value not in done:
            if action == "search":
                done[value] = mask_text(value, kinds, region, names)
            else:
                shown = pseudonym(value, key) if action == "pseudonym" else f"[{kind}]"
                done[value] = (shown, Counter({kind: 1}))
        counts.update(done[value][1])
    return [None if value is None else done[value][0] for value in values], counts


def known_names(table: Table, columns: Sequence[str]) -> frozenset[str]:
    """The words of the name columns, in the form in which they are compared."""
    names = set()
    for name in columns:
        for value in set(table[name].tolist()):
            words = re.findall(r"[^\W\d_]+", value or "")
            names |= {word.casefold() for word in words if len(word) >= SHORTEST_NAME}
    return frozenset(names)
