"""The command's end: what a person can mend is one line and code 2; a defect of the program is none."""

from __future__ import annotations

import click
import pytest

from tallystick.base.keys import KeyFileError
from tallystick.base.task import BadTask
from tallystick.cli import main
from tallystick.cli.context import BadInput
from tallystick.client import ClientError
from tallystick.data.refusals import DataError
from tallystick.engines.engine import EngineError
from tallystick.ledger.genesis import GenesisError

KNOWN = (BadInput, BadTask, ClientError, DataError, EngineError, GenesisError, KeyFileError)


@pytest.mark.parametrize("kind", KNOWN)
def test_what_a_person_can_mend_is_one_line(kind: type[Exception]) -> None:
    assert main.explained(kind("this\n  is wrong")) == "this is wrong"


def test_an_error_of_the_system_names_its_file() -> None:
    assert main.explained(FileNotFoundError(2, "No such file", "a.toml")) == "a.toml: No such file"
    assert main.explained(OSError("full")) == "the system: full"


def test_a_wrong_option_says_where_help_is() -> None:
    line = main.explained(click.UsageError("No such option: --nonsense"))
    assert line == "No such option: --nonsense See `tally --help`."


def test_a_defect_has_no_line_for_people() -> None:
    assert main.explained(ZeroDivisionError("division by zero")) is None


@pytest.mark.parametrize(
    "raised, code, line",
    [
        (BadInput("which?"), main.FAILED, "tally: which?\n"),
        (KeyboardInterrupt(), main.INTERRUPTED, ""),
        (click.Abort(), main.INTERRUPTED, ""),
    ],
)
def test_exit_codes(
    raised: BaseException,
    code: int,
    line: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(**given: object) -> None:
        raise raised

    monkeypatch.setattr(main.tally, "main", fail)
    assert main.run([]) == code
    assert capsys.readouterr() == ("", line)


def test_a_defect_is_shown_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**given: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(main.tally, "main", fail)
    with pytest.raises(ZeroDivisionError):
        main.run([])


def test_a_noun_is_loaded_when_it_is_used_and_has_its_help() -> None:
    app = main.load("member")
    assert isinstance(app, click.Group)
    assert app.help == main.NOUNS["member"][1]
    assert main.tally.get_command(click.Context(main.tally), "nothing") is None
