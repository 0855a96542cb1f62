"""What lies in a validator's folder: its keys, the genesis, the settings of engine and application."""

import base64
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from ...base import light, toml
from ...base.codec import encode
from ...base.keys import SigningKey
from ...ledger.genesis import Genesis
from ..engine import EngineError

ENGINE: Final = "TALLY_COMETBFT"  # names the engine's program where it is not found by itself
GENESIS: Final = "genesis.toml"
NETWORK: Final = "network.toml"  # beside a genesis: a client's folder
VALIDATOR: Final = "validator.toml"
SOCKET: Final = "app.sock"
HEAD: Final = "Written by `tally network init`; what is not named here is as CometBFT sets it."
BLOCK_BYTES: Final = 2**20
TRANSACTION_BYTES: Final = 64 * 1024
EVIDENCE_BLOCKS: Final = 100_000
FORTNIGHT: Final = 14 * 86_400 * 10**9
KEY_TYPE: Final = "tendermint/PrivKeyEd25519"
PUBLIC_TYPE: Final = "tendermint/PubKeyEd25519"


@dataclass(frozen=True)
class Pace:
    """How long the engine waits, in milliseconds; all validators of a network should wait alike."""

    block: int = 100  # after a block, before the next is begun
    propose: int = 1_000
    vote: int = 300
    gossip: int = 10


@dataclass(frozen=True)
class ValidatorPlace:
    """Where a validator is heard: by others at `host` and `p2p`, by its own machine at the other ports."""

    member: str
    host: str
    p2p: int
    rpc: int
    metrics: int  # the application's; the engine's is the next one

    @property
    def peers_at(self) -> str:
        """The one address at which the other validators reach it, and at which it listens for them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.p2p}"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.rpc}"


@dataclass(frozen=True)
class ValidatorKeys:
    """A validator's two keys: one signs votes, the other is how its peers know it."""

    validator: SigningKey = field(default_factory=SigningKey.generate)
    node: SigningKey = field(default_factory=SigningKey.generate)

    @property
    def node_id(self) -> str:
        return light.address(self.node.public).hex()


@dataclass(frozen=True)
class Home:
    """How a validator is set, as its `validator.toml` says."""

    member: str
    rpc: str
    metrics: int
    snapshots: int = 1_000  # blocks between two snapshots of the state; 0 takes none


class NetworkSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A client's view of a network, as `network.toml` says; the genesis lies beside it."""

    chain: str
    nodes: tuple[str, ...]
    prove: bool = True
    anchor_height: int = 0  # of a header to begin trust with, once the first one is more than a year old
    anchor_hash: str = ""

    @property
    def anchor(self) -> tuple[int, bytes] | None:
        return (self.anchor_height, bytes.fromhex(self.anchor_hash)) if self.anchor_height else None


def engine_program() -> str:
    """CometBFT's program: named by the environment, built by `make cometbft`, or on the path."""
    built = Path(__file__).resolve().parents[4] / "build" / "cometbft" / "cometbft"
    named = os.environ.get(ENGINE) or (str(built) if built.exists() else shutil.which("cometbft"))
    if not named or not Path(named).exists():
        raise EngineError(
            f"CometBFT's program is not here; `make cometbft` builds it, or name it in the variable {ENGINE}"
        )
    return named


def write_home(
    folder: Path,
    genesis: Genesis,
    genesis_text: str,
    place: ValidatorPlace,
    keys: ValidatorKeys,
    peers: list[str],
    pace: Pace,
    snapshots: int,
) -> None:
    """Write a validator's folder; its keys may be read by its owner only."""
    config, data = folder / "config", folder / "data"
    config.mkdir(parents=True)
    data.mkdir()
    validator = {
        "address": light.address(keys.validator.public).hex().upper(),
        "pub_key": {"type": PUBLIC_TYPE, "value": _base64(keys.validator.public)},
        "priv_key": _private(keys.validator),
    }
    _write_secret(config / "priv_validator_key.json", validator)
    _write_secret(config / "node_key.json", {"priv_key": _private(keys.node)})
    _write_secret(data / "priv_validator_state.json", {"height": "0", "round": 0, "step": 0})
    (config / "genesis.json").write_text(json.dumps(genesis_document(genesis), indent=2) + "\n")
    (config / "config.toml").write_text(config_text(place, peers, pace), encoding="utf-8")
    (folder / GENESIS).write_text(genesis_text, encoding="utf-8")
    home = Home(place.member, place.url, place.metrics, snapshots)
    (folder / VALIDATOR).write_text(toml.write(asdict(home)), encoding="utf-8")
    write_network(folder, genesis.chain, [place.url])


def write_network(folder: Path, chain: str, nodes: list[str]) -> None:
    text = toml.write({"chain": chain, "nodes": nodes, "prove": True})
    (folder / NETWORK).write_text(text, encoding="utf-8")


def read_network(folder: Path) -> NetworkSettings:
    """The client's settings in a folder."""
    try:
        return msgspec.toml.decode((folder / NETWORK).read_bytes(), type=NetworkSettings)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise EngineError(f"{folder / NETWORK}: {error}") from None


def read_home(folder: Path) -> Home:
    """How the validator in a folder is set."""
    try:
        return msgspec.toml.decode((folder / VALIDATOR).read_bytes(), type=Home)
    except FileNotFoundError:
        raise EngineError(
            f"there is no validator in {folder}: it has no {VALIDATOR}; `tally network init` writes them"
        ) from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise EngineError(f"{folder / VALIDATOR}: {error}") from None


def genesis_document(genesis: Genesis) -> dict[str, Any]:
    """The engine's genesis; the ledger's is its application state, in hexadecimal."""
    time = datetime.fromtimestamp(genesis.time // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    named = [
        (founder.member, founder.validator)
        for founder in genesis.members
        if genesis.validates in founder.roles
    ]
    return {
        "genesis_time": f"{time}.{genesis.time % 1000:03d}Z",
        "chain_id": genesis.chain,
        "initial_height": "1",
        "consensus_params": {
            "block": {"max_bytes": str(BLOCK_BYTES), "max_gas": "-1"},
            "evidence": {
                "max_age_num_blocks": str(EVIDENCE_BLOCKS),
                "max_age_duration": str(FORTNIGHT),
                "max_bytes": str(BLOCK_BYTES // 4),
            },
            "validator": {"pub_key_types": ["ed25519"]},
            "version": {"app": "1"},
            "abci": {"vote_extensions_enable_height": "0"},
        },
        "validators": [
            {
                "address": light.address(key).hex().upper(),
                "pub_key": {"type": PUBLIC_TYPE, "value": _base64(key)},
                "power": "1",
                "name": member,
            }
            for member, key in named
            if key
        ],
        "app_hash": "",
        "app_state": encode(genesis).hex(),
    }


def config_text(place: ValidatorPlace, peers: list[str], pace: Pace) -> str:
    """The engine's settings where they differ from its own; its RPC is heard on this machine only."""
    settings: dict[str, object] = {
        "proxy_app": f"unix://{SOCKET}",
        "abci": "socket",
        "moniker": place.member,
        "log_level": "error",
        "log_format": "json",
        "rpc": {
            "laddr": f"tcp://127.0.0.1:{place.rpc}",
            "max_open_connections": 400,
            "max_body_bytes": 4 * TRANSACTION_BYTES,
            "pprof_laddr": "",
        },
        "p2p": {
            "laddr": f"tcp://{place.peers_at}",
            "external_address": place.peers_at,
            "persistent_peers": ",".join(peers),
            "addr_book_strict": False,
            "allow_duplicate_ip": True,
            "flush_throttle_timeout": "10ms",
            "send_rate": 20480000,
            "recv_rate": 20480000,
        },
        "mempool": {
            "size": 5000,
            "cache_size": 10000,
            "max_tx_bytes": TRANSACTION_BYTES,
            "max_txs_bytes": 64 * 2**20,
        },
        "consensus": {
            "timeout_propose": f"{pace.propose}ms",
            "timeout_prevote": f"{pace.vote}ms",
            "timeout_precommit": f"{pace.vote}ms",
            "timeout_commit": f"{pace.block}ms",
            "create_empty_blocks": False,
            "peer_gossip_sleep_duration": f"{pace.gossip}ms",
            "double_sign_check_height": 0,
        },
        "storage": {"discard_abci_responses": True},
        "tx_index": {"indexer": "null"},
        "instrumentation": {
            "prometheus": True,
            "prometheus_listen_addr": f"127.0.0.1:{place.metrics + 1}",
            "namespace": "cometbft",
        },
    }
    return toml.write(settings, head=HEAD)


def _private(key: SigningKey) -> dict[str, str]:
    return {"type": KEY_TYPE, "value": _base64(key.seed + key.public)}


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _write_secret(path: Path, document: Mapping[str, object]) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(json.dumps(document, indent=2) + "\n")
