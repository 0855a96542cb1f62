"""The reference page of the command, written out of its own help."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from .main import tally
from .nouns import NOUNS, command_of
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
        yield from _helps(command_of(noun), noun, root)


def section(path: str, help: str) -> str:
    level = "##" if path.count(" ") < 2 else "###"
    return f"{level} {path}\n\n```\n{help}\n```\n"


def _helps(found: click.Command, name: str, parent: click.Context) -> Iterator[tuple[str, str]]:
    ctx = _context(found, name, parent)
    yield ctx.command_path, found.get_help(ctx)
    if isinstance(found, click.Group):
        for inner in found.list_commands(ctx):
            yield from _helps(found.commands[inner], inner, ctx)


def _context(found: click.Command, name: str, parent: click.Context | None) -> click.Context:
    return click.Context(found, info_name=name, parent=parent, terminal_width=WIDTH, **found.context_settings)


def main(arguments: Sequence[str]) -> None:
    if len(arguments) != 1:
        sys.exit("usage: python -m tallystick.cli.reference FILE")
    Path(arguments[0]).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
