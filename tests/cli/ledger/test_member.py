"""`tally member`: who is there, and one's own keys, devices and software."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from tallystick.base.keys import load_key
from tests.cli.desk import NAMES, Desk, member_of


def test_members_are_listed_and_shown(trial: Desk) -> None:
    shown = trial.does("member list")
    assert re.search(r"ada +10,000 +0 +active +all", shown)
    one = trial.does("member show ada")
    assert load_key("trial/keys/ada.key").public.hex() in one
    assert trial.does("ledger show member ada") == one


def test_rotating_ones_own_key(trial: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALLY_PASSWORD", "new")
    trial.does("key new ada-2.key")
    monkeypatch.delenv("TALLY_PASSWORD")
    rotate = f"member rotate-key --new ada-2.key {trial.key('ada')}"
    assert "TALLY_NEW_PASSWORD" in trial.fails(rotate)
    monkeypatch.setenv("TALLY_NEW_PASSWORD", "new")
    trial.does(rotate)
    assert "no active key of 'ada'" in trial.fails(f"send bob 1 {trial.key('ada')}")
    monkeypatch.setenv("TALLY_PASSWORD", "new")
    trial.does("send bob 1 --key ada-2.key")


def test_a_device_posts_and_reports_and_nothing_else(trial: Desk) -> None:
    trial.does("key new gate.key --no-password")
    trial.does("key prove gate.key --member ada --out gate.json")
    trial.does(f"member add-device gate.json --until 2100-01-01 {trial.key('ada')}")
    assert "2100-01-01" in trial.does("member show ada")
    software = "77" * 32
    trial.does(f"member report --software {software} --key gate.key")
    assert member_of(trial, "ada")["software"] == software
    assert "DeviceMayNot" in trial.fails("send bob 1 --key gate.key")
    public = load_key("gate.key").public.hex()
    assert "0 of the 1 devices" in trial.fails(f"member remove-device 00ff {trial.key('ada')}")
    trial.does(f"member remove-device {public[:8]} {trial.key('ada')}")
    assert "no active key" in trial.fails(f"member report --software {software} --key gate.key")


def test_reporting_a_file(trial: Desk) -> None:
    Path("node.whl").write_bytes(b"software")
    trial.does(f"member report --file node.whl {trial.key('bob')}")
    assert member_of(trial, "bob")["software"] == hashlib.sha256(b"software").hexdigest()


FAILURES = {
    "member show nobody": "no member 'nobody'",
    "member report --key trial/keys/ada.key": "--software DIGEST or by --file FILE",
    "member report --software 12 --key trial/keys/ada.key": "64 hexadecimal digits",
    "member report --file none --key trial/keys/ada.key": "none",
    "member add-device none.json --until 2100-01-01 --key trial/keys/ada.key": "none.json",
    "member add-device odd.json --until 2100-01-01 --key trial/keys/ada.key": "odd.json is no proof of a key",
    "member add-device odd.json --until tomorrow --key trial/keys/ada.key": "'tomorrow' is no time",
}


@pytest.mark.parametrize("line", FAILURES)
def test_mistakes_are_said_in_one_line(trial: Desk, line: str) -> None:
    Path("odd.json").write_text('{"member": "dan", "key": "zz"}')
    assert FAILURES[line] in trial.fails(line)


def test_everybody_is_in_every_list(trial: Desk) -> None:
    assert [one["member"] for one in trial.finds("member list")] == list(NAMES)
