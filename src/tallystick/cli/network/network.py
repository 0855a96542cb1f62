"""`tally network`: a ledger that several organisations run, each with a validator of its own."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import output
from ..command import FILE, argument, command, noun, whole
from ..context import Context, stop
from ..key import PLAIN_HELP, write_key
from ..ledger.ledger_init import chain_name

if TYPE_CHECKING:
    from ...base.ids import Role
    from ...base.keys import SigningKey
    from ...engines.cometbft.homes import ValidatorKeys, ValidatorPlace
    from ...ledger.genesis import Genesis

app = noun("network")

BALANCE = 10_000
CAP_FACTOR = 10
KEYS, PID, LOG = "keys", "validator.pid", "validator.log"
LOCAL = "127.0.0.1"
FIRST_PORT, PORTS = 26_650, 10  # between two validators on one machine
PATIENCE = 30.0  # seconds


@dataclass(frozen=True)
class FoundingValidator:
    """One organisation of a new network."""

    place: "ValidatorPlace"
    keys: "ValidatorKeys"
    member: "SigningKey"

    @property
    def peer(self) -> str:
        """Where the other validators reach its own."""
        return f"{self.keys.node_id}@{self.place.host}:{self.place.p2p}"


@command(
    "tally network init --organisations 4 --dir net --no-password",
    "tally network init --organisation ada --organisation bob@10.0.0.6 --dir net",
    into=app,
)
@click.option("--dir", "folder", type=FILE, required=True, metavar="DIR", help="The new folder.")
@click.option("--organisations", type=whole(1), metavar="COUNT", help="So many, called org1, org2 and so on.")
@click.option("--organisation", multiple=True, metavar="NAME[@HOST]", help="One with a name; repeat it.")
@click.option("--chain", metavar="NAME", help="The chain's name; the folder's unless you say another.")
@click.option(
    "--validates",
    type=click.Choice(("operator", "analyst")),
    default="operator",
    show_default=True,
    help="The role whose members vote on blocks.",
)
@click.option("--balance", type=whole(), default=BALANCE, show_default=True, help="Tokens of each.")
@click.option(
    "--port", type=whole(1024), default=FIRST_PORT, show_default=True, help="The first port to use."
)
@click.option(
    "--pause", type=whole(), default=100, show_default=True, help="Milliseconds between two blocks."
)
@click.option(
    "--snapshots", type=whole(), default=1_000, show_default=True, help="Blocks between two snapshots."
)
@click.option("--no-password", is_flag=True, help=PLAIN_HELP)
def init(
    at: Context,
    folder: Path,
    organisations: int | None,
    organisation: tuple[str, ...],
    chain: str | None,
    validates: "Role",
    balance: int,
    port: int,
    pause: int,
    snapshots: int,
    no_password: bool,
) -> None:
    """Write the folder of a network: a home for each validator, keys, genesis, settings.

    DIR itself is a ledger to every command: --ledger DIR. Each home is handed to its organisation, with its
    member's key; nobody else keeps a copy.
    """
    from ...engines.cometbft.homes import GENESIS, Pace, write_home, write_network
    from ...ledger.genesis import write_genesis

    names = organisation or tuple(f"org{n}" for n in range(1, (organisations or 0) + 1))
    if not names or (organisation and organisations):
        stop("say who founds the network: --organisations COUNT, or --organisation NAME once for each")
    if folder.exists() and any(folder.iterdir()):
        stop(f"{folder} is not empty; choose another folder")
    founded = [_founder(text, port + PORTS * n) for n, text in enumerate(names)]
    genesis = _genesis(founded, chain or chain_name(folder, "network"), validates, balance)
    text = write_genesis(genesis)
    peers = {founder.place.member: founder.peer for founder in founded}
    (folder / KEYS).mkdir(parents=True)
    for founder in founded:
        name = founder.place.member
        others = [peer for other, peer in peers.items() if other != name]
        home = folder / name
        write_home(home, genesis, text, founder.place, founder.keys, others, Pace(block=pause), snapshots)
        write_key(folder / KEYS / f"{name}.key", founder.member, no_password)
    (folder / GENESIS).write_text(text, encoding="utf-8")
    write_network(folder, genesis.chain, [founder.place.url for founder in founded])
    _tell(at, folder, genesis, founded, peers)


def _founder(text: str, port: int) -> FoundingValidator:
    from ...base.keys import SigningKey
    from ...engines.cometbft.homes import ValidatorKeys, ValidatorPlace

    name, _, host = text.partition("@")
    place = ValidatorPlace(name, host or LOCAL, port, port + 1, port + 2)
    return FoundingValidator(place, ValidatorKeys(), SigningKey.generate())


def _genesis(founded: list[FoundingValidator], chain: str, validates: "Role", balance: int) -> "Genesis":
    from ...base.ids import ROLES
    from ...client import encryption_key, wall_clock
    from ...ledger.genesis import Founder, Genesis, ensure_sound

    founders = tuple(
        Founder(
            founder.place.member,
            founder.member.public,
            encryption_key(founder.member.public),
            ROLES,
            balance,
            founder.keys.validator.public,
        )
        for founder in founded
    )
    cap = max(1, CAP_FACTOR * balance * len(founders))
    genesis = Genesis(chain, wall_clock(), cap, founders, validates=validates)
    ensure_sound(genesis)
    return genesis


def _tell(
    at: Context, folder: Path, genesis: "Genesis", founded: list[FoundingValidator], peers: dict[str, str]
) -> None:
    from hashlib import sha256

    from ...base.codec import encode

    digest = sha256(encode(genesis)).digest()
    document = {
        "folder": str(folder),
        "chain": genesis.chain,
        "genesis": digest,
        "validators": [
            {
                "member": founder.place.member,
                "home": str(folder / founder.place.member),
                "key": str(folder / KEYS / f"{founder.place.member}.key"),
                "peer": peers[founder.place.member],
                "validator": founder.keys.validator.public,
                "rpc": founder.place.url,
            }
            for founder in founded
        ],
    }
    places = [founder.place for founder in founded]
    rows = [(place.member, str(folder / place.member), place.url) for place in places]
    lines = [
        f"{folder} is a network: chain {genesis.chain!r}, {len(founded)} validators",
        "",
        *output.table(("member", "home", "RPC, on its machine only"), rows, ""),
        "",
        "Each organisation gets its home and its key file. What all must know alike:",
        "",
        *output.pairs([("genesis", digest.hex()), *peers.items()]),
        "",
        "Where all run on this machine:",
        "",
        f"  tally network start {folder}",
        f"  export TALLY_LEDGER={folder} TALLY_KEY={folder / KEYS / founded[0].place.member}.key",
        "  tally member list",
    ]
    at.show(document, lines)


@command("tally network start net", into=app)
@argument("dir", "The network's folder.", type=FILE)
def start(at: Context, dir: Path) -> None:
    """Start every validator whose home is in the folder, and wait until they answer."""
    from ...engines.cometbft.homes import engine_program

    engine_program()
    started = [home for home in _homes(dir) if _pid(home) is None]
    for home in started:
        _spawn(home)
    deadline = time.monotonic() + PATIENCE
    waiting = _homes(dir)
    while waiting and time.monotonic() < deadline:
        waiting = [home for home in waiting if _standing(home) is None]
        dead = [home for home in waiting if _pid(home) is None]
        if dead:
            stop(f"the validator in {dead[0]} ended; {dead[0] / LOG} says why")
        time.sleep(0.1)
    if waiting:
        stop(f"{waiting[0]} does not answer after {PATIENCE:g} seconds; see {waiting[0] / LOG}")
    at.show(
        {"started": [str(home) for home in started]},
        [f"{len(started)} validators started, {len(_homes(dir))} run"],
    )


@command("tally network stop net", into=app, name="stop")
@argument("dir", "The network's folder.", type=FILE)
def stop_all(at: Context, dir: Path) -> None:
    """Stop every validator whose home is in the folder."""
    running = [(home, pid) for home in _homes(dir) if (pid := _pid(home)) is not None]
    for _, pid in running:
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE
    while any(_pid(home) is not None for home, _ in running):
        if time.monotonic() > deadline:
            stop("not every validator has ended; look for what keeps it with `tally network status`")
        time.sleep(0.1)
    at.show({"stopped": [str(home) for home, _ in running]}, [f"{len(running)} validators stopped"])


@command("tally network status net", into=app)
@argument("dir", "The network's folder.", type=FILE)
def status(at: Context, dir: Path) -> None:
    """Say of every validator whether it runs, and how far it is."""
    validators: list[dict[str, Any]] = []
    for home in _homes(dir):
        pid, standing = _pid(home), _standing(home)
        height, root = standing or (None, None)
        validators.append({"member": home.name, "process": pid, "height": height, "root": root})
    rows = [
        (
            validator["member"],
            "runs" if validator["process"] else "stopped",
            "does not answer" if validator["height"] is None else output.amount(validator["height"]),
            (validator["root"] or b"").hex()[:16],
        )
        for validator in validators
    ]
    at.show(validators, output.table(("member", "is", "block", "state's root"), rows, "no validators"))


def _homes(folder: Path) -> list[Path]:
    from ...engines.cometbft.homes import VALIDATOR

    homes = sorted(file.parent for file in folder.glob(f"*/{VALIDATOR}"))
    if not homes:
        stop(f"there is no network in {folder}; make one with `tally network init --dir {folder}`")
    return homes


def _spawn(home: Path) -> None:
    with (home / LOG).open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "tallystick.cli", "validator", "start", "--home", str(home)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
    (home / PID).write_text(f"{process.pid}\n")


def _pid(home: Path) -> int | None:
    """The validator's process, where it runs."""
    try:
        pid = int((home / PID).read_text())
        if os.waitpid(pid, os.WNOHANG)[0]:
            return None
    except (OSError, ValueError) as error:
        if not isinstance(error, ChildProcessError):
            return None
    try:
        command_line = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return None
    return pid if b"validator" in command_line else None


def _standing(home: Path) -> tuple[int, bytes] | None:
    """Height and root as the validator tells them; None where it does not answer."""
    from ...engines.cometbft.homes import read_home
    from ...engines.cometbft.queries import decode_standing
    from ...engines.cometbft.rpc import RpcNode
    from ...engines.engine import EngineError

    try:
        node = RpcNode(read_home(home).rpc, 2.0)
        code, value, _, _ = node.query("/status")
        node.close()
    except EngineError:
        return None
    standing = decode_standing(value) if not code else None
    return None if standing is None else (standing.height, standing.root)
