"""What a command works with: the options that all share, the ledger opened by them, and how it stops."""

import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from . import output

if TYPE_CHECKING:
    from ..client import Client
    from ..engines.engine import Answer


class BadInput(Exception):
    """Something a person gave is not what it should be; one line says what, and what to do."""


@dataclass(frozen=True)
class Context:
    """The options that all commands share, and the ledger that a command opens by them."""

    ledger: Path | None = None
    key: Path | None = None
    json: bool = False

    def folder(self) -> Path:
        if self.ledger is None:
            stop("which ledger? say --ledger DIR, or set TALLY_LEDGER")
        return self.ledger

    def key_file(self) -> Path:
        if self.key is None:
            stop("whose key? say --key FILE, or set TALLY_KEY")
        return self.key

    @contextmanager
    def reader(self) -> Iterator["Client"]:
        """The ledger as its newest block left it, also while another process writes."""
        from ..client import connect

        with connect(self.folder()) as client, client.at_one_block():
            yield client

    def writer(self) -> "Client":
        """The ledger for writing, as the member whose key it is."""
        from ..client import connect

        folder, key = self.folder(), self.key_file()
        return mended(connect(folder, key, password_of))

    def show(self, document: object, lines: Iterable[str]) -> None:
        """Print a result: the document for programs, the lines for people."""
        if self.json:
            print(output.as_json(document))
        else:
            for line in lines:
                print(line)

    def sent(self, answer: "Answer", *lines: str, **more: object) -> None:
        """Print what an accepted transaction did, and where it stands."""
        receipt = answer.receipt
        where = {"transaction": receipt.transaction, "height": answer.height, "time": answer.time}
        document = {"accepted": True, **more, **where, "notices": receipt.notices}
        stands = output.pairs([("block", answer.height), ("tx", receipt.transaction.hex())])
        sentences = [part for line in lines for part in output.sentence(line)]
        self.show(document, [*sentences, *stands])


def mended(client: "Client") -> "Client":
    """The same ledger, once people know what had to be mended when it was opened."""
    for repair in client.view.status().repairs:
        print(f"tally: mended: {repair}", file=sys.stderr)
    return client


def password_of(path: Path, again: bool = False, variable: str = "TALLY_PASSWORD") -> str:
    """The password of a key file: from the environment, else asked for where somebody can answer."""
    given = os.environ.get(variable)
    if given is not None:
        return given
    if not sys.stdin.isatty():
        stop(f"{path} needs a password and there is nobody to ask; set {variable}")
    import getpass

    password = getpass.getpass(f"Password of {path}: ")
    if again and getpass.getpass("The same again: ") != password:
        stop("the two passwords differ; nothing was written")
    return password


def read_text(file: Path) -> str:
    """The text of a file that a person names."""
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        stop(f"{file} is no text in UTF-8: {error.reason} at byte {error.start:,}")


def read_json(file: Path) -> Any:
    """What a file holds in JSON, which this program wrote."""
    try:
        return json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:
        stop(f"{file} is damaged: {error}; restore it, or remove its folder")


def ensure_writable(file: Path) -> None:
    """Refuse, before anything is done, a file that could not be written at the end."""
    if file.is_dir():
        stop(f"{file} is a folder; name a file in it")
    if not file.parent.is_dir():
        stop(f"{file}: there is no folder {file.parent}; make it, or choose another place")


@contextmanager
def learning_parts(users: str) -> Iterator[None]:
    """Say what brings the learning parts where one of them is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "tallystick":
            raise
        stop(f"{users} need {error.name}, which is not installed: pip install 'tallystick[learn]'")


def stop(message: str) -> NoReturn:
    raise BadInput(message)
