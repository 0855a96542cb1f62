"""A network's folder as the command writes it."""

import json

import pytest

from tallystick.cli.main import run


@pytest.fixture
def net(tmp_path, capsys):
    arguments = ["--organisation", "ada@10.1.0.1", "--organisation", "bob", "--dir", str(tmp_path / "net")]
    assert run(["network", "init", *arguments, "--no-password", "--json"]) == 0
    return tmp_path / "net", json.loads(capsys.readouterr().out)
