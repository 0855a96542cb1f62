"""`tally ledger`: founding, looking, exporting, verifying, proving; and every way in which that can fail."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tallystick.base.keys import SigningKey, load_key
from tallystick.client import BLOCKS_KEY, GENESIS, open_writer
from tallystick.engines.embedded.engine import EmbeddedEngine
from tests.cli.desk import Desk


def test_status_and_what_is_there(trial: Desk) -> None:
    trial.does(f"send bob 250 {trial.key('ada')}")
    shown = trial.does("ledger status")
    assert "30,000 of at most 300,000" in shown
    assert "nothing comes due" in shown
    found = trial.finds("ledger status")
    assert (found["chain"], found["figures"]["issued"]) == ("trial", 30_000)
    account = trial.does("ledger show account ada")
    assert "9,750" in account and "transfer" in account and "accepted" in account
    assert "tokens moved: payer ada, payee bob, amount 250" in trial.does("ledger show block 2")
    newest = trial.finds("ledger show account ada")["newest"][0]
    digest = newest["receipt"]["transaction"]
    assert digest in trial.does(f"ledger show tx {digest}")
    assert trial.finds(f"ledger show tx {digest}") == newest


LOOKS = {
    "ledger show block x": "no height",
    "ledger show block 0": "there is no block 0",
    "ledger show block 9,000": "no height",
    "ledger show block 9000": "there is no block 9000",
    "ledger show tx 12": "no digest",
    f"ledger show tx {'00' * 32}": "no block holds",
    "ledger show account nobody": "no account 'nobody'",
    "ledger show member nobody": "no member 'nobody'",
    "ledger show unit 12345678": "no unit '12345678'",
    "ledger show unit bob/none": "no unit 'none' of 'bob'",
    "ledger show lineage 12345678": "no lineage",
    "ledger show grant 12345678": "no grant",
    "ledger show ask 12345678": "no ask",
    "ledger show proposal what": "looks like proposal-3fa94c12",
    "ledger show request 12345678": "no request",
    "ledger show record 12345678": "no request",
    "ledger show thing 1": "'thing' is not one of",
    "ledger show block": "Missing argument 'ID'",
}


@pytest.mark.parametrize("line", LOOKS)
def test_what_is_not_there(trial: Desk, line: str) -> None:
    assert LOOKS[line] in trial.fails(line)


def test_which_ledger_is_meant(desk: Desk) -> None:
    assert "--ledger DIR" in desk.fails("ledger status")
    assert "tally ledger init none" in desk.fails("ledger status --ledger none")
    Path("empty").mkdir()
    assert "no ledger in empty" in desk.fails("ledger status --ledger empty")
    assert "no ledger in empty" in desk.fails("ledger export x.tally --ledger empty")
    Path("file").write_text("x")
    assert "file" in desk.fails("ledger status --ledger file")


def test_options_may_stand_anywhere(trial: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TALLY_LEDGER")
    for line in ("--ledger trial --json member list", "member --ledger trial --json list"):
        assert len(trial.types(line).document) == 3
    monkeypatch.setenv("TALLY_LEDGER", "nowhere")
    assert len(trial.finds("--ledger nowhere member list --ledger trial")) == 3


def test_a_ledger_that_somebody_writes_is_read_and_not_written(trial: Desk) -> None:
    with EmbeddedEngine("trial", keys=[load_key(f"trial/{BLOCKS_KEY}")]):
        said = trial.fails(f"send bob 5 {trial.key('ada')}")
        assert "is being written by process" in said
        assert len(trial.finds("member list")) == 3
    trial.does(f"send bob 5 {trial.key('ada')}")


def test_the_key_that_signs_blocks_must_be_there(trial: Desk) -> None:
    signs = Path("trial") / BLOCKS_KEY
    signs.rename("elsewhere.key")
    assert BLOCKS_KEY in trial.fails(f"send bob 5 {trial.key('ada')}")
    trial.does(f"key new {signs} --no-password")
    assert "more than two thirds" in trial.fails(f"send bob 5 {trial.key('ada')}")


def spoilt(change: Callable[[bytearray], bytes]) -> Callable[[Path], None]:
    def spoil(file: Path) -> None:
        file.write_bytes(change(bytearray(file.read_bytes())))

    return spoil


def flipped(data: bytearray) -> bytes:
    data[len(data) // 2] ^= 1
    return bytes(data)


def test_an_export_is_executed_again(trial: Desk) -> None:
    trial.does(f"send bob 5 {trial.key('ada')}")
    trial.fails(f"send bob 500,000 {trial.key('ada')}")
    trial.does("ledger export t.tally")
    assert "exists already" in trial.fails("ledger export t.tally")
    trial.does("ledger export t.tally --force")
    found = trial.finds("ledger verify t.tally")
    assert (found["sound"], found["transactions"], found["refused"]) == (True, 2, 1)
    assert "2 transactions, 1 of them refused" in trial.does("ledger verify t.tally")
    assert found["app_hash"] == trial.finds("ledger status")["app_hash"]
    signer, genesis = found["validators"][0], found["genesis"]
    trial.does(f"ledger verify t.tally --validator {signer} --genesis {genesis}")
    other = SigningKey.generate().public.hex()
    assert signer in trial.fails(f"ledger verify t.tally --validator {other}")
    assert genesis in trial.fails(f"ledger verify t.tally --genesis {other}")


@pytest.mark.parametrize(
    "spoil",
    [
        spoilt(flipped),
        spoilt(lambda data: bytes(data[:300])),
        spoilt(lambda data: bytes(data[:-1])),
        spoilt(lambda data: b"garbage"),
        spoilt(lambda data: b""),
    ],
)
def test_a_spoilt_export_is_caught(trial: Desk, spoil: Callable[[Path], None]) -> None:
    trial.does("ledger export t.tally")
    spoil(Path("t.tally"))
    assert "t.tally is not a true ledger" in trial.fails("ledger verify t.tally")
    said = trial.types("ledger verify t.tally --json")
    assert (said.code, said.document["sound"]) == (2, False)
    assert said.document["problem"] in said.err


def test_there_is_no_such_export(trial: Desk) -> None:
    assert "none.tally" in trial.fails("ledger verify none.tally")
    assert "trial" in trial.fails("ledger verify trial")
    assert "none" in trial.fails("ledger export none/x.tally")


def test_a_record_is_proven(trial: Desk) -> None:
    trial.does(f"send bob 5 {trial.key('ada')}")
    trial.does("ledger prove account bob --out proof.json")
    assert "10,005" in trial.does("ledger verify proof.json")
    found = trial.finds("ledger verify proof.json")
    assert found["record"]["balance"] == 10_005
    trial.does(f"ledger verify proof.json --validator {found['validators'][0]}")
    assert "which are not those" in trial.fails(f"ledger verify proof.json --validator {'00' * 32}")
    assert "proof.json" in trial.fails("ledger prove account bob --out proof.json")


def test_the_absence_of_a_record_is_proven(trial: Desk) -> None:
    trial.does("ledger prove account nobody --out proof.json")
    assert "proven: no account nobody" in trial.does("ledger verify proof.json")


def test_a_receipt_is_proven(trial: Desk) -> None:
    digest = trial.finds(f"send bob 5 {trial.key('ada')}")["transaction"]
    trial.does(f"ledger prove tx {digest} --out proof.json")
    found = trial.finds("ledger verify proof.json")
    assert (found["record"]["kind"], found["record"]["code"], found["height"]) == ("transfer", 0, 2)


@pytest.mark.parametrize("part", ["value", "path", "signed", "key"])
def test_a_changed_proof_proves_nothing(trial: Desk, part: str) -> None:
    proof = trial.finds("ledger prove account bob")
    other = trial.finds("ledger prove account ada")
    trial.does(f"send bob 5 {trial.key('ada')}")
    later = trial.finds("ledger prove account bob")
    proof[part] = (later if part in ("signed", "value") else other)[part]
    Path("proof.json").write_text(json.dumps(proof))
    assert "proof.json proves nothing" in trial.fails("ledger verify proof.json")


@pytest.mark.parametrize(
    "content",
    ["{}", "{", '{"format": "tallystick-proof"}', '{"format": "tallystick-proof", "receipt": 1}',
     '{"format": "tallystick-proof", "key": "account/bob", "value": "zz", "path": "", "signed": [""]}'],
)  # fmt: skip
def test_what_is_no_proof(desk: Desk, content: str) -> None:
    Path("proof.json").write_text(content)
    assert "proof.json" in desk.fails("ledger verify proof.json")


def test_what_came_due_is_served(trial: Desk) -> None:
    assert "nothing was due" in trial.does("ledger nudge")
    hasty = (Path("trial") / GENESIS).read_text().replace("vote_wait = 604800000", "vote_wait = 1000")
    Path("hasty.toml").write_text(hasty)
    trial.does(f"ledger init hasty --genesis hasty.toml --blocks-key trial/{BLOCKS_KEY}")
    trial.does(f"propose mint bob 5 --ledger hasty {trial.key('ada')}")
    time.sleep(1.1)
    assert "lapsed" in trial.does("ledger nudge --ledger hasty")
    assert "nothing was due" in trial.does("ledger nudge --ledger hasty")


def test_a_ledger_that_can_be_mended_is_mended_and_says_so(trial: Desk) -> None:
    trial.does(f"send bob 5 {trial.key('ada')}")
    database = Path("trial") / "ledger.db"
    database.write_bytes(b"\xff" * database.stat().st_size)
    assert "mends it" in trial.fails("member list")
    said = trial.types(f"send bob 5 {trial.key('ada')}")
    assert said.code == 0
    assert said.err.startswith("tally: mended: ")
    assert trial.finds("ledger show account bob")["account"]["balance"] == 10_010


def test_a_damaged_ledger_says_so(trial: Desk) -> None:
    shutil.copytree("trial", "whole")
    database = Path("trial") / "ledger.db"
    database.write_bytes(b"\xff" * database.stat().st_size)
    for file in (Path("trial") / "log").glob("*.log"):
        file.write_bytes(flipped(bytearray(file.read_bytes())))
    trial.fails(f"send bob 5 {trial.key('ada')}")
    trial.fails("member list")
    trial.does("member list --ledger whole")
    with open_writer(Path("whole"), None):
        pass
