"""`tally send`: accepted and refused transfers, for people and for programs."""

from __future__ import annotations

import pytest

from tests.cli.desk import Desk


def test_a_refused_transaction_is_a_document_too(trial: Desk) -> None:
    said = trial.types(f"send bob 10,001 {trial.key('ada')} --json")
    assert said.code == 2
    assert said.document["accepted"] is False
    assert (said.document["receipt"]["refusal"], said.document["receipt"]["code"]) == ("NotEnoughTokens", 26)
    assert said.err.count("\n") == 1


def test_an_accepted_transaction_is_a_document(trial: Desk) -> None:
    said = trial.finds(f"send bob 250 {trial.key('ada')}")
    assert (said["accepted"], said["balance"]) == (True, 9_750)
    assert said["notices"] == [{"kind": "tokensmoved", "payer": "ada", "payee": "bob", "amount": 250}]
    assert len(said["transaction"]) == 64


TRANSFERS = {
    "send bob 5": "whose key?",
    "send bob five --key trial/keys/ada.key": "'five' is not a whole number",
    "send bob 0 --key trial/keys/ada.key": "0 is less than 1",
    "send bob 5 --key trial": "trial",
    "send bob 5 --key trial/genesis.toml": "genesis.toml is not a key file",
    "send bob 5 --key stranger.key": "belongs to no member of chain 'trial'",
    "send nobody 5 --key trial/keys/ada.key": "member 'nobody' is not known",
    "send Bob 5 --key trial/keys/ada.key": "to 'Bob' will not do",
    "send ada 5 --key trial/keys/ada.key": "SelfDealing",
    "send bob 10,001 --key trial/keys/ada.key": "10001 tokens are needed, 10000 are there",
}


@pytest.mark.parametrize("line", TRANSFERS)
def test_mistakes_are_said_in_one_line(trial: Desk, line: str) -> None:
    trial.does("key new stranger.key --no-password")
    assert TRANSFERS[line] in trial.fails(line)
