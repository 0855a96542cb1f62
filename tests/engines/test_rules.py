"""An engine stops where its chain moves on to rules that the program does not know."""

import pytest

from tallystick.base.ids import derived_id
from tallystick.engines.embedded.engine import EmbeddedEngine
from tallystick.engines.engine import EngineStopped
from tallystick.ledger import transactions as tx
from tallystick.ledger.genesis import Genesis, Limits
from tests.ledger.world import CHAIN, START, founder, key_of


def test_chain_that_follows_newer_rules_is_not_executed_by_older_ones(tmp_path):
    founders = tuple(founder(name) for name in ("ada", "bob"))
    genesis = Genesis(CHAIN, START, 10_000, founders, 0, Limits())
    clock = [START]
    engine = EmbeddedEngine(tmp_path / "l", keys=[key_of("v")], genesis=genesis, clock=lambda: clock[0])

    def send(member: str, number: int, body: tx.Transaction) -> None:
        envelope = tx.Envelope(tx.FORMAT, CHAIN, member, key_of(member).public, number, START + 10**6, body)
        answer = engine.wait(engine.submit(tx.seal(envelope, key_of(member).sign)))
        assert answer.accepted, answer

    def go_on() -> None:
        for number in range(2, 20):
            send("ada", number, tx.Nudge())

    with engine:
        send("ada", 0, tx.Propose(tx.Upgrade(2, 12)))
        proposal = derived_id("proposal", "ada", 0)
        for member in ("ada", "bob"):
            send(member, 1 if member == "ada" else 0, tx.Vote(proposal, True))
        clock[0] += 1_000
        engine.tick()
        with pytest.raises(EngineStopped, match="follows rules 2"):
            go_on()
        assert engine.status().height == 11
