"""Key files: made, shown, proven, and told apart from what is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tallystick.base.keys import load_key, possession_holds
from tallystick.ledger.handlers.members import ensure_encryption_key, possession_context
from tests.cli.desk import Desk


def test_a_new_key_is_protected_by_the_password_that_was_given(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALLY_PASSWORD", "salt and pepper")
    said = desk.finds("key new ada.key")
    assert said["protected"] is True
    assert load_key("ada.key", "salt and pepper").public.hex() == said["public"]
    assert Path("ada.key").stat().st_mode & 0o077 == 0
    ensure_encryption_key(bytes.fromhex(said["encryption_key"]))
    assert desk.finds("key show ada.key") == {
        "public": said["public"],
        "encryption_key": said["encryption_key"],
        "protected": True,
        "member": None,
    }


def test_a_key_for_a_trial_needs_no_password(desk: Desk) -> None:
    said = desk.finds("key new ada.key --no-password")
    assert load_key("ada.key").public.hex() == said["public"]
    assert "belongs" not in desk.does("key show ada.key")


def test_nothing_is_overwritten(desk: Desk) -> None:
    desk.does("key new ada.key --no-password")
    before = Path("ada.key").read_bytes()
    assert "exists already" in desk.fails("key new ada.key --no-password")
    assert Path("ada.key").read_bytes() == before


def test_a_password_needs_somebody_to_ask(desk: Desk) -> None:
    assert "set TALLY_PASSWORD" in desk.fails("key new ada.key")
    assert not Path("ada.key").exists()


def test_a_password_is_asked_for_twice(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter(["one", "two", "same", "same"])
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("getpass.getpass", lambda _: next(answers))
    assert "differ" in desk.fails("key new ada.key")
    desk.does("key new ada.key")
    assert load_key("ada.key", "same")


@pytest.mark.parametrize(
    "content", ["", "{", "garbage", '{"format": "tallystick-key", "version": 1}', "\x00" * 100, "[" * 5_000]
)
def test_what_is_no_key_file_is_said(desk: Desk, content: str) -> None:
    Path("odd.key").write_text(content)
    assert "odd.key" in desk.fails("key show odd.key")
    assert "odd.key" in desk.fails("key prove odd.key --member dan --chain c")


def test_no_key_file_at_all(desk: Desk) -> None:
    assert "there is no key file none.key" in desk.fails("key show none.key")


def test_whose_key_it_is(trial: Desk) -> None:
    assert "ada" in trial.does("key show trial/keys/ada.key")
    trial.does("key new other.key --no-password")
    assert trial.finds("key show other.key")["member"] == "nobody"


def test_a_proof_holds_for_one_member_of_one_chain(desk: Desk) -> None:
    desk.does("key new dan.key --no-password")
    desk.does("key prove dan.key --member dan --chain c1 --out dan.json")
    found = json.loads(Path("dan.json").read_text())
    key, proof = bytes.fromhex(found["key"]), bytes.fromhex(found["possession"])
    assert possession_holds(key, possession_context("c1", "dan"), proof)
    assert not possession_holds(key, possession_context("c2", "dan"), proof)
    assert found == desk.finds("key prove dan.key --member dan --chain c1")
    assert "dan.json" in desk.fails("key prove dan.key --member dan --chain c1 --out dan.json")


def test_a_proof_takes_the_chain_of_the_ledger(trial: Desk) -> None:
    trial.does("key new dan.key --no-password")
    assert trial.finds("key prove dan.key --member dan")["chain"] == "trial"
