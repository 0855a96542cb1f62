"""`tally vote`: how a proposal stands after each vote, and votes that do not count."""

from __future__ import annotations

import pytest

from tests.cli.desk import Desk


def test_a_vote_says_how_it_stands(trial: Desk) -> None:
    made = trial.finds(f"propose mint bob 5,000 {trial.key('ada')}")
    short = made["proposal"][:17]
    shown = trial.does("propose list")
    assert short in shown and "mint 5,000 for bob" in shown and "0/0/2" in shown
    assert "1 for, 0 against, of 2" in trial.does(f"vote {short} yes {trial.key('ada')}")
    assert "has not voted" in trial.does(f"propose show {short}")
    assert "vote" not in trial.does("member show ada")
    assert f"vote {made['proposal']}" in " ".join(trial.does("member show cleo").split())
    assert "AlreadyDone" in trial.fails(f"vote {short} no {trial.key('ada')}")
    assert "lapsed" in trial.does(f"vote {short} no {trial.key('cleo')}")
    assert "nothing is open" in trial.does("propose list")
    assert "lapsed" in trial.does("propose list --all")
    assert trial.does(f"ledger show proposal {short}") == trial.does(f"propose show {short}")


VOTES = {
    "vote 12345678 yes --key trial/keys/ada.key": "no proposal",
    "vote 12345678 maybe --key trial/keys/ada.key": "'maybe' is not one of",
    "vote 12345678 yes": "whose key?",
}


@pytest.mark.parametrize("line", VOTES)
def test_mistakes_are_said_in_one_line(trial: Desk, line: str) -> None:
    assert VOTES[line] in trial.fails(line)
