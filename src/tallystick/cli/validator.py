"""`tally validator`: one organisation's part of a network."""

import sys
from pathlib import Path

import click

from .command import FILE, Choices, command, noun, stop

app = noun("validator")


@command("tally validator start --home net/ada", into=app)
@click.option("--home", type=FILE, required=True, metavar="DIR", help="The validator's folder.")
def start(at: Choices, home: Path) -> None:
    """Run a validator until it is told to stop: its application, and CometBFT beside it.

    CometBFT is started again when it ends. Both write lines of JSON to standard error. It ends with code 3
    when it must not go on; the last line says why.
    """
    from ..engines.cometbft.homes import GENESIS
    from ..engines.cometbft.validator import start as run
    from ..ledger.genesis import read_genesis

    file = home / GENESIS
    if not file.is_file():
        stop(f"there is no {file}; `tally network init` writes a validator's folder")
    code = run(home, read_genesis(file.read_text(encoding="utf-8")))
    if code:
        sys.exit(code)
