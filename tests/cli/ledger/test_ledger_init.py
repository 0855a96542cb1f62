"""`tally ledger init`: who founds, what each gets, what is written, and what cannot be founded."""

from __future__ import annotations

from pathlib import Path

import pytest

from tallystick.base.keys import load_key
from tallystick.cli.ledger.ledger_init import chain_name
from tallystick.client import BLOCKS_KEY, GENESIS
from tallystick.ledger.genesis import read_genesis
from tests.cli.desk import Desk


def test_founding_gives_each_member_tokens_roles_and_a_key(desk: Desk) -> None:
    line = (
        "ledger init here --organisation ada --organisation bob=500 --balance 2,000 --pool 100 --no-password"
    )
    said = desk.finds(line)
    assert said["members"] == {"ada": 2_000, "bob": 500}
    assert (said["supply"], said["cap"], said["chain"]) == (2_600, 26_000, "here")
    found = {one["member"]: one for one in desk.finds("member list --ledger here")}
    for name, key in said["keys"].items():
        assert found[name]["key"] == load_key(key).public.hex()
        assert len(found[name]["roles"]) == 7
    assert desk.finds("ledger status --ledger here")["figures"]["pool"] == 100


def test_founding_says_what_to_do_next(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    said = desk.does("ledger init here --organisation ada --organisation bob --no-password")
    export, *commands = [line.strip() for line in said.partition("Then:")[2].splitlines() if line.strip()]
    for setting in export.removeprefix("export ").split():
        name, _, value = setting.partition("=")
        monkeypatch.setenv(name, value)
    for command in commands:
        desk.does(command.removeprefix("tally ").replace("MEMBER", "bob"))


def test_founding_protects_keys_by_default(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALLY_PASSWORD", "pepper")
    desk.does("ledger init here --organisation ada --organisation bob")
    to_bob = "send bob 5 --ledger here --key here/keys/ada.key"
    desk.does(to_bob)
    monkeypatch.setenv("TALLY_PASSWORD", "salt")
    assert "password is wrong" in desk.fails(to_bob)
    monkeypatch.delenv("TALLY_PASSWORD")
    assert "set TALLY_PASSWORD" in desk.fails(to_bob)


def test_founding_from_a_file(trial: Desk) -> None:
    text = (Path("trial") / GENESIS).read_text()
    Path("again.toml").write_text(text.replace('chain = "trial"', 'chain = "again"'))
    assert "signs blocks" in trial.fails("ledger init again --genesis again.toml").replace("to sign", "signs")
    said = trial.finds(f"ledger init again --genesis again.toml --blocks-key trial/{BLOCKS_KEY}")
    assert (said["chain"], said["keys"]) == ("again", {})
    assert (Path("again") / GENESIS).read_text() == Path("again.toml").read_text()
    trial.does("send bob 5 --ledger again --key trial/keys/ada.key")


def test_founding_from_a_file_without_validators_makes_a_key(trial: Desk) -> None:
    genesis = (Path("trial") / GENESIS).read_text()
    without = "\n".join(line for line in genesis.splitlines() if not line.startswith("validators"))
    Path("open.toml").write_text(without)
    trial.does("ledger init open --genesis open.toml")
    made = read_genesis((Path("open") / GENESIS).read_text())
    assert made.validators == (load_key(f"open/{BLOCKS_KEY}").public,)


FOUNDINGS = {
    "ledger init here": "say who founds",
    "ledger init here --genesis none.toml": "none.toml",
    "ledger init here --genesis garbage.toml": "not TOML",
    "ledger init here --genesis bytes.toml": "bytes.toml is no text in UTF-8",
    "ledger init here --organisation ada --organisation ada": "named twice",
    "ledger init here --organisation Ada": "'Ada'",
    "ledger init here --organisation ada=x": "'x' is not a whole number",
    "ledger init here --organisation ada --balance -5": "less than 0",
    "ledger init here --organisation ada --cap 5": "the cap is 5",
    "ledger init here --organisation ada --chain Ünder": "'Ünder'",
    "ledger init here --organisation ada --blocks-key none.key": "none.key",
    "ledger init garbage.toml --organisation ada": "garbage.toml is a file",
    "ledger init": "Missing argument 'DIR'",
}


@pytest.mark.parametrize("line", FOUNDINGS)
def test_what_cannot_be_founded(desk: Desk, line: str) -> None:
    Path("garbage.toml").write_text("][")
    Path("bytes.toml").write_bytes(b"\xff\xfe\xfd")
    said = desk.fails(line, "--no-password") if "init " in line else desk.fails(line)
    assert FOUNDINGS[line] in said
    assert not Path("here").exists()


def test_a_ledger_is_never_written_over(trial: Desk) -> None:
    before = (Path("trial") / "ledger.db").read_bytes()
    assert "already" in trial.fails("ledger init trial --organisation eve --no-password")
    assert (Path("trial") / "ledger.db").read_bytes() == before


@pytest.mark.parametrize(
    "folder, name",
    [
        ("trial", "trial"),
        ("My Ledger!", "my-ledger"),
        ("..-a_b.c-", "a_b.c"),
        ("x" * 60, "x" * 48),
        ("Ü", "ledger"),
    ],
)
def test_a_chain_is_called_after_its_folder(folder: str, name: str) -> None:
    assert chain_name(Path("somewhere") / folder) == name
