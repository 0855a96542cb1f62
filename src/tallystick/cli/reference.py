"""The reference page of the command, written out of its own help."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from .main import NOUNS, load, tally
from .output import WIDTH

HEAD = """# The command `tally`

`python -m tallystick.cli.reference docs/reference/cli.md` writes this page out of the help texts; a test says
when it is stale.
"""


def page() -> str:
    """Every command's help, in the order in which `tally --help` names them."""
    parts = [HEAD, *(section(path, help) for path, help in helps())]
    return "\n".join(parts)


def helps() -> Iterator[tuple[str, str]]:
    """Each command as it is typed, with its help."""
    root = _context(tally, "tally", None)
    yield "tally", tally.get_help(root)
    for noun in NOUNS:
        yield from _helps(load(noun), noun, root)


def section(path: str, help: str) -> str:
    level = "##" if path.count(" ") < 2 else "###"
    return f"{level} {path}\n\n```\n{help}\n```\n"


def _helps(command: click.Command, name: str, parent: click.Context) -> Iterator[tuple[str, str]]:
    ctx = _context(command, name, parent)
    yield ctx.command_path, command.get_help(ctx)
    if isinstance(command, click.Group):
        for inner in command.list_commands(ctx):
            yield from _helps(command.commands[inner], inner, ctx)


def _context(command: click.Command, name: str, parent: click.Context | None) -> click.Context:
    settings = command.context_settings
    return click.Context(command, info_name=name, parent=parent, terminal_width=WIDTH, **settings)


def main(arguments: Sequence[str]) -> None:
    if len(arguments) != 1:
        sys.exit("usage: python -m tallystick.cli.reference FILE")
    Path(arguments[0]).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
