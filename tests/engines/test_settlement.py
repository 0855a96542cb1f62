"""A whole request on the real engine; a producer that pays a friend more is found by executing it again."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tallystick.base.keys import SigningKey
from tallystick.engines.embedded.reader import open_reader
from tallystick.engines.export import export, verify
from tallystick.ledger.records import Place, Request
from tallystick.ledger.requests import settlement
from tallystick.ledger.state import ACCOUNTS, StateTable
from tests.ledger import story
from tests.ledger.disk_world import DiskWorld
from tests.ledger.world import World


def played(path: Path) -> Path:
    """An export of a ledger with one settled request."""
    world = DiskWorld(path / "ledger", World().genesis, [SigningKey(b"v" * 32)])
    with world.engine:
        request = story.settled(world)
        assert story.progress(world, request).stage == "settled"
    export(path / "ledger", path / "export")
    return path / "export"


def test_a_request_is_settled_and_executed_again(tmp_path: Path) -> None:
    report = verify(played(tmp_path))
    assert report.sound, report.problem
    assert report.transactions > 10
    with open_reader(tmp_path / "ledger") as reader:
        assert reader.status().app_hash == report.app_hash
        assert any(answer.receipt.kind == "postrequest" for answer in reader.history("dan"))


def favouring(friend: str) -> Callable[[Request, list[Place]], dict[str, int]]:
    honest = settlement.weights

    def weights(request: Request, places: list[Place]) -> dict[str, int]:
        return {member: int(member == friend) for member in honest(request, places)}

    return weights


def test_a_producer_with_a_patched_settlement_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = balances(played(tmp_path / "honest").parent)
    with monkeypatch.context() as patched:
        patched.setattr(settlement, "weights", favouring("bob"))
        file = played(tmp_path / "crooked")
        assert verify(file).sound, "by its own rules the chain is whole, and signed"
        assert balances(file.parent)["bob"] > honest["bob"]
    report = verify(file)
    assert not report.sound
    assert report.problem.startswith(f"block {report.height + 1}: ")


def balances(folder: Path) -> dict[str, int]:
    table: StateTable[Any] = ACCOUNTS
    with open_reader(folder / "ledger") as reader:
        rows = reader.scan(b"account/", 99)
        return {key.decode().split("/")[1]: table.decode(data).balance for key, data in rows}
