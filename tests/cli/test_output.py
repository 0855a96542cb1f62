"""Amounts, times and tables as people read them; documents as programs do."""

from __future__ import annotations

import json

import pytest

from tallystick.cli import output
from tallystick.engines.engine import Status
from tallystick.ledger.notices import GrantUsed, PhaseOpened, PrivacyCharged, SoftwareReported, TeamFormed
from tallystick.ledger.records import Account, Device


@pytest.mark.parametrize(
    "shown, wanted",
    [
        (output.amount(1_234_567), "1,234,567"),
        (output.tokens(1), "1 token"),
        (output.tokens(2_000), "2,000 tokens"),
        (output.share(975_000), "0.975"),
        (output.share(-25_000), "-0.025"),
        (output.epsilon(12_000_000_001), "12.000000001"),
        (output.epsilon(0), "0"),
        (output.decimal(1_234_500_000, 6), "1,234.5"),
        (output.moment(1_800_000_000_000), "2027-01-15T08:00:00Z"),
        (output.moment(1_800_000_000_250), "2027-01-15T08:00:00.250Z"),
        (output.moment(0), "never"),
        (output.moment(2**53 - 1), "beyond the year 9999"),
    ],
)
def test_figures(shown: str, wanted: str) -> None:
    assert shown == wanted


def test_pairs_stand_under_one_another_and_leave_out_what_is_empty() -> None:
    lines = output.pairs([("a", 1), ("longer", "word " * 30), ("none", None), ("empty", "")])
    assert lines[0] == "a       1"
    assert lines[2].startswith("        word")
    assert max(map(len, lines)) <= 80
    assert len(lines) == 4


def test_whole_digests_fit_beside_short_names() -> None:
    assert output.pairs([("fourteen chars", "ab" * 32)]) == ["fourteen chars  " + "ab" * 32]


def test_tables_keep_to_the_width_and_put_numbers_to_the_right() -> None:
    lines = output.table(("name", "tokens", "text"), [("ada", "1,000", "word " * 40), ("bob", "5", "")], "")
    assert lines[0].startswith("name  tokens  text")
    assert lines[1].startswith("ada    1,000  word")
    assert lines[-1] == "bob        5"
    assert max(map(len, lines)) <= 80
    assert output.table(("a",), [], "nothing here") == ["nothing here"]


def test_a_narrow_terminal_is_kept_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    lines = output.table(("name", "text"), [("ada", "word " * 40)], "")
    assert max(map(len, lines)) <= 50


def test_notices_in_words() -> None:
    said = [
        (GrantUsed("grant-1", "request-1", 4), "grant used: grant grant-1, request request-1, left 4"),
        (PrivacyCharged("l", "r", 1, "train", 1_500_000_000), "epsilon nano 1.5"),
        (PhaseOpened("r", 1, "train", 1_800_000_000_000), "deadline 2027-01-15T08:00:00Z"),
        (TeamFormed("r", "bob", ("bob", "cleo")), "members bob cleo"),
        (SoftwareReported("ada", b"\x01\x02"), "software 0102"),
    ]
    for notice, words in said:
        assert words in output.notice(notice)
    assert max(map(len, output.notices([TeamFormed("r" * 40, "bob", ("member",) * 30)]))) <= 80


def test_documents_hold_records_by_their_fields() -> None:
    status = Status("c", 3, 1_800_000_000_000, b"\x01", (b"\x02",), 0, ())
    document = {"status": status, "account": Account(5), "pairs": [(Device(b"\x03", 7), True)]}
    assert json.loads(output.as_json(document)) == {
        "status": {
            "chain": "c", "height": 3, "time": 1_800_000_000_000, "app_hash": "01", "validators": ["02"],
            "waiting": 0, "repairs": [], "stopped": "",
        },
        "account": {"balance": 5, "credit": 0, "low": 0, "ahead": [], "seen": 0},
        "pairs": [[{"key": "03", "until": 7}, True]],
    }  # fmt: skip
