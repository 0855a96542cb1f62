"""`tally key`: key files, and what others may know of them."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import output
from .command import FILE, argument, command, noun
from .context import Context, password_of, stop

if TYPE_CHECKING:
    from ..base.keys import SigningKey
    from ..client import Papers

app = noun("key")

PLAIN_HELP = "Leave it unprotected: whoever reads the file is you."


@command("tally key new ada.key", "tally key new trial.key --no-password", into=app)
@argument("file", "Where to write it; nothing is overwritten.", type=FILE)
@click.option("--no-password", is_flag=True, help=PLAIN_HELP)
def new(at: Context, file: Path, no_password: bool) -> None:
    """Make a new key and write it into a file that a password protects."""
    from ..base.keys import SigningKey
    from ..client import encryption_key

    key = SigningKey.generate()
    write_key(file, key, plain=no_password)
    document = {
        "file": str(file),
        "public": key.public,
        "encryption_key": encryption_key(key.public),
        "protected": not no_password,
    }
    at.show(
        document,
        [
            f"{file} holds a new key{', without a password' if no_password else ''}; keep a copy of it",
            *output.pairs([("public", key.public.hex())]),
        ],
    )


@command("tally key show ada.key", into=app, reads=True)
@argument("file", "The key file.", type=FILE)
def show(at: Context, file: Path) -> None:
    """Show the public part of a key file, and whose it is on a ledger; needs no password."""
    from ..base.keys import protected, public_of
    from ..client import encryption_key
    from ..ledger.state import KEYS

    public = public_of(file)
    owner = None
    if at.ledger is not None:
        with at.reader() as client:
            use = client.find(KEYS, public.hex())
            owner = "nobody" if use is None else use.member
    document = {
        "public": public,
        "encryption_key": encryption_key(public),
        "protected": protected(file),
        "member": owner,
    }
    at.show(
        document,
        output.pairs(
            [
                ("public", public.hex()),
                ("encryption key", encryption_key(public).hex()),
                ("protected", "by a password" if document["protected"] else "no"),
                ("belongs to", owner),
            ]
        ),
    )


@command("tally key prove new.key --member dan --chain trial --out dan.json", into=app, reads=True)
@argument("file", "The key file.", type=FILE)
@click.option("--member", required=True, metavar="NAME", help="The member whose key it is to be.")
@click.option("--chain", metavar="NAME", help="The chain's name, where its ledger is not here.")
@click.option("--out", type=FILE, metavar="FILE", help="Write the proof into a new file.")
def prove(at: Context, file: Path, member: str, chain: str | None, out: Path | None) -> None:
    """Prove that you hold a key, for one member of one chain: what `tally propose admit` needs."""
    from ..client import open_key, papers

    if chain is None:
        with at.reader() as client:
            chain = client.view.status().chain
    made = papers(open_key(file, password_of), chain, member)
    document = {"chain": chain, **made._asdict()}
    if out is None:
        print(output.as_json(document))
        return
    with out.open("x", encoding="ascii") as written:
        written.write(output.as_json(document) + "\n")
    at.show(document, [f"{out} proves that {member} of chain {chain} holds this key; hand it to a member"])


def write_key(file: Path, key: "SigningKey", plain: bool) -> None:
    """A new key file, protected by a password unless it is to be plain."""
    from ..base.keys import save_key

    save_key(file, key, None if plain else password_of(file, again=True))


def read_papers(file: Path) -> "Papers":
    """The proof that `tally key prove` wrote."""
    from ..client import Papers

    try:
        document: Any = json.loads(file.read_bytes())
        member = document["member"]
        key, possession, encryption = (
            bytes.fromhex(document[name]) for name in ("key", "possession", "encryption_key")
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        stop(f"{file} is no proof of a key; `tally key prove` writes one")
    return Papers(str(member), key, possession, encryption)
