"""The folder of a network as the command writes it, and what it says of what is missing; no engine runs."""

import json
import os
import stat
import tomllib

import pytest

from tallystick.base.codec import encode
from tallystick.base.keys import SigningKey
from tallystick.cli.main import run
from tallystick.engines.cometbft.application import AbciApplication
from tallystick.engines.cometbft.validator import measured
from tallystick.ledger.genesis import founding_validators, read_genesis
from tests.engines.cometbft.driver import Driver, pay


@pytest.fixture
def net(tmp_path, capsys):
    arguments = ["--organisation", "ada@10.1.0.1", "--organisation", "bob", "--dir", str(tmp_path / "net")]
    assert run(["network", "init", *arguments, "--no-password", "--json"]) == 0
    return tmp_path / "net", json.loads(capsys.readouterr().out)


def config(home):
    return tomllib.loads((home / "config" / "config.toml").read_text())


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


def test_a_member_that_joins_gets_a_home_like_anothers(net, tmp_path, capsys):
    folder, told = net
    arguments = ["--home", str(tmp_path / "eve"), "--member", "eve", "--like", str(folder / "ada")]
    assert run(["validator", "init", *arguments, "--port", "26690"]) == 0
    assert "tally validator name" in capsys.readouterr().out
    peers = config(tmp_path / "eve")["p2p"]["persistent_peers"].split(",")
    assert peers == [one["peer"] for one in told["validators"]]
    keys = [
        json.loads((home / "config" / "priv_validator_key.json").read_text())["priv_key"]["value"]
        for home in (folder / "ada", tmp_path / "eve")
    ]
    assert keys[0] != keys[1]


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


def test_an_engines_key_file_is_read(net):
    from tallystick.cli.network.validator import _validator_key

    folder, told = net
    key = _validator_key(folder / "ada")
    assert isinstance(key, SigningKey)
    assert key.public.hex() == told["validators"][0]["validator"]


def test_figures_for_prometheus(tmp_path):
    driver = Driver(tmp_path)
    driver.begin()
    driver.check(pay(0))
    driver.block(pay(0))
    assert isinstance(driver.application, AbciApplication)
    rows = dict(line.split() for line in measured(driver.application).splitlines() if line[0] != "#")
    assert rows["tallystick_height"] == rows["tallystick_blocks_total"] == "1"
    assert rows["tallystick_validators"] == "4" and rows["tallystick_faults_total"] == "0"
    driver.close()
