"""Plain values as TOML, each in one spelling: what is written is read again as it was."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

Document: TypeAlias = Mapping[str, Any]

BARE = re.compile(r"[A-Za-z0-9_-]+")
CONTROL = re.compile('["\\\\\x00-\x1f\x7f]')
ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}


def write(document: Document, head: str = "", notes: Mapping[str, str] | None = None) -> str:
    """A document in TOML: its plain values, then its tables, in the order in which they came.

    `head` is a comment above it; `notes` are comments beside its plain values. Refuses what TOML cannot hold:
    None, and text with half a surrogate pair.
    """
    lines = [f"# {line}".rstrip() for line in head.splitlines()]
    lines += _lines(document, (), notes or {})
    return "\n".join(lines).lstrip("\n") + "\n" if lines else ""


def value_text(value: object) -> str:
    """One value in TOML, on one line."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            return _text(value)
        case Mapping():
            return (
                "{" + ", ".join(f"{_name(name)} = {value_text(inner)}" for name, inner in value.items()) + "}"
            )
        case list() | tuple():
            return "[" + ", ".join(map(value_text, value)) + "]"
    raise TypeError(f"TOML holds texts, numbers, true and false, lists and tables, not {value!r}")


def _lines(table: Document, path: tuple[str, ...], notes: Mapping[str, str]) -> Iterator[str]:
    for name, value in table.items():
        if not _is_table(value) and not _is_tables(value):
            note = f"  # {notes[name]}" if name in notes else ""
            yield f"{_name(name)} = {value_text(value)}{note}"
    for name, value in table.items():
        inner = (*path, name)
        title = ".".join(map(_name, inner))
        if _is_table(value):
            yield from ("", f"[{title}]", *_lines(value, inner, {}))
        elif _is_tables(value):
            for row in value:
                yield from ("", f"[[{title}]]", *_lines(row, inner, {}))


def _is_table(value: object) -> bool:
    return isinstance(value, Mapping)


def _is_tables(value: object) -> bool:
    """A list of tables only; a list that mixes them with other values stays on one line."""
    return isinstance(value, list | tuple) and bool(value) and all(map(_is_table, value))


def _name(name: str) -> str:
    return name if BARE.fullmatch(name) else _text(name)


def _text(text: str) -> str:
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError(f"{text!r} holds half a surrogate pair, which no text file can hold")
    return '"' + CONTROL.sub(lambda match: ESCAPES.get(match[0], f"\\u{ord(match[0]):04x}"), text) + '"'
