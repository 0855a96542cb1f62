"""The folder of a network as the command writes it, and what it says of what is missing; no engine runs."""

import json
import os
import stat

import pytest

from tallystick.base.codec import encode
from tallystick.cli.main import run
from tallystick.ledger.genesis import founding_validators, read_genesis
from tests.cli.network.homes import config


def test_a_network_is_written_whole(net):
    folder, told = net
    genesis = read_genesis((folder / "genesis.toml").read_text())
    assert [one["member"] for one in told["validators"]] == ["ada", "bob"]
    assert sorted(one["validator"] for one in told["validators"]) == [
        key.hex() for key in founding_validators(genesis)
    ]
    for home in (folder / "ada", folder / "bob"):
        document = json.loads((home / "config" / "genesis.json").read_text())
        assert bytes.fromhex(document["app_state"]) == encode(genesis)
        assert (home / "genesis.toml").read_text() == (folder / "genesis.toml").read_text()
    assert (folder / "keys" / "bob.key").is_file()


def test_validators_know_each_other_and_keep_their_rpc_to_themselves(net):
    folder, told = net
    ada, bob = (config(folder / name) for name in ("ada", "bob"))
    assert ada["p2p"]["persistent_peers"] == told["validators"][1]["peer"]
    assert bob["p2p"]["persistent_peers"].endswith("@10.1.0.1:26650")
    assert ada["rpc"]["laddr"].startswith("tcp://127.0.0.1:")
    assert ada["instrumentation"]["prometheus_listen_addr"].startswith("127.0.0.1:")
    assert not ada["consensus"]["create_empty_blocks"]
    ports = [one["p2p"]["laddr"] for one in (ada, bob)] + [one["rpc"]["laddr"] for one in (ada, bob)]
    assert len({port.rpartition(":")[2] for port in ports}) == 4


def test_private_keys_are_readable_by_their_owner_only(net):
    folder, _ = net
    for name in ("config/priv_validator_key.json", "config/node_key.json"):
        assert stat.S_IMODE(os.stat(folder / "ada" / name).st_mode) == 0o600


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["network", "init", "--dir", "free"], "say who founds the network"),
        (["network", "init", "--dir", "full", "--organisations", "2"], "not empty"),
        (["network", "status", "free"], "there is no network"),
        (["validator", "start", "--home", "free"], "there is no free/genesis.toml"),
        (["network", "init", "--dir", "free", "--organisation", "No Name"], "will not do"),
    ],
)
def test_what_is_missing_is_said(tmp_path, monkeypatch, capsys, arguments, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    assert run(arguments) == 2
    assert said in capsys.readouterr().err


def test_without_the_engine_it_says_how_to_get_it(net, monkeypatch, capsys):
    monkeypatch.setenv("TALLY_COMETBFT", "/nowhere/cometbft")
    assert run(["network", "start", str(net[0])]) == 2
    assert "make cometbft" in capsys.readouterr().err
    assert run(["doctor"]) == 0
    assert "make cometbft" in capsys.readouterr().out


def test_a_network_that_does_not_run_is_said(net, capsys):
    assert run(["member", "list", "--ledger", str(net[0])]) == 2
    assert "does not answer" in capsys.readouterr().err
    assert run(["network", "status", str(net[0])]) == 0
    assert capsys.readouterr().out.count("stopped") == 2
