"""The command `tally`: finds the noun that is meant, loads it alone, and turns errors into one line."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path

import click

from .command import FILE, SETTINGS, write_examples
from .context import BadInput, Context

EXAMPLES = ("tally demo", "tally ledger init trial --organisation ada --no-password")
FAILED = 2
INTERRUPTED = 130

# noun -> the module that is loaded when it is used, and what it is for
NOUNS = {
    "demo": ("run.demo", "Watch five clinics learn together, from request to settlement."),
    "doctor": ("doctor", "Say what is installed, what is missing, and what mends it."),
    "simulate": ("run.simulate", "Try a scheme on your own table, beside learning alone and pooled."),
    "new": ("run.new", "Make a project to edit: data, a task, a learner, a run."),
    "run": ("run.run", "List runs, show and compare them, go on with one that was cut off."),
    "audit": ("run.audit", "Attack a way to train; see what is found beside what is promised."),
    "presets": ("run.presets", "Say which schemes there are, and what each needs."),
    "data": ("run.data", "List, describe and fetch data sets."),
    "ledger": ("ledger.ledger", "Make a ledger, look into it, export, verify, prove."),
    "network": ("network.network", "Make and run a ledger that several organisations keep."),
    "validator": ("network.validator", "Run one organisation's part of a network."),
    "chain": ("ledger.chain", "Make sub-chains, list them, carry what chains have to say."),
    "key": ("key", "Make key files and show what others may know of them."),
    "member": ("ledger.member", "List members; change your keys and devices."),
    "propose": ("ledger.propose", "Put a change to the vote."),
    "vote": ("ledger.vote", "Vote on a proposal."),
    "send": ("ledger.send", "Send tokens to a member."),
    "unit": ("ledger.unit", "Register, list, hand over and withdraw data sets."),
    "grant": ("ledger.grant", "Ask for, give, decline and revoke the use of units."),
    "request": ("ledger.request", "List requests and follow one."),
}


class Root(click.Group):
    """The command itself: it lists its nouns without loading them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(NOUNS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        return load(name) if name in NOUNS else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(noun, purpose) for noun, (_, purpose) in NOUNS.items()])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_examples(formatter, EXAMPLES)


@click.group(cls=Root, name="tally", invoke_without_command=True, context_settings=SETTINGS)
@click.option("--ledger", type=FILE, metavar="DIR", help="The ledger's folder.")
@click.option("--key", type=FILE, metavar="FILE", help="Your key file; it says who you are.")
@click.option("--json", is_flag=True, help="Print JSON, with whole ids and plain integers.")
@click.option("--version", is_flag=True, help="Print the version and exit.")
@click.pass_context
def tally(ctx: click.Context, ledger: Path | None, key: Path | None, json: bool, version: bool) -> None:
    """Learn together without handing over data, on a ledger that all members keep.

    Options may stand before or behind the command. The ledger and the key may also be named by TALLY_LEDGER
    and TALLY_KEY. A key file's password is asked for, or taken from TALLY_PASSWORD.
    """
    if version:
        from .. import __version__

        click.echo(f"tallystick {__version__}")
        ctx.exit()
    ctx.obj = Context(ledger, key, json)
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def load(noun: str) -> click.Command:
    """The commands of a noun, out of its module, which is loaded now; a group's help is its line above."""
    module, purpose = NOUNS[noun]
    app: click.Command = import_module(f"tallystick.cli.{module}").app
    app.help = app.help or purpose
    return app


def main() -> None:
    """The entry point; a terminal that cannot show a letter shows another in its place."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command line; what a person can mend is one line on stderr and exit code 2."""
    try:
        code = tally.main(args=list(arguments), prog_name="tally", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that closing it is no error
        return 1
    except Exception as error:
        line = explained(error)
        if line is None:
            raise
        print(f"tally: {line}", file=sys.stderr)
        return FAILED


def explained(error: Exception) -> str | None:
    """The line for a person; None for what is a defect of the program."""
    if isinstance(error, BadInput):
        return _one_line(str(error))
    if isinstance(error, click.ClickException):
        ctx = getattr(error, "ctx", None)
        path = "tally" if ctx is None else ctx.command_path
        return _one_line(f"{error.format_message()} See `{path} --help`.")
    if isinstance(error, OSError):
        return _one_line(f"{error.filename or 'the system'}: {error.strerror or error}")
    from ..base.keys import KeyFileError
    from ..base.task import BadTask
    from ..client import ClientError
    from ..data.refusals import DataError
    from ..engines.engine import EngineError
    from ..ledger.genesis import GenesisError

    known = (BadTask, ClientError, DataError, EngineError, KeyFileError, GenesisError)
    return _one_line(str(error)) if isinstance(error, known) else None


def _one_line(text: str) -> str:
    return " ".join(text.split())
