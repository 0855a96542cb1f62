"""A simulated request runs from registration to settlement, on the real ledger with real training."""

import pytest

from tallystick.engines.export import export, verify
from tallystick.ledger import transactions as tx
from tallystick.ledger.notices import TurnMissed
from tallystick.protocols.presets import names
from tallystick.simulation.run import simulate
from tests.simulation.digits import setting


@pytest.mark.parametrize("name", ["averaging", "mutual", "relay"])
def test_every_preset_learns_and_settles(tmp_path, name):
    ended = simulate(setting(name), tmp_path / "ledger")
    assert ended.progress.stage == "settled"
    assert ended.record is not None and ended.record.stands
    assert ended.progress.figure > 550_000  # by chance it would be 100,000
    assert sum(ended.balances.values()) == 5 * 10_000 + 1_000
    assert name in names()


def test_same_seed_same_head(tmp_path):
    one = simulate(setting("mutual", 2), tmp_path / "one")
    two = simulate(setting("mutual", 2), tmp_path / "two")
    other = simulate(setting("mutual", 2, seed=8), tmp_path / "other")
    assert one.head == two.head
    assert one.head != other.head


def test_export_of_a_simulated_ledger_verifies(tmp_path):
    ended = simulate(setting("relay", 1), tmp_path / "ledger")
    export(tmp_path / "ledger", tmp_path / "file")
    report = verify(tmp_path / "file")
    assert report.height == ended.height


def test_member_that_falls_silent_is_waited_for_and_fined(tmp_path):
    def silent(node, body):
        return None if node.member == "site-2" and isinstance(body, tx.Post) and body.round == 2 else body

    ended = simulate(setting("mutual", 2, alter=silent), tmp_path / "ledger")
    assert ended.progress.stage == "settled"
    missed = [notice for _, notice in ended.notices if isinstance(notice, TurnMissed)]
    assert {notice.member for notice in missed} == {"site-2"}
