"""How a command is made: its arguments with their help, its examples, the options that all share."""

from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import output
from .context import Context

if TYPE_CHECKING:
    pass

SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": output.WIDTH}
WHOLE = 200  # characters: a command's first sentence is not cut
FILE = click.Path(path_type=Path)
LEDGER = click.Option(
    ["--ledger"],
    type=FILE,
    metavar="DIR",
    envvar="TALLY_LEDGER",
    show_envvar=True,
    help="The ledger's folder.",
)
KEY = click.Option(
    ["--key"],
    type=FILE,
    metavar="FILE",
    envvar="TALLY_KEY",
    show_envvar=True,
    help="Your key file; it says who you are.",
)
JSON = click.Option(["--json"], is_flag=True, help="Print JSON, with whole ids and plain integers.")


class Argument(click.Argument):
    """An argument that says what it is."""

    def __init__(self, *names: Any, says: str = "", **more: Any) -> None:
        super().__init__(*names, **more)
        self.says = says

    def get_help_record(self, ctx: click.Context) -> tuple[str, str]:
        return str(self.metavar), self.says


class Command(click.Command):
    """A command whose help lists its arguments too, and ends in an example."""

    examples: tuple[str, ...] = ()

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        parts: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                parts["Arguments" if isinstance(parameter, Argument) else "Options"].append(record)
        for title, rows in parts.items():
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_examples(formatter, self.examples)


class Noun(click.Group):
    """Commands about one thing, listed as they were written; called alone it prints its help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            rows = [(name, inner.get_short_help_str(WHOLE)) for name, inner in self.commands.items()]
            formatter.write_dl(rows)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        first = next(iter(self.commands.values()), None)
        write_examples(formatter, first.examples[:1] if isinstance(first, Command) else ())


def noun(name: str) -> Noun:
    """A group of commands, whose help `main` gives it; shared options may also stand between the two."""
    shared = [copy(LEDGER), copy(KEY), copy(JSON)]
    for option in shared:
        option.hidden = True

    @click.pass_context
    def alone(ctx: click.Context, /, **options: Any) -> None:
        ctx.obj = _context(ctx.obj, options)
        if ctx.invoked_subcommand is None:
            click.echo(ctx.get_help())

    return Noun(
        name,
        callback=alone,
        params=shared,
        invoke_without_command=True,
        context_settings=SETTINGS,
    )


def whole(least: int = 0) -> Callable[[str], int]:
    """A whole number that is not too small; digits may be grouped as in 10,000."""

    def number(text: str) -> int:
        try:
            value = int(str(text).replace(",", ""))
        except ValueError:
            raise click.BadParameter(f"{text!r} is not a whole number.") from None
        if value < least:
            raise click.BadParameter(f"{value} is less than {least}.")
        return value

    return number


def digest_of(text: str) -> bytes:
    """A digest of 64 hexadecimal digits."""
    if len(text) != 64 or not set(text) <= set("0123456789abcdefABCDEF"):
        raise click.BadParameter(f"{text!r} is no digest of 64 hexadecimal digits.")
    return bytes.fromhex(text)


def exact(places: int) -> Callable[[str], int]:
    """A decimal number as an integer of so many places behind the point, such as 1.5 as 1500 of three."""

    def number(text: str) -> int:
        try:
            value = Decimal(text).scaleb(places)
        except InvalidOperation:
            raise click.BadParameter(f"{text!r} is not a number.") from None
        if not value.is_finite() or value != int(value):
            raise click.BadParameter(f"{text!r} has more than {places} places behind its point.")
        return int(value)

    return number


def moment(text: str) -> int:
    """A time such as 2027-06-30 or 2027-06-30T12:00Z, in milliseconds."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is no time such as 2027-06-30 or 2027-06-30T12:00Z.") from None
    zoned = time if time.tzinfo else time.replace(tzinfo=UTC)
    return int(zoned.timestamp()) * 1000


def argument(name: str, says: str, **more: Any) -> Callable[[Any], Any]:
    """An argument with its help."""
    more.setdefault("metavar", name.upper())
    return click.argument(name, cls=Argument, says=says, **more)


def command(
    *examples: str,
    into: Noun | None = None,
    name: str | None = None,
    reads: bool = False,
    signs: bool = False,
) -> Callable[[Callable[..., None]], Command]:
    """A command of a function whose first parameter is a `Context`; each can print JSON."""

    def made(run: Callable[..., None]) -> Command:
        shared = [*([LEDGER] if reads or signs else []), *([KEY] if signs else []), JSON]

        @click.pass_context
        def called(ctx: click.Context, /, **values: Any) -> None:
            options = {str(option.name): values.pop(str(option.name)) for option in shared}
            at = _context(ctx.obj, options)
            try:
                run(at, **values)
            except Exception as error:
                receipt = getattr(error, "receipt", None)
                if at.json and receipt is not None:
                    print(output.as_json({"accepted": False, "receipt": receipt}))
                raise

        called.__doc__ = run.__doc__
        vars(called)["__click_params__"] = getattr(run, "__click_params__", [])
        called_name = name or run.__name__.rstrip("_").replace("_", "-")
        made_command: Command = click.command(called_name, cls=Command, context_settings=SETTINGS)(called)
        made_command.params += shared
        made_command.examples = examples
        if into is not None:
            into.add_command(made_command)
        return made_command

    return made


def write_examples(formatter: click.HelpFormatter, examples: Iterable[str]) -> None:
    lines = list(examples)
    if lines:
        with formatter.section("Example" if len(lines) == 1 else "Examples"):
            for line in lines:
                formatter.write(f"{'':>{formatter.current_indent}}{line}\n")


def _context(before: Context | None, options: dict[str, Any]) -> Context:
    """The options beside the command, else those before it."""
    given = {name: value for name, value in options.items() if value not in (None, False)}
    return replace(before or Context(), **given)
