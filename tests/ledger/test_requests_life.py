"""Whole requests: from posting to settlement under every kind of rule, with whoever is silent."""

from tallystick.ledger import rules as ru
from tallystick.ledger import state as st
from tallystick.ledger import transactions as tx

from .play import COMBINE, DRAW, MEASURE, answer, ask, consortium, hashed, judge, mutual, relay, started, train, Play
from .world import HOUR


def test_mutual_settles():
    play = started(mutual(3, 2))
    end = play.run()
    assert end.stage == "settled" and end.completed == 2
    record = play.world.get(st.RECORDS, play.request)
    assert record.stands and record.approving == record.electorate == 3
    assert sum(share for _, share in record.contributions) == 10**6
    assert sum(play.world.balance(m) for m in play.world.keys) == 60_000
    assert play.world.balance("ada") == 9_000


def test_relay_settles():
    play = started(relay(4, 2))
    end = play.run()
    assert end.stage == "settled", end
    assert end.completed == 2
