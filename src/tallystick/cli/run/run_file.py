"""What a simulation is asked for: the options of `tally simulate`, or the same names in a file in TOML."""

import difflib
import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, NoReturn

from ...base import toml
from ..context import read_text, stop

FILES = ("data", "task", "test")
LISTS = ("malicious", "leave", "setting")
WHOLE = {"rounds": 1, "epochs": 1, "batch": 1, "reward": 1, "seed": 0}
FRACTIONS = ("judging", "epsilon", "delta")
ABOUT = {
    "data": "a table: CSV, Parquet or NPZ",
    "by": "the column that says whose row it is",
    "label": "the column to predict",
    "columns": "the columns to predict it from",
    "measure": "how good is measured",
    "task": "a task in TOML, in place of the three above",
    "test": "rows that only the requester has, to compare on",
    "subject": "the column that says which person a row is about",
    "preset": "see `tally presets`",
    "learner": "softmax, mlp:64, or FILE.py:NAME for your own",
    "setting": "settings of the preset, such as NAME=VALUE",
    "epsilon": "protect training rows by DP-SGD",
    "malicious": "who attacks and how, such as b:sign-flip",
    "leave": "who leaves in which round, such as b:3",
}


@dataclass(frozen=True)
class RunSettings:
    """Everything that a simulation can be asked for, by the names of its options."""

    data: Path | None = None
    by: str = ""
    label: str = ""
    columns: tuple[str, ...] = ()
    measure: str = ""
    task: Path | None = None
    test: Path | None = None
    subject: str = ""
    preset: str = "mutual"
    learner: str = "mlp:64"
    setting: tuple[str, ...] = ()
    rounds: int = 10
    epochs: int = 2
    batch: int = 16
    judging: float = 0.2
    epsilon: float | None = None
    delta: float = 1e-5
    reward: int = 1000
    malicious: tuple[str, ...] = ()
    leave: tuple[str, ...] = ()
    seed: int = 7
    file: Path | None = field(
        default=None, compare=False
    )  # where it was read from, and each name's line there
    lines: Mapping[str, int] = field(default_factory=dict, compare=False)

    def stop(self, name: str, message: str) -> NoReturn:
        """Say what is wrong with a setting, and where it is written."""
        stop(f"{self.place(name)}{message}")

    def place(self, name: str) -> str:
        """The file and line where a setting is written; nothing where it was an option."""
        line = self.lines.get(name)
        return f"{self.file}, line {line}: {name}: " if self.file and line else ""

    def with_options(self, options: Mapping[str, Any]) -> "RunSettings":
        """The same with what options say instead."""
        given = {name: value for name, value in options.items() if value not in (None, ())}
        lines = {name: line for name, line in self.lines.items() if name not in given}
        return replace(self, **given, lines=lines)


NAMES = tuple(entry.name for entry in fields(RunSettings) if entry.name not in ("file", "lines"))


def read_run_file(file: Path) -> RunSettings:
    """What a file in TOML asks for; paths in it are taken from where it lies."""
    text = read_text(file)
    try:
        written = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        stop(f"{file} is not TOML: {error}")
    lines = {name: line_of(text, name) for name in written}
    values: dict[str, Any] = {}
    for name, value in written.items():
        if name not in NAMES:
            near = difflib.get_close_matches(name, NAMES, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(NAMES)}"
            stop(f"{file}, line {lines[name]}: there is nothing called {name!r}; {hint}")
        values[name] = _value(file, lines[name], name, value)
    return RunSettings(**values, file=file, lines=lines)


def line_of(text: str, name: str) -> int:
    """The line on which a name of a TOML file stands."""
    pattern = re.compile(rf"^\s*(\[+\s*)?[\"']?{re.escape(name)}[\"']?\s*[\].=]")
    return next((number for number, line in enumerate(text.splitlines(), 1) if pattern.match(line)), 1)


def _value(file: Path, line: int, name: str, value: object) -> Any:
    """A value of the kind that its name takes."""

    def wrong(kind: str) -> NoReturn:
        stop(f"{file}, line {line}: {name} is {kind}, not {json.dumps(value, default=str)}")

    if name in WHOLE:
        if not isinstance(value, int) or isinstance(value, bool) or value < WHOLE[name]:
            wrong(f"a whole number of at least {WHOLE[name]}")
        return value
    if name in FRACTIONS:
        if not isinstance(value, int | float) or isinstance(value, bool):
            wrong("a number")
        return float(value)
    if name in LISTS or name == "columns":
        many = value if isinstance(value, list) else [value]
        if not all(isinstance(text, str) for text in many):
            wrong("a list of texts")
        return tuple(many)
    if not isinstance(value, str):
        wrong("a text")
    return file.parent / value if name in FILES else _from_here(file, value) if name == "learner" else value


def _from_here(file: Path, learner: str) -> str:
    """A learner in a file of one's own is looked for beside the file that names it."""
    path, parted, name = learner.rpartition(":")
    own = parted and path.endswith(".py")
    return (
        f"{file.parent / path}:{name}"
        if own
        else str(file.parent / learner)
        if _is_file(learner)
        else learner
    )


def _is_file(learner: str) -> bool:
    return learner.endswith(".py")


def run_file_text(settings: RunSettings, folder: Path) -> str:
    """What was asked for as a file that lies in this folder, so that it can be asked for again."""
    default, asked = RunSettings(), dict[str, Any]()
    for name in NAMES:
        value = getattr(settings, name)
        if value in (None, (), "") or (value == getattr(default, name) and name not in ("preset", "learner")):
            continue
        if name in FILES:
            value = os.path.relpath(value, folder)
        if name == "learner" and ".py" in value:
            path, _, inner = value.partition(".py")
            value = f"{os.path.relpath(path, folder)}.py{inner}"
        asked[name] = value
    return toml.write(asked, head="What this run was asked for; `tally run resume` reads it.")
