"""Sub-chains as people make, list and serve them."""

from __future__ import annotations

import re
import time
from pathlib import Path

from tallystick.base.keys import load_key
from tallystick.client import connect
from tallystick.ledger import rules as ru
from tallystick.ledger import state as st
from tallystick.ledger import transactions as tx
from tests.cli.desk import NAMES, Desk

RULES = ru.Rules(
    ru.Forming(2, 2, 1_500, units=False),
    (ru.PhaseRule("train", "everyone", "model", 600_000),),
    ru.Stopping(1, 600_000),
    "train",
    paying=ru.Paying(weight="equal"),
)


def created(trial: Desk) -> None:
    """A sub-chain for which all have voted."""
    made = trial.finds(f"chain create north --escrow-cap 5,000 {trial.key('ada')}")
    for name in made["electorate"]:
        trial.does(f"vote {made['proposal']} yes {trial.key(name)}")


def test_a_sub_chain_is_made_and_voted_for(trial: Desk) -> None:
    said = trial.does(f"chain create north --escrow-cap 5,000 {trial.key('ada')}")
    assert "3 of 3 must approve" in said and "tally chain carry north" in said
    assert "let requests run on chain north" in trial.does("propose list")
    assert "5,000 tokens" in trial.does("ledger show proposal " + said.split("tally vote ")[1].split()[0])
    assert "no other chain is known here" in trial.does("chain list")
    assert re.search(r"trial +main +trusted", trial.does("chain list --ledger north"))
    assert "the main chain" in trial.does("chain status trial --ledger north")
    assert "holds" in trial.fails(f"chain create north --escrow-cap 1 {trial.key('ada')}")
    assert "own name" in trial.fails(f"chain create other --name trial --escrow-cap 1 {trial.key('ada')}")


def test_a_chain_is_listed_and_carried_to(trial: Desk) -> None:
    created(trial)
    assert re.search(r"north +sub-chain +trusted +0 +0 +0", trial.does("chain list"))
    assert "0 of 5,000" in trial.does("chain status north")
    assert "no chain 'south'" in trial.fails("chain status south")
    assert "nothing waits" in trial.does(f"chain carry north {trial.key('ada')}")
    assert "belongs to no member" in trial.fails(f"chain carry north {trial.key('bob')}")


def test_a_chain_is_trusted_anew_by_vote(trial: Desk) -> None:
    created(trial)
    made = trial.finds(f"propose trust north --escrow-cap 70 {trial.key('bob')}")
    for name in made["electorate"]:
        trial.does(f"vote {made['proposal']} yes {trial.key(name)}")
    assert "0 of 70" in trial.does("chain status north")


def test_a_request_goes_there_and_is_shown_until_when(trial: Desk) -> None:
    created(trial)
    keys = {name: Path(f"trial/keys/{name}.key") for name in NAMES}
    asked = tx.PostRequest("pumps", "repair", bytes(32), 100, RULES, bytes(32), chain="north")
    with connect("trial", keys["ada"]) as ada:
        request = ada.submit(asked).receipt.notices[0].request
        for name in ("bob", "cleo"):
            ada.as_member(load_key(keys[name])).submit(tx.Apply(request, chain="north"))
    time.sleep(1.6)
    trial.types("ledger nudge")
    shown = trial.does("chain status north")
    assert "final before" in shown and "100 of 5,000" in shown
    rows = trial.finds(f"chain carry north {trial.key('ada')}")
    assert [(row["to"], row["about"], row["outcome"]) for row in rows] == [
        ("north", "member", "taken"),
        ("north", "member", "taken"),
        ("north", "message", "taken"),
    ]
    with connect("north") as reader:
        assert reader.get(st.PROGRESS, request).stage == "rounds"
    assert re.search(r"trial +main +trusted +\d+ +1", trial.does("chain list --ledger north"))
