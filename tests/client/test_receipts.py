"""Proofs as JSON: what they show to whoever trusts the validators; nothing in them can be changed."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tallystick.base.keys import SigningKey
from tallystick.client import Client, ClientError, create, encryption_key
from tallystick.client.receipts import check, of_receipt, of_record, verify
from tallystick.engines.export import AuditReport, export
from tallystick.ledger import transactions as tx
from tallystick.ledger.genesis import Founder, Genesis
from tallystick.ledger.records import Account

START = 1_790_000_000_000
KEYS = {name: SigningKey(name.encode().ljust(32)) for name in ("ada", "bob")}
BLOCKS = SigningKey(b"b" * 32)


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    founders = tuple(
        Founder(name, key.public, encryption_key(key.public), ("owner",), 1_000) for name, key in KEYS.items()
    )
    opened = create(tmp_path / "ledger", Genesis("small", START, 10_000, founders), BLOCKS, lambda: START)
    with opened:
        yield opened.as_member(KEYS["ada"])


def saved(folder: Path, document: dict[str, Any]) -> Path:
    file = folder / "proof.json"
    file.write_text(json.dumps(document))
    return file


def test_a_record_and_its_absence_are_shown(client: Client, tmp_path: Path):
    client.submit(tx.Transfer("bob", 5))
    shown = check(saved(tmp_path, of_record(client, "account/bob")))
    assert isinstance(shown.record, Account) and shown.record.balance == 1_005
    assert (shown.chain, shown.what, shown.validators) == ("small", "account bob", (BLOCKS.public,))
    absent = check(saved(tmp_path, of_record(client, "account/eve")))
    assert absent.record is None and absent.what == "no account eve"


def test_a_receipt_is_shown_with_its_block(client: Client, tmp_path: Path):
    answer = client.submit(tx.Transfer("bob", 5))
    shown = verify(saved(tmp_path, of_receipt(client, answer.receipt.transaction)))
    assert not isinstance(shown, AuditReport)
    assert shown.record == answer.receipt and shown.height == answer.height


def test_nothing_in_a_proof_can_be_changed(client: Client, tmp_path: Path):
    answer = client.submit(tx.Transfer("bob", 5))
    for document in (of_record(client, "account/bob"), of_receipt(client, answer.receipt.transaction)):
        check(saved(tmp_path, document))
        for name, value in document.items():
            forged: Any = copy.deepcopy(document)
            if isinstance(value, str):
                forged[name] = value[:-2] + ("00" if value[-2:] != "00" else "01")
            else:
                forged[name] = forged[name][:-1]
            with pytest.raises(ClientError):
                check(saved(tmp_path, forged))


def test_what_is_no_proof_is_said_so(client: Client, tmp_path: Path):
    for text in ("{}", "{not json", json.dumps({"format": "tallystick-proof"}), "[" * 10_000):
        (tmp_path / "proof.json").write_text(text)
        with pytest.raises(ClientError, match=r"neither an export nor a proof|no whole proof"):
            check(tmp_path / "proof.json")


def test_an_export_is_executed_again(client: Client, tmp_path: Path):
    client.submit(tx.Transfer("bob", 5))
    export(tmp_path / "ledger", tmp_path / "all.tally")
    report = verify(tmp_path / "all.tally")
    assert isinstance(report, AuditReport) and report.sound and report.transactions == 1
