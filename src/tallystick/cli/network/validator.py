"""`tally validator`: one organisation's part of a network."""

import base64
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import output
from ..command import FILE, command, noun, whole
from ..context import Context, read_text, stop

if TYPE_CHECKING:
    from ...base.keys import SigningKey
    from ...ledger.genesis import Genesis

app = noun("validator")

HOME = click.option("--home", type=FILE, required=True, metavar="DIR", help="The validator's folder.")
LOCAL = "127.0.0.1"


@command("tally validator start --home net/ada", into=app)
@HOME
def start(at: Context, home: Path) -> None:
    """Run a validator until it is told to stop: its application, and CometBFT beside it.

    CometBFT is started again when it ends. Both write lines of JSON to standard error. It ends with code 3
    when it must not go on; the last line says why.
    """
    from ...engines.cometbft.validator import start as run

    code = run(home, _genesis(home))
    if code:
        sys.exit(code)


@command("tally validator init --home eve --member eve --like net/ada --port 26690", into=app)
@HOME
@click.option("--member", required=True, metavar="NAME", help="Whose validator it is.")
@click.option("--like", type=FILE, required=True, metavar="DIR", help="The home of one that runs.")
@click.option("--host", default=LOCAL, show_default=True, help="Where the others reach it.")
@click.option("--port", type=whole(1024), required=True, help="The first of four ports to use.")
def init(at: Context, home: Path, member: str, like: Path, host: str, port: int) -> None:
    """Make a home with new keys for a member that joins a running network.

    Of the home that it is like it takes the genesis and the addresses, no key. Start it, let it catch up, and
    name it then.
    """
    from ...engines.cometbft.homes import Pace, ValidatorKeys, ValidatorPlace, write_home

    if home.exists() and any(home.iterdir()):
        stop(f"{home} is not empty; choose another folder")
    genesis = _genesis(like)
    peers = _peers(like)
    keys, place = ValidatorKeys(), ValidatorPlace(member, host, port, port + 1, port + 2)
    text = read_text(like / "genesis.toml")
    write_home(home, genesis, text, place, keys, peers, Pace(), 1_000)
    document = {
        "home": str(home),
        "peer": f"{keys.node_id}@{host}:{port}",
        "validator": keys.validator.public,
    }
    lines = [
        f"{home} is a validator of chain {genesis.chain!r} for {member}",
        "",
        *output.pairs([("validator", keys.validator.public.hex()), ("peer", document["peer"])]),
        "",
        f"  tally validator start --home {home}",
        f"  tally validator name --home {home} --ledger {home} --key {member}.key",
    ]
    at.show(document, lines)


@command("tally validator name --home eve --ledger eve --key eve.key", into=app, signs=True)
@HOME
def name(at: Context, home: Path) -> None:
    """Name your validator's key on the ledger: if your roles allow it, it votes on blocks from then on.

    It counts at once, running or not, so let it catch up first. A key that was named before is replaced.
    """
    from ...client import papers
    from ...ledger.transactions import SetValidator

    key = _validator_key(home)
    with at.writer() as client:
        shown = papers(key, client.view.status().chain, client.member)
        answer = client.submit(SetValidator(shown.key, shown.possession))
        at.sent(answer, f"{key.public.hex()} votes on blocks for {client.member}", key=key.public)


def _genesis(home: Path) -> "Genesis":
    from ...engines.cometbft.homes import GENESIS
    from ...ledger.genesis import read_genesis

    file = home / GENESIS
    if not file.is_file():
        stop(f"there is no {file}; `tally network init` writes a validator's folder")
    return read_genesis(read_text(file))


def _peers(home: Path) -> list[str]:
    """The validator of a home, and those that it knows."""
    import tomllib

    from ...base import light

    p2p = tomllib.loads((home / "config" / "config.toml").read_text(encoding="utf-8"))["p2p"]
    public = _secret(home / "config" / "node_key.json").public
    own = f"{light.address(public).hex()}@{p2p['external_address']}"
    return [own, *(peer for peer in p2p["persistent_peers"].split(",") if peer)]


def _validator_key(home: Path) -> "SigningKey":
    return _secret(home / "config" / "priv_validator_key.json")


def _secret(file: Path) -> "SigningKey":
    """The key in one of the engine's files."""
    from ...base.keys import SigningKey

    try:
        document: Any = json.loads(file.read_text(encoding="ascii"))
        return SigningKey(base64.b64decode(document["priv_key"]["value"])[:32])
    except FileNotFoundError:
        stop(f"there is no {file}; is this a validator's folder?")
    except (ValueError, KeyError, TypeError):
        stop(f"{file} holds no Ed25519 key as the engine writes them")
