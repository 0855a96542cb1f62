"""`tally propose`: what is put to the vote, and what it changes once decided."""

from __future__ import annotations

from pathlib import Path

import pytest

from tallystick.base import ids
from tallystick.cli.ledger import propose
from tests.cli.desk import ROOTS, Desk, decided, member_of, papers


def wrong_role(desk: Desk) -> str:
    """Cleo offering a unit."""
    words = " ".join(f"--{option} {value}" for option, value in ROOTS.items())
    budget = "--epsilon 1 --delta 0.001 --protects record"
    return f"unit register --name x --category x --kind x --count 1 {words} {budget} {desk.key('cleo')}"


def test_admission_by_vote(trial: Desk) -> None:
    file = papers(trial, "dan")
    decided(trial, f"admit {file} --role owner --role worker")
    assert member_of(trial, "dan")["roles"] == ["owner", "worker"]
    assert "NotEnoughTokens" in trial.fails("send ada 1 --key dan-2.key")


def test_what_a_vote_decides(trial: Desk) -> None:
    decided(trial, "mint bob 5,000")
    assert member_of(trial, "bob")["balance"] == 15_000
    decided(trial, "fill-pool 700")
    assert trial.finds("ledger status")["figures"]["pool"] == 700
    decided(trial, "roles cleo --role auditor")
    assert member_of(trial, "cleo")["roles"] == ["auditor"]
    assert "role 'owner'" in trial.fails(wrong_role(trial))
    decided(trial, "suspend cleo")
    assert member_of(trial, "cleo")["active"] is False
    assert "suspended" in trial.fails(f"send ada 1 {trial.key('cleo')}")
    decided(trial, "reinstate cleo")
    trial.does(f"send ada 1 {trial.key('cleo')}")


def test_a_lost_key_is_replaced_by_vote(trial: Desk) -> None:
    decided(trial, f"recover {papers(trial, 'bob')}")
    assert "no active key" in trial.fails(f"send ada 1 {trial.key('bob')}")
    trial.does("send ada 1 --key bob-2.key")


def test_a_dispute_moves_a_unit(trial: Desk) -> None:
    trial.register("bob", "pumps")
    decided(trial, "dispute bob/pumps --owner cleo")
    assert [one["owner"] for one in trial.finds("unit list")] == ["cleo"]


def test_an_upgrade_is_put_to_the_vote_or_refused(trial: Desk) -> None:
    said = trial.fails(f"propose upgrade 9 --height 5 {trial.key('ada')}")
    assert "refused" in said


PROPOSALS = {
    "propose admit odd.json --key trial/keys/ada.key": "odd.json is no proof of a key",
    "propose admit odd.json --role king --key trial/keys/ada.key": "'king' is not one of",
    "propose mint nobody 5 --key trial/keys/ada.key": "nobody",
    "propose mint bob 500,000,000 --key trial/keys/ada.key": "cap",
    "propose mint bob 0 --key trial/keys/ada.key": "less than 1",
    "propose suspend nobody --key trial/keys/ada.key": "nobody",
    "propose reinstate bob --key trial/keys/ada.key": "refused",
    "propose dispute bob/none --owner cleo --key trial/keys/ada.key": "no unit 'none' of 'bob'",
}


@pytest.mark.parametrize("line", PROPOSALS)
def test_mistakes_are_said_in_one_line(trial: Desk, line: str) -> None:
    Path("odd.json").write_text('{"member": "dan", "key": "zz"}')
    assert PROPOSALS[line] in trial.fails(line)


def test_the_roles_that_help_names_are_the_ledgers() -> None:
    assert propose.ROLES == ids.ROLES
