"""Requests as people follow them, from forming to their record."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from examples.ledger_only import INITIAL, Models, acts, offered, plants_of
from tallystick.cli.run.consortium import Consortium
from tallystick.ledger.records import Progress
from tests.cli.desk import Desk

START = 1_790_000_000_000
Serve = Callable[[Callable[[Progress], bool]], Progress]


@contextmanager
def applied_for(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Serve]]:
    """A request that two have applied for, on the ledger that commands read, and what serves it so far."""
    consortium = Consortium(Path("story"), START, initial=INITIAL)
    monkeypatch.setenv("TALLY_LEDGER", "story")
    plants, models = plants_of(Random("pumps")), Models()
    try:
        request = offered(consortium, plants)

        def act(member: str) -> bool:
            return acts(consortium, plants[member], models, request, member)

        yield request, lambda until: consortium.serve(request, until, act)
    finally:
        consortium.close()


def test_a_request_from_forming_to_its_record(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    with applied_for(desk, monkeypatch) as (request, serve):
        short = request[:16]
        forming = desk.does("request list")
        assert short in forming and "forming" in forming and "0/3" in forming
        shown = desk.does(f"request show {short}")
        assert "bob cleo" in shown and "600 tokens" in shown
        assert "has no record" in desk.fails(f"ledger show record {short}")

        serve(lambda now: now.stage == "rounds" and now.round == 2)
        shown = desk.does(f"request show {short}")
        assert "train, round 2" in shown
        assert "waits for" in shown
        assert "every publication is charged" in shown
        places = desk.finds(f"request show {short}")["places"]
        assert sorted(one["member"] for one in places) == ["bob", "cleo"]

        ended = serve(lambda now: now.stage in ("settled", "refunded"))
        assert ended.stage == "settled"
        assert "no request is under way" in desk.does("request list")
        assert "settled" in desk.does("request list --all")
        shown = desk.does(f"request show {short}")
        assert ended.model.hex() in shown and "contribution" in shown
        record = desk.finds(f"ledger show record {short}")["record"]
        assert record["model"] == ended.model.hex()
        assert desk.does(f"ledger show record {short}") in shown
        assert desk.does(f"ledger show request {short}") == shown
        assert desk.finds("request list --all --member bob") == []
        assert len(desk.finds("request list --all --category wear")) == 1


def test_a_record_is_proven_by_its_request(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    with applied_for(desk, monkeypatch) as (request, serve):
        serve(lambda now: now.stage == "settled")
        desk.does(f"ledger prove record {request[:16]} --out record.json")
    found = desk.finds("ledger verify record.json")
    assert found["record"]["request"] == request
    assert found["record"]["stands"] is True


def test_no_requests_yet(trial: Desk) -> None:
    assert "nothing was ever requested" in trial.does("request list --all")
    assert trial.finds("request list") == []
    assert "no request" in trial.fails("request show 12345678")
    assert "looks like request-3fa94c12" in trial.fails("request show what")
