"""`tally validator`: a home like another's, the engine's own key files, figures for Prometheus."""

import json

from tallystick.base.keys import SigningKey
from tallystick.cli.main import run
from tallystick.engines.cometbft.application import AbciApplication
from tallystick.engines.cometbft.validator import measured
from tests.cli.network.homes import config
from tests.engines.cometbft.driver import Driver, pay


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
