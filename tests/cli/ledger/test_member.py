"""Members, proposals and votes as people type them."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from tallystick.base.keys import load_key
from tests.cli.desk import NAMES, ROOTS, Desk


def papers(desk: Desk, member: str) -> str:
    """A proof that a member holds a new key."""
    desk.does(f"key new {member}-2.key --no-password")
    desk.does(f"key prove {member}-2.key --member {member} --out {member}.json")
    return f"{member}.json"


def decided(desk: Desk, change: str) -> str:
    """A change that all have voted for; the proposal."""
    made = desk.finds(f"propose {change} {desk.key('ada')}")
    for name in made["electorate"]:
        desk.does(f"vote {made['proposal']} yes {desk.key(name)}")
    return str(made["proposal"])


def member(desk: Desk, name: str) -> dict[str, object]:
    found: dict[str, object] = desk.finds(f"member show {name}")["member"]
    return found


def wrong_role(desk: Desk) -> str:
    """Cleo offering a unit."""
    words = " ".join(f"--{option} {value}" for option, value in ROOTS.items())
    budget = "--epsilon 1 --delta 0.001 --protects record"
    return f"unit register --name x --category x --kind x --count 1 {words} {budget} {desk.key('cleo')}"


def test_members_are_listed_and_shown(trial: Desk) -> None:
    shown = trial.does("member list")
    assert re.search(r"ada +10,000 +0 +active +all", shown)
    one = trial.does("member show ada")
    assert load_key("trial/keys/ada.key").public.hex() in one
    assert trial.does("ledger show member ada") == one


def test_admission_by_vote(trial: Desk) -> None:
    file = papers(trial, "dan")
    decided(trial, f"admit {file} --role owner --role worker")
    assert member(trial, "dan")["roles"] == ["owner", "worker"]
    assert "NotEnoughTokens" in trial.fails("send ada 1 --key dan-2.key")


def test_a_vote_says_how_it_stands(trial: Desk) -> None:
    made = trial.finds(f"propose mint bob 5,000 {trial.key('ada')}")
    short = made["proposal"][:17]
    shown = trial.does("propose list")
    assert short in shown and "mint 5,000 for bob" in shown and "0/0/2" in shown
    assert "1 for, 0 against, of 2" in trial.does(f"vote {short} yes {trial.key('ada')}")
    assert "has not voted" in trial.does(f"propose show {short}")
    assert "vote" not in trial.does("member show ada")
    assert f"vote {made['proposal']}" in " ".join(trial.does("member show cleo").split())
    assert "AlreadyDone" in trial.fails(f"vote {short} no {trial.key('ada')}")
    assert "lapsed" in trial.does(f"vote {short} no {trial.key('cleo')}")
    assert "nothing is open" in trial.does("propose list")
    assert "lapsed" in trial.does("propose list --all")
    assert trial.does(f"ledger show proposal {short}") == trial.does(f"propose show {short}")


def test_what_a_vote_decides(trial: Desk) -> None:
    decided(trial, "mint bob 5,000")
    assert member(trial, "bob")["balance"] == 15_000
    decided(trial, "fill-pool 700")
    assert trial.finds("ledger status")["figures"]["pool"] == 700
    decided(trial, "roles cleo --role auditor")
    assert member(trial, "cleo")["roles"] == ["auditor"]
    assert "role 'owner'" in trial.fails(wrong_role(trial))
    decided(trial, "suspend cleo")
    assert member(trial, "cleo")["active"] is False
    assert "suspended" in trial.fails(f"send ada 1 {trial.key('cleo')}")
    decided(trial, "reinstate cleo")
    trial.does(f"send ada 1 {trial.key('cleo')}")


def test_a_lost_key_is_replaced_by_vote(trial: Desk) -> None:
    decided(trial, f"recover {papers(trial, 'bob')}")
    assert "no active key" in trial.fails(f"send ada 1 {trial.key('bob')}")
    trial.does("send ada 1 --key bob-2.key")


def test_a_dispute_moves_a_unit(trial: Desk) -> None:
    trial.register("bob", "pumps")
    decided(trial, "dispute bob/pumps --owner cleo")
    assert [one["owner"] for one in trial.finds("unit list")] == ["cleo"]


def test_an_upgrade_is_put_to_the_vote_or_refused(trial: Desk) -> None:
    said = trial.fails(f"propose upgrade 9 --height 5 {trial.key('ada')}")
    assert "refused" in said


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
    assert member(trial, "ada")["software"] == software
    assert "DeviceMayNot" in trial.fails("send bob 1 --key gate.key")
    public = load_key("gate.key").public.hex()
    assert "0 of the 1 devices" in trial.fails(f"member remove-device 00ff {trial.key('ada')}")
    trial.does(f"member remove-device {public[:8]} {trial.key('ada')}")
    assert "no active key" in trial.fails(f"member report --software {software} --key gate.key")


def test_reporting_a_file(trial: Desk) -> None:
    Path("node.whl").write_bytes(b"software")
    trial.does(f"member report --file node.whl {trial.key('bob')}")
    assert member(trial, "bob")["software"] == hashlib.sha256(b"software").hexdigest()


FAILURES = {
    "member show nobody": "no member 'nobody'",
    "member report --key trial/keys/ada.key": "--software DIGEST or by --file FILE",
    "member report --software 12 --key trial/keys/ada.key": "64 hexadecimal digits",
    "member report --file none --key trial/keys/ada.key": "none",
    "member add-device none.json --until 2100-01-01 --key trial/keys/ada.key": "none.json",
    "member add-device odd.json --until 2100-01-01 --key trial/keys/ada.key": "odd.json is no proof of a key",
    "member add-device odd.json --until tomorrow --key trial/keys/ada.key": "'tomorrow' is no time",
    "propose admit odd.json --key trial/keys/ada.key": "odd.json is no proof of a key",
    "propose admit odd.json --role king --key trial/keys/ada.key": "'king' is not one of",
    "propose mint nobody 5 --key trial/keys/ada.key": "nobody",
    "propose mint bob 500,000,000 --key trial/keys/ada.key": "cap",
    "propose mint bob 0 --key trial/keys/ada.key": "less than 1",
    "propose suspend nobody --key trial/keys/ada.key": "nobody",
    "propose reinstate bob --key trial/keys/ada.key": "refused",
    "propose dispute bob/none --owner cleo --key trial/keys/ada.key": "no unit 'none' of 'bob'",
    "vote 12345678 yes --key trial/keys/ada.key": "no proposal",
    "vote 12345678 maybe --key trial/keys/ada.key": "'maybe' is not one of",
    "vote 12345678 yes": "whose key?",
    "send bob 5": "whose key?",
    "send bob five --key trial/keys/ada.key": "'five' is not a whole number",
    "send bob 0 --key trial/keys/ada.key": "0 is less than 1",
    "send bob 5 --key trial": "trial",
    "send bob 5 --key trial/genesis.toml": "genesis.toml is not a key file",
    "send bob 5 --key stranger.key": "belongs to no member of chain 'trial'",
    "send nobody 5 --key trial/keys/ada.key": "member 'nobody' is not known",
    "send Bob 5 --key trial/keys/ada.key": "to 'Bob' will not do",
    "send ada 5 --key trial/keys/ada.key": "SelfDealing",
    "send bob 10,001 --key trial/keys/ada.key": "10001 tokens are needed, 10000 are there",
}


@pytest.mark.parametrize("line", FAILURES)
def test_mistakes_are_said_in_one_line(trial: Desk, line: str) -> None:
    Path("odd.json").write_text('{"member": "dan", "key": "zz"}')
    trial.does("key new stranger.key --no-password")
    assert FAILURES[line] in trial.fails(line)


def test_a_refused_transaction_is_a_document_too(trial: Desk) -> None:
    said = trial.types(f"send bob 10,001 {trial.key('ada')} --json")
    assert said.code == 2
    assert said.document["accepted"] is False
    assert (said.document["receipt"]["refusal"], said.document["receipt"]["code"]) == ("NotEnoughTokens", 26)
    assert said.err.count("\n") == 1


def test_an_accepted_transaction_is_a_document(trial: Desk) -> None:
    said = trial.finds(f"send bob 250 {trial.key('ada')}")
    assert (said["accepted"], said["balance"]) == (True, 9_750)
    assert said["notices"] == [{"kind": "tokensmoved", "payer": "ada", "payee": "bob", "amount": 250}]
    assert len(said["transaction"]) == 64


def test_everybody_is_in_every_list(trial: Desk) -> None:
    assert [one["member"] for one in trial.finds("member list")] == list(NAMES)
