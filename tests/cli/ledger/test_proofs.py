"""What a proof shows people: times as times, numbers grouped, long fields cut."""

from __future__ import annotations

from tallystick.cli.ledger import proofs
from tallystick.client.receipts import ProvenFact
from tallystick.ledger.records import Account


def test_a_record_is_shown_field_by_field() -> None:
    account = Account(balance=12_345, seen=1_000)
    shown = ProvenFact("account ada", account, "trial", 7, 2_000, b"", (b"\xab" * 32,))
    lines = proofs.lines(shown)
    assert lines[:2] == ["proven: account ada", "as block 7 of chain 'trial' left it"]
    assert any(line.split() == ["balance", "12,345"] for line in lines)
    assert any(line.split() == ["seen", "1970-01-01T00:00:01Z"] for line in lines)
    assert "signed at 1970-01-01T00:00:02Z by the validators" in lines
    assert "  " + "ab" * 32 in lines


def test_an_absence_has_no_fields() -> None:
    lines = proofs.lines(ProvenFact("no unit x", None, "trial", 7, 2_000, b"", ()))
    assert lines[2].startswith("signed at")


def test_long_fields_are_cut_and_short_ones_are_not() -> None:
    assert proofs._brief("text", "x" * proofs.MUCH) == "x" * proofs.MUCH
    assert proofs._brief("text", "x" * (proofs.MUCH + 1)) == "x" * proofs.MUCH + " …"
    assert proofs._brief("flag", True) == "true"
