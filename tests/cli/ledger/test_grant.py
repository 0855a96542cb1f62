"""`tally grant`: asked for, given, declined, revoked; and what cannot be."""

from __future__ import annotations

import pytest

from tests.cli.desk import Desk
from tests.cli.ledger.test_unit import described


@pytest.fixture
def offered(trial: Desk) -> Desk:
    """A trial with a unit of bob's."""
    described(trial)
    return trial


def test_asking_giving_and_revoking(offered: Desk) -> None:
    ask = offered.finds(f"grant ask bob/pumps --purpose maintenance --uses 20 {offered.key('ada')}")["ask"]
    assert "asked" in offered.does("grant list")
    assert "20" in offered.does(f"ledger show ask {ask[:12]}")
    grant = offered.finds(f"grant give --ask {ask} {offered.key('bob')}")["grant"]
    assert offered.finds("grant list")["asks"] == []
    shown = offered.does(f"grant show {grant[:14]}")
    assert "20 of 20 left" in shown and "models and statistics" in shown
    assert offered.does(f"ledger show grant {grant}") == shown
    assert "NotYours" in offered.fails(f"grant revoke {grant} {offered.key('ada')}")
    offered.does(f"grant revoke {grant} {offered.key('bob')}")
    assert "nothing is granted" in offered.does("grant list")
    assert "revoked" in offered.does("grant list --all")
    assert "WrongStage" in offered.fails(f"grant revoke {grant} {offered.key('bob')}")


def test_declining(offered: Desk) -> None:
    ask = offered.finds(f"grant ask bob/pumps --purpose maintenance {offered.key('cleo')}")["ask"]
    assert "NotYours" in offered.fails(f"grant decline {ask} {offered.key('ada')}")
    offered.does(f"grant decline {ask} {offered.key('bob')}")
    assert "no ask" in offered.fails(f"grant decline {ask} {offered.key('bob')}")


def test_giving_unasked(offered: Desk) -> None:
    line = f"grant give bob/pumps * --purpose maintenance --statistics-only {offered.key('bob')}"
    assert "given to anyone" in offered.does(line, "--until", "2100-01-01T12:00Z")
    given = offered.finds("grant list --to cleo")["grants"]
    assert [one["to"] for one in given] == ["*"]
    assert given[0]["until"] == 4_102_488_000_000
    assert "statistics only" in offered.does(f"grant show {given[0]['grant']}")


GRANTS = {
    "grant ask bob/pumps --key trial/keys/ada.key": "--purpose NAME",
    "grant ask bob/pumps --purpose maintenance --key trial/keys/bob.key": "SelfDealing",
    "grant ask bob/pumps --purpose sale --key trial/keys/ada.key": "NotForYou",
    "grant ask bob/pumps --purpose maintenance --uses 0 --key trial/keys/ada.key": "less than 1",
    "grant ask bob/pumps --purpose maintenance --until 2001-01-01 --key trial/keys/ada.key": "OutOfRange",
    "grant give bob/pumps --key trial/keys/bob.key": "which unit, to whom",
    "grant give --ask 12345678 --key trial/keys/bob.key": "no ask",
    "grant give bob/pumps nobody --purpose maintenance --key trial/keys/bob.key": "'nobody' is not known",
    "grant give bob/pumps ada --purpose maintenance --key trial/keys/cleo.key": "NotYours",
    "grant decline 12345678 --key trial/keys/bob.key": "no ask",
    "grant revoke 12345678 --key trial/keys/bob.key": "no grant",
    "grant show 12345678": "no grant",
}


@pytest.mark.parametrize("line", GRANTS)
def test_mistakes_are_said_in_one_line(offered: Desk, line: str) -> None:
    assert GRANTS[line] in offered.fails(line)
