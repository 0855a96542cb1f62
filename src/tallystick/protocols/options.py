"""One thing that a scheme can be asked for: type, range, words, and how a value is read and written."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from types import NoneType, UnionType
from typing import Annotated, Literal, TypeAlias, Union, get_args, get_origin

from ..base.task import BadTask, number
from .vocabulary import Unfit

Value: TypeAlias = int | float | bool | str | tuple[int, ...]
Kind: TypeAlias = Literal["whole", "number", "share", "time", "flag", "choice", "name", "wholes"]

LARGE = 10**9
TIME = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|min|h|d)")
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,47}")
UNITS = {"d": 86_400_000, "h": 3_600_000, "min": 60_000, "s": 1000, "ms": 1}
WORDS: Mapping[Kind, str] = {
    "whole": "a whole number",
    "number": "a number",
    "share": "a share from 0 to 1",
    "time": "a time such as 30s, 10min or 2h, or milliseconds",
    "flag": "true or false",
    "name": "a name",
    "wholes": "whole numbers such as 100,90,80",
}


@dataclass(frozen=True)
class About:
    """What stands beside a setting's type: what it does, the field of the rules that it sets, its range."""

    help: str
    sets: str = ""
    least: float | None = None
    most: float | None = None
    kind: Kind | None = None  # where the type alone does not say it
    judged: bool = False  # known where members judge
    needs: str = ""  # the parameter of a preset that it reaches


@dataclass(frozen=True)
class Option:
    """One setting as a preset knows it."""

    name: str
    kind: Kind
    about: About
    default: Value | None = None
    choices: tuple[str, ...] = ()

    def having(self, default: Value | None) -> Option:
        """The same setting with a preset's own default."""
        return replace(self, default=default)

    @property
    def wants(self) -> str:
        """What its values are, in words."""
        if self.kind == "choice":
            return f"one of {', '.join(self.choices)}"
        least, most, words = self.about.least, self.about.most, WORDS[self.kind]
        if self.kind in ("time", "share") or least is None:
            return words
        return f"{words} of at least {least:g}" + (f" and at most {most:,g}" if most and most < LARGE else "")

    def read(self, value: object) -> Value:
        """A value of this setting, out of what a person, a file or a plan says."""
        try:
            read = _READ[self.kind](value)
        except (ValueError, TypeError, ArithmeticError, BadTask):
            raise self._unfit(value) from None
        if self.kind == "choice" and read not in self.choices:
            raise self._unfit(value)
        for part in read if isinstance(read, tuple) else (read,):
            if isinstance(part, int | float) and not isinstance(part, bool):
                low, high = self.about.least, self.about.most
                if (low is not None and part < low) or (high is not None and part > high):
                    raise self._unfit(value)
        return read

    def _unfit(self, value: object) -> Unfit:
        return Unfit(f"{self.name} is {self.wants}, not {value!r}")

    def shown(self) -> str:
        """Its default for people; nothing where it follows from the team or is not set."""
        if self.default is None:
            return ""
        return time_text(self.default) if self.kind == "time" else text(self.default)


def text(value: Value) -> str:
    """The one spelling of a value, so that equal plans have equal bytes."""
    match value:
        case bool():
            return "true" if value else "false"
        case float():
            return number(str(value))
        case tuple():
            return ",".join(map(str, value))
    return str(value)


def time_text(millis: object) -> str:
    """A time in its largest unit that leaves no rest."""
    count = int(str(millis))
    unit = next(name for name, length in UNITS.items() if count % length == 0)
    return f"{count // UNITS[unit]}{unit}"


def millis(value: object) -> int:
    """Milliseconds of words such as 30s, 10min, 2h; a whole number is milliseconds."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.isdigit():
        return int(value)
    words = TIME.fullmatch(value.strip()) if isinstance(value, str) else None
    if words is None:
        raise ValueError(f"{value!r} is no time such as 30s, 10min, 2h or 1d")
    return int(Decimal(words[1]) * UNITS[words[2]])


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError
    return int(value)


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise TypeError
    return float(number(str(value)))


def _flag(value: object) -> bool:
    if not isinstance(value, bool | str) or value not in (True, False, "true", "false"):
        raise ValueError
    return value in (True, "true")


def _name(value: object) -> str:
    if not isinstance(value, str) or (value and not NAME.fullmatch(value)):
        raise TypeError
    return value


def _wholes(value: object) -> tuple[int, ...]:
    parts = [part for part in value.split(",") if part] if isinstance(value, str) else value
    if not isinstance(parts, list | tuple):
        raise TypeError
    return tuple(_whole(part) for part in parts)


_READ: Mapping[Kind, Callable[[object], Value]] = {
    "whole": _whole,
    "number": _number,
    "share": _number,
    "time": millis,
    "flag": _flag,
    "choice": _name,
    "name": _name,
    "wholes": _wholes,
}
_KINDS: Mapping[object, Kind] = {int: "whole", float: "number", bool: "flag", str: "name", tuple: "wholes"}


def option(name: str, annotation: object, default: Value | None) -> Option:
    """A setting out of a typed field, or out of a parameter of a preset's own."""
    about = About("")
    if get_origin(annotation) is Annotated:
        annotation, *beside = get_args(annotation)
        about = next((note for note in beside if isinstance(note, About)), about)
        about = next((About(note) for note in beside if isinstance(note, str)), about)
    if get_origin(annotation) in (Union, UnionType):
        (annotation,) = [part for part in get_args(annotation) if part is not NoneType]
    if get_origin(annotation) is Literal:
        return Option(name, "choice", about, default, get_args(annotation))
    kind = about.kind or _KINDS.get(get_origin(annotation) or annotation)
    if kind is None:
        raise TypeError(f"the setting {name} is of no type that a person can write: {annotation}")
    return Option(name, kind, about, default)
