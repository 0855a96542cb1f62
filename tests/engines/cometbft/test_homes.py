"""A validator's folder: it listens where it was told to, and nowhere else; its keys are its owner's alone."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tallystick.engines.cometbft.homes import (
    Pace,
    ValidatorKeys,
    ValidatorPlace,
    genesis_document,
    read_home,
    read_network,
    write_home,
)
from tallystick.engines.engine import EngineError
from tallystick.ledger.genesis import write_genesis
from tests.engines.cometbft.driver import GENESIS, MEMBERS


def written(folder: Path, host: str, keys: ValidatorKeys | None = None) -> dict[str, Any]:
    """The engine's settings in a home at this host."""
    place = ValidatorPlace("ada", host, 26656, 26657, 26658)
    text, peers = write_genesis(GENESIS), ["id@10.0.0.7:26656"]
    write_home(folder, GENESIS, text, place, keys or ValidatorKeys(), peers, Pace(block=50), 10)
    return tomllib.loads((folder / "config" / "config.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "host, at",
    [
        ("127.0.0.1", "127.0.0.1:26656"),
        ("10.0.0.6", "10.0.0.6:26656"),
        ("node.ada.example", "node.ada.example:26656"),
        ("fd00::6", "[fd00::6]:26656"),
    ],
)
def test_it_listens_for_its_peers_at_the_address_that_it_was_given(tmp_path, host, at):
    settings = written(tmp_path / "ada", host)
    assert settings["p2p"]["laddr"] == f"tcp://{at}"
    assert settings["p2p"]["external_address"] == at


def test_nothing_listens_on_every_interface(tmp_path):
    settings = written(tmp_path / "ada", "10.0.0.6")
    assert settings["rpc"]["laddr"] == "tcp://127.0.0.1:26657"
    assert settings["instrumentation"]["prometheus_listen_addr"] == "127.0.0.1:26659"
    assert "0.0.0.0" not in (tmp_path / "ada" / "config" / "config.toml").read_text()


def test_its_keys_are_its_owners_alone(tmp_path):
    keys = ValidatorKeys()
    written(tmp_path / "ada", "127.0.0.1", keys)
    for name in ("config/priv_validator_key.json", "config/node_key.json"):
        file = tmp_path / "ada" / name
        assert file.stat().st_mode & 0o077 == 0 and "PrivKeyEd25519" in file.read_text()
    said = json.loads((tmp_path / "ada" / "config" / "priv_validator_key.json").read_text())
    assert said["address"] == said["address"].upper() and len(said["address"]) == 40
    with pytest.raises(FileExistsError):
        written(tmp_path / "ada", "127.0.0.1", keys)


def test_what_is_written_is_read(tmp_path):
    written(tmp_path / "ada", "10.0.0.6")
    home, network = read_home(tmp_path / "ada"), read_network(tmp_path / "ada")
    assert (home.member, home.rpc, home.snapshots) == ("ada", "http://127.0.0.1:26657", 10)
    assert (network.chain, network.nodes, network.anchor) == (GENESIS.chain, (home.rpc,), None)
    with pytest.raises(EngineError, match="no validator in"):
        read_home(tmp_path)


def test_the_engines_genesis_names_those_who_validate_and_no_others():
    document = genesis_document(GENESIS)
    assert [each["name"] for each in document["validators"]] == [member.member for member in MEMBERS]
    assert document["genesis_time"].endswith("Z") and document["chain_id"] == GENESIS.chain
