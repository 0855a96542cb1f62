"""The organisations of the ledger's demo: what they do is on the ledger, and time passes when they wait."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tallystick.cli.run.consortium import BALANCE, HOUR, NAMES, REWARD, Consortium
from tallystick.client import TransactionRefused
from tallystick.ledger.transactions import Transfer

START = 1_790_000_000_000


@pytest.fixture
def consortium(tmp_path: Path) -> Iterator[Consortium]:
    made = Consortium(tmp_path / "ledger", START)
    yield made
    made.close()


def test_an_act_is_durable_and_refused_where_it_breaks_a_rule(consortium: Consortium) -> None:
    consortium.submit("ada", Transfer("bob", 5))
    assert {row.member: row.has for row in consortium.settlement()} == {
        "ada": BALANCE - 5, "bob": BALANCE + 5, "cleo": BALANCE,
    }  # fmt: skip
    with pytest.raises(TransactionRefused):
        consortium.submit("ada", Transfer("bob", 10 * BALANCE))


def test_time_passes_only_when_somebody_waits(consortium: Consortium) -> None:
    consortium.submit("ada", Transfer("bob", 5))
    assert consortium.clock.now == START
    consortium.wait(HOUR)
    assert consortium.clock.now == START + HOUR


def test_a_request_that_nobody_serves_is_refunded(consortium: Consortium) -> None:
    request = consortium.post()
    ended = consortium.await_stage(request, "settled", "refunded")
    assert ended.stage == "refunded"
    rows = {row.member: row for row in consortium.settlement()}
    assert rows["ada"].back == REWARD
    assert all(row.had + row.escrow + row.reward + row.fines + row.back == row.has for row in rows.values())
    assert set(rows) == set(NAMES)
