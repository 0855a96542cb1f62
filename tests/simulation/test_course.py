"""A run begins with the same transactions however often it was cut off, and a refusal is a mistake."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tallystick.ledger import transactions as tx
from tallystick.simulation.behaviours import Behaviour
from tallystick.simulation.run import simulate
from tallystick.simulation.setting import REQUESTER
from tests.simulation.altered import notices_of
from tests.simulation.digits import setting


def test_everybody_registers_grants_and_applies_once(tmp_path: Path) -> None:
    given = setting("averaging", 1)
    ended = simulate(given, tmp_path / "ledger")
    for kind in ("UnitRegistered", "GrantGiven", "Applied"):
        assert len(notices_of(ended, kind)) == len(given.members)
    (posted,) = notices_of(ended, "RequestPosted")
    assert (posted.request, posted.member) == (ended.request, REQUESTER)


def test_an_analyst_applies_too(tmp_path: Path) -> None:
    given = setting("secure_averaging", 1)
    ended = simulate(given, tmp_path / "ledger")
    assert len(notices_of(ended, "Applied")) == len(given.members) + 1


def test_a_members_registration_goes_through_its_behaviours(tmp_path: Path) -> None:
    seen: list[str] = []

    def alter(run: object, node: object, body: tx.Transaction) -> tx.Transaction:
        seen.append(type(body).__name__)
        return body

    watched = Behaviour("watched", ("site-1",), alter=alter)
    simulate(replace(setting("averaging", 1), behaviours=(watched,)), tmp_path / "ledger")
    assert seen[:3] == ["RegisterUnit", "GiveGrant", "Apply"]


def test_what_the_ledger_refuses_of_it_is_a_mistake(tmp_path: Path) -> None:
    def alter(run: object, node: object, body: tx.Transaction) -> tx.Transaction:
        return tx.Leave("request-" + "0" * 32) if isinstance(body, tx.GiveGrant) else body

    wrong = Behaviour("wrong", ("site-1",), alter=alter)
    with pytest.raises(ValueError, match="Leave of site-1 was refused"):
        simulate(replace(setting("averaging", 1), behaviours=(wrong,)), tmp_path / "ledger")
