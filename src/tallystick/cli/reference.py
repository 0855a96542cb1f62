"""The reference page of the command, out of its own help: `python -m tallystick.cli.reference FILE` writes it."""

import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path

import click

from .main import NOUNS, tally
from .output import WIDTH

HEAD = """# The command `tally`

Written by `python -m tallystick.cli.reference docs/reference/cli.md` out of the help texts; a test says when it
is stale.
"""


def page() -> str:
    """Every command's help, in the order in which `tally --help` names them."""
    parts = [HEAD, *(section(path, help) for path, help in helps())]
    return "\n".join(parts)


def helps() -> Iterator[tuple[str, str]]:
    """Each command as it is typed, with its help."""
    root = click.Context(tally, info_name="tally", terminal_width=WIDTH)
    yield "tally", tally.get_help(root)
    for noun in NOUNS:
        found: click.Command = import_module(f"tallystick.cli.{noun}").app
        yield from _helps(found, noun, root)


def section(path: str, help: str) -> str:
    level = "##" if path.count(" ") < 2 else "###"
    return f"{level} {path}\n\n```\n{help}\n```\n"


def _helps(found: click.Command, name: str, parent: click.Context) -> Iterator[tuple[str, str]]:
    ctx = click.Context(found, info_name=name, parent=parent, terminal_width=WIDTH)
    yield ctx.command_path, found.get_help(ctx)
    if isinstance(found, click.Group):
        for inner in found.list_commands(ctx):
            yield from _helps(found.commands[inner], inner, ctx)


def main(arguments: Sequence[str]) -> None:
    if len(arguments) != 1:
        sys.exit("usage: python -m tallystick.cli.reference FILE")
    Path(arguments[0]).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
