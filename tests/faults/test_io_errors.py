"""A failing disk stops the engine and costs nothing that was acknowledged (a share of faults/io-errors)."""

from collections.abc import Sequence
from itertools import count
from pathlib import Path

import pytest

from tallystick.engines.embedded.engine import EmbeddedEngine
from tallystick.engines.engine import Answer, EngineStopped, Ticket
from tallystick.ledger.transition import Block
from tests.faults.apart import apart
from tests.faults.io_errors import FAULTS, Fault, Toll, fail_each_call, limit_file_sizes
from tests.faults.subject import LEDGER, STANDIN


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
@pytest.mark.parametrize("for_good", [False, True])
def test_a_call_that_fails(quick_path: Path, fault: Fault, for_good: bool) -> None:
    toll = fail_each_call(quick_path, STANDIN, fault, for_good, count(1 + FAULTS.index(fault), 13))
    assert toll.wrong == []
    assert toll.failures > 12
    assert toll.acknowledged > 50


def files_that_cannot_grow(folder: Path) -> Toll:
    return limit_file_sizes(folder, LEDGER, range(0, 80_000, 7_001))


def test_files_that_cannot_grow(quick_path: Path) -> None:
    toll = apart(files_that_cannot_grow, quick_path)
    assert toll.wrong == []
    assert toll.acknowledged > 50


def test_an_engine_that_acknowledges_what_failed_is_caught(
    quick_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = EmbeddedEngine._make_block

    def careless(self: EmbeddedEngine, tickets: Sequence[Ticket]) -> None:
        try:
            honest(self, tickets)
        except EngineStopped:
            if not tickets:
                raise
            for ticket in tickets:
                receipt = STANDIN.machine.check(
                    self._store, ticket.transaction, Block("", 1, 0), lambda *_: True
                )
                ticket.answer = Answer(receipt, 9, 0, 0)
            self._pool.done(tickets)

    monkeypatch.setattr(EmbeddedEngine, "_make_block", careless)
    toll = fail_each_call(quick_path, STANDIN, FAULTS[0], True, range(60, 90))
    assert any("acknowledged and lost" in wrong for wrong in toll.wrong)
