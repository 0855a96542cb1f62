"""The command as a test types it: in this process, in a folder of its own, with what it printed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from tallystick.cli.main import run

VARIABLES = (
    "TALLY_LEDGER",
    "TALLY_KEY",
    "TALLY_PASSWORD",
    "TALLY_NEW_PASSWORD",
    "COLUMNS",
    "TALLYSTICK_DATA",
)
NAMES = ("ada", "bob", "cleo")
ROOTS = {"training-root": "11" * 32, "judging-root": "22" * 32, "schema": "33" * 32}


@dataclass(frozen=True)
class Said:
    """What a command line came to."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Desk:
    """Where commands are typed."""

    folder: Path
    captured: pytest.CaptureFixture[str]

    def types(self, line: str, *more: str) -> Said:
        """A command line, cut at its blanks, and further words that may hold some."""
        self.captured.readouterr()
        code = run([*line.split(), *more])
        out, err = self.captured.readouterr()
        return Said(code, out, err)

    def does(self, line: str, *more: str) -> str:
        """The same where it must succeed; what it printed."""
        said = self.types(line, *more)
        assert (said.code, said.err) == (0, ""), said
        assert max(map(len, said.out.splitlines()), default=0) <= 80, said.out
        return said.out

    def finds(self, line: str, *more: str) -> Any:
        """The document that it prints with --json."""
        return json.loads(self.does_json(line, *more))

    def does_json(self, line: str, *more: str) -> str:
        said = self.types(line, *more, "--json")
        assert (said.code, said.err) == (0, ""), said
        return said.out

    def fails(self, line: str, *more: str) -> str:
        """Where a person made a mistake: exit code 2, nothing on stdout, one line on stderr."""
        said = self.types(line, *more)
        assert said.code == 2, said
        assert said.out == "", said
        assert said.err.startswith("tally: "), said
        assert said.err.count("\n") == 1 and said.err.endswith("\n"), said
        return said.err

    def key(self, name: str) -> str:
        return f"--key trial/keys/{name}.key"

    def register(self, owner: str = "bob", name: str = "pumps", **more: str) -> str:
        """A unit of the owner's; its id."""
        said = {"category": "wear", "kind": "table", "count": "100", **ROOTS, **more}
        words = [word for option, value in said.items() for word in (f"--{option}", value)]
        budget = "--epsilon 10 --delta 0.000001 --protects record"
        line = f"unit register --name {name} {budget} {self.key(owner)}"
        return str(self.finds(line, *words)["unit"])


Teller: TypeAlias = Callable[..., None]


@dataclass
class Clinics:
    """The clinics' demo, played when it is first asked for, and told again in the same words afterwards."""

    folder: Path
    play: Callable[..., Any]
    run: Any = None
    heard: list[tuple[bool, tuple[Any, ...]]] = field(default_factory=list)

    def demo(
        self, keep: Path | None, say: Callable[..., None], hear: Callable[..., None], private: bool
    ) -> Any:
        assert not private
        if self.run is None:
            self.run = self.play(
                self.folder / "run",
                lambda *lines: self.heard.append((False, lines)),
                lambda *moments: self.heard.append((True, moments)),
                private,
            )
        for is_moment, words in self.heard:
            (hear if is_moment else say)(*words)
        if keep is None:
            return self.run
        shutil.copytree(self.run.folder, keep)
        return replace(self.run, folder=keep)


Bare: TypeAlias = Callable[[str], Said]  # types a line where the learning parts are not installed
PARTS = ("jax", "numpy", "optax", "pyarrow", "seglearn", "lightgbm", "sklearn", "scipy", "dp_accounting")
START = f"""
import sys
sys.modules.update(dict.fromkeys({PARTS!r}))
from tallystick.cli.main import main
main()
"""


def bare_in(folder: Path) -> Bare:
    """A process in this folder that finds none of the packages that learning needs."""

    def types(line: str) -> Said:
        shown = subprocess.run(
            [sys.executable, "-c", START, *line.split()], capture_output=True, text=True, cwd=folder
        )
        return Said(shown.returncode, shown.stdout, shown.stderr)

    return types


def desk_in(
    folder: Path, monkeypatch: pytest.MonkeyPatch, captured: pytest.CaptureFixture[str]
) -> Iterator[Desk]:
    """A desk in an empty folder, without anything set from outside."""
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(folder)
    yield Desk(folder, captured)


def looked_around(shown: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a demo says one may type to look around, once its settings are made."""
    export, *commands = [
        line.strip() for line in shown.partition("Look around:")[2].splitlines() if line.strip()
    ]
    for setting in export.removeprefix("export ").split():
        monkeypatch.setenv(*setting.split("=", 1))
    return [command.removeprefix("tally ") for command in commands]


def papers(desk: Desk, member: str) -> str:
    """A proof that a member holds a new key."""
    desk.does(f"key new {member}-2.key --no-password")
    desk.does(f"key prove {member}-2.key --member {member} --out {member}.json")
    return f"{member}.json"


def decided(desk: Desk, change: str) -> str:
    """A change that all have voted for; the proposal."""
    made = desk.finds(f"propose {change} {desk.key('ada')}")
    for name in made["electorate"]:
        desk.does(f"vote {made['proposal']} yes {desk.key(name)}")
    return str(made["proposal"])


def member_of(desk: Desk, name: str) -> dict[str, object]:
    """A member as the command shows it."""
    shown: dict[str, object] = desk.finds(f"member show {name}")["member"]
    return shown
