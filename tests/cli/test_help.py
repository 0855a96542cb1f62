"""Help: every command has it, in 80 columns, with an example that would run, before a second has begun."""

from __future__ import annotations

import os
import resource
import shlex
import subprocess
import sys

import click
import pytest

from tallystick.cli.main import NOUNS, load, tally
from tallystick.cli.reference import helps, page
from tests.architecture.source import ROOT
from tests.cli.desk import Desk

HELPS = dict(helps())
START = "from tallystick.cli.main import main; main()"
LIMIT = 0.3  # seconds for a help text
SLOW = 15  # times a bare Python: what the limit is where a machine is slow
HEAVY = ("tallystick.ledger", "tallystick.engines", "tallystick.client", "msgspec", "nacl", "numpy", "jax")


def examples(help: str) -> list[str]:
    """The lines below the last heading of a help text."""
    _, found, below = help.rpartition("\nExample")
    return [line.strip() for line in below.splitlines()[1:]] if found else []


def best(*arguments: str, times: int = 5) -> float:
    """The least seconds of a processor that a Python with these arguments takes, without others' load."""
    taken = []
    for _ in range(times):
        start = of_children()
        subprocess.run([sys.executable, *arguments], capture_output=True, check=True)
        taken.append(of_children() - start)
    return min(taken)


def of_children() -> float:
    """The seconds of processor time of every process that this one has waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def parsed(line: str) -> click.Context:
    """A command line read down to its last command, and not run."""
    name, rest = "tally", shlex.split(line)[1:]
    found: click.Command = tally
    while isinstance(found, click.Group):
        name, inner, rest = found.resolve_command(click.Context(found), rest)
        found = inner or pytest.fail(f"{line}: there is no {name}")
    return found.make_context(name, rest)


@pytest.mark.parametrize("path", HELPS)
def test_help_fits_and_ends_in_an_example(path: str) -> None:
    help = HELPS[path]
    assert max(map(len, help.splitlines())) <= 80
    assert "..." not in help.partition("Options:")[2]
    lines = examples(help)
    assert lines
    assert all(line.startswith("tally ") for line in lines)


@pytest.mark.parametrize("path", HELPS)
def test_examples_are_commands_that_exist(path: str) -> None:
    for line in examples(HELPS[path]):
        parsed(line)


def test_a_wrong_example_is_seen() -> None:
    with pytest.raises(click.UsageError):
        parsed("tally send bob --nonsense")
    with pytest.raises(click.UsageError):
        parsed("tally member liste")
    with pytest.raises(click.UsageError):
        parsed("tally send bob ten")


def test_every_noun_is_listed_with_what_it_is_for() -> None:
    root = HELPS["tally"]
    for noun, (_, purpose) in NOUNS.items():
        assert f"  {noun} " in root
        assert purpose in root
        assert isinstance(load(noun), click.Command)


@pytest.mark.parametrize("words", [[], *([noun] for noun in NOUNS)])
def test_help_answers_at_once(words: list[str]) -> None:
    bare = best("-c", "pass")
    taken = best("-c", START, *words, "--help")
    assert taken < max(LIMIT, SLOW * bare), f"{taken:.3f} s, a bare Python {bare:.3f} s"


def test_no_command_loads_the_ledger_before_it_runs() -> None:
    nouns = "; ".join(f"import tallystick.cli.{module}" for module, _ in NOUNS.values())
    asked = f"import sys; {nouns}; print([name for name in {HEAVY!r} if name in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_a_group_alone_prints_its_help(desk: Desk) -> None:
    assert desk.does("").startswith("Usage: tally ")
    assert desk.does("member").startswith("Usage: tally member ")


def test_the_version_is_the_packages(desk: Desk) -> None:
    import tallystick

    assert desk.does("--version") == f"tallystick {tallystick.__version__}\n"


def test_the_reference_page_is_not_stale() -> None:
    written = (ROOT / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
    command = "python -m tallystick.cli.reference docs/reference/cli.md"
    assert written == page(), f"`{command}` writes it"
    assert command in written


def test_it_runs_as_a_command_of_the_shell() -> None:
    quiet = {**os.environ, "COLUMNS": "60"}
    shown = subprocess.run(
        [sys.executable, "-c", START, "member", "--help"],
        capture_output=True,
        text=True,
        env=quiet,
        check=True,
    )
    assert max(map(len, shown.stdout.splitlines())) <= 60


def test_a_reader_that_stops_early_is_no_error() -> None:
    both = f"{shlex.quote(sys.executable)} -c {shlex.quote(START)} --help | true"
    shown = subprocess.run(["sh", "-c", both], capture_output=True, text=True, check=True)
    assert shown.stderr == ""


def test_a_terminal_without_greek_is_no_error() -> None:
    poor = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    shown = subprocess.run(
        [sys.executable, "-c", START, "demo", "--ledger-only"],
        capture_output=True,
        text=True,
        env=poor,
        check=True,
    )
    assert "? spent of 10" in shown.stdout
