"""`tally ledger init`: a genesis, new key files, and the first state on disk."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .. import output
from ..command import FILE, argument, command, whole
from ..context import Context, password_of, read_text, stop
from ..key import PLAIN_HELP, write_key

if TYPE_CHECKING:
    from ...base.keys import SigningKey
    from ...ledger.genesis import Genesis

BALANCE = 10_000
CAP_FACTOR = 10  # of the first supply, where no cap is named
KEYS = "keys"


@dataclass(frozen=True)
class Founding:
    """What a new ledger begins with, and the keys that were made for it."""

    genesis: "Genesis"
    blocks: "SigningKey"
    members: dict[str, "SigningKey"]


@command(
    "tally ledger init trial --organisation ada --organisation bob --no-password",
    "tally ledger init consortium --genesis genesis.toml",
)
@argument("dir", "The new ledger's folder.", type=FILE)
@click.option("--organisation", multiple=True, metavar="NAME[=TOKENS]", help="A founding member; repeat it.")
@click.option(
    "--balance", type=whole(), default=BALANCE, metavar="TOKENS", help="What each has.", show_default=True
)
@click.option("--pool", type=whole(), default=0, metavar="TOKENS", help="What the reward pool has.")
@click.option("--cap", type=whole(1), metavar="TOKENS", help="The most that may ever be issued.")
@click.option("--chain", metavar="NAME", help="The chain's name; the folder's unless you say another.")
@click.option("--genesis", type=FILE, metavar="FILE", help="Take members and limits from this file instead.")
@click.option("--blocks-key", type=FILE, metavar="FILE", help="The key that signs blocks, if you have one.")
@click.option("--no-password", is_flag=True, help=PLAIN_HELP)
def init(
    at: Context,
    dir: Path,
    organisation: tuple[str, ...],
    balance: int,
    pool: int,
    cap: int | None,
    chain: str | None,
    genesis: Path | None,
    blocks_key: Path | None,
    no_password: bool,
) -> None:
    """Make a ledger with its first members, and a key file for each.

    The key that signs the blocks lies unprotected in the folder, in blocks.key, so that any member of this
    machine can write with its own key: whoever has the folder can refuse transactions, never change them.
    """
    from ...client import open_key

    if (organisation == ()) == (genesis is None):
        stop("say who founds the ledger: --organisation NAME, once for each, or --genesis FILE")
    ensure_free(dir)
    blocks = None if blocks_key is None else open_key(blocks_key, password_of)
    if genesis is None:
        founding = _from_names(organisation, balance, pool, cap, chain or chain_name(dir), blocks)
    else:
        founding = _from_file(genesis, blocks)
    write(dir, founding, no_password)
    _tell(at, dir, founding)


def ensure_free(folder: Path) -> None:
    from ...client import BLOCKS_KEY, GENESIS

    if folder.exists() and not folder.is_dir():
        stop(f"{folder} is a file; choose a folder")
    taken = [name for name in ("ledger.db", "log", BLOCKS_KEY, GENESIS) if (folder / name).exists()]
    if taken:
        stop(f"{folder} holds {taken[0]} already; choose another folder")


def chain_name(folder: Path, otherwise: str = "ledger") -> str:
    """The folder's name with what a chain's name may not hold taken out."""
    name = re.sub(r"[^a-z0-9._-]+", "-", folder.resolve().name.lower()).strip("-._")[:48]
    return name or otherwise


def _from_names(
    organisations: tuple[str, ...],
    balance: int,
    pool: int,
    cap: int | None,
    chain: str,
    given: "SigningKey | None",
) -> Founding:
    from ...base.ids import ROLES
    from ...base.keys import SigningKey
    from ...client import encryption_key, wall_clock
    from ...ledger.genesis import Founder, Genesis, Limits, ensure_sound

    blocks, members = given or SigningKey.generate(), {}
    founders = []
    for name, tokens in (_organisation(text, balance) for text in organisations):
        key = members[name] = SigningKey.generate()
        founders.append(Founder(name, key.public, encryption_key(key.public), ROLES, tokens))
    supply = pool + sum(founder.balance for founder in founders)
    most = max(1, supply * CAP_FACTOR) if cap is None else cap
    made = Genesis(chain, wall_clock(), most, tuple(founders), pool, Limits(), validators=(blocks.public,))
    ensure_sound(made)
    return Founding(made, blocks, members)


def _organisation(text: str, balance: int) -> tuple[str, int]:
    name, given, tokens = text.partition("=")
    return name, whole()(tokens) if given else balance


def _from_file(file: Path, given: "SigningKey | None") -> Founding:
    from msgspec.structs import replace

    from ...base.keys import SigningKey
    from ...ledger.genesis import read_genesis

    genesis = read_genesis(read_text(file))
    blocks = given or SigningKey.generate()
    if not genesis.validators:
        genesis = replace(genesis, validators=(blocks.public,))
    if genesis.validators != (blocks.public,):
        named = ", ".join(key.hex() for key in genesis.validators)
        stop(f"{file} names {named} to sign blocks; give that key's file by --blocks-key")
    return Founding(genesis, blocks, {})


def write(folder: Path, founding: Founding, plain: bool) -> None:
    from ...base.keys import save_key
    from ...client import BLOCKS_KEY, GENESIS, create
    from ...ledger.genesis import write_genesis

    (folder / KEYS if founding.members else folder).mkdir(parents=True, exist_ok=True)
    for name, key in founding.members.items():
        write_key(folder / KEYS / f"{name}.key", key, plain)
    # The keys first: a ledger whose blocks nobody can sign any more would be of no use.
    save_key(folder / BLOCKS_KEY, founding.blocks, None)
    (folder / GENESIS).write_text(write_genesis(founding.genesis), encoding="utf-8")
    with create(folder, founding.genesis, founding.blocks):
        pass


def _tell(at: Context, folder: Path, founding: Founding) -> None:
    from ...base.codec import encode

    genesis = founding.genesis
    supply = genesis.pool + sum(founder.balance for founder in genesis.members)
    digest = hashlib.sha256(encode(genesis)).digest()  # as an audit of an export prints it
    keys = {name: str(folder / KEYS / f"{name}.key") for name in founding.members}
    document = {
        "folder": str(folder),
        "chain": genesis.chain,
        "genesis": digest,
        "supply": supply,
        "cap": genesis.cap,
        "members": {founder.member: founder.balance for founder in genesis.members},
        "keys": keys,
    }
    rows = [
        (founder.member, output.amount(founder.balance), keys.get(founder.member, "its own"))
        for founder in genesis.members
    ]
    some = next(iter(founding.members), None)
    mine = folder / KEYS / f"{some}.key" if some else "YOUR.key"
    lines = [
        f"{folder} is a ledger: chain {genesis.chain!r}, {output.amount(supply)} of at most "
        f"{output.amount(genesis.cap)} tokens issued",
        "",
        *output.table(("member", "tokens", "key file"), rows, ""),
        "",
        *output.pairs([("genesis", digest.hex())]),
        "",
        "Hand each key file to its organisation, and keep a copy: a lost key is",
        "replaced by a vote of the others only. Then:",
        "",
        f"  export TALLY_LEDGER={folder} TALLY_KEY={mine}",
        "  tally member list",
        "  tally send MEMBER 250",
    ]
    at.show(document, lines)
