"""A validator's copy: a block is executed once, only `commit` changes the disk, no trace means no place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tallystick.engines.cometbft.abci import ProposedBlock
from tallystick.engines.cometbft.replica import Halt, Replica, candidate_name, leaves_a_trace
from tallystick.ledger.state import ACCOUNTS
from tallystick.ledger.transition import Receipt
from tests.engines.cometbft.driver import START, Driver, pay

BOB = ACCOUNTS.key("bob").encode()


@pytest.fixture
def replica(tmp_path: Path) -> Iterator[Replica]:
    driver = Driver(tmp_path)
    driver.begin()
    yield driver.replica
    driver.replica.close()


def block(*transactions: bytes, height: int = 1, time: int = START + 1_000) -> ProposedBlock:
    return ProposedBlock(transactions, b"", height, time * 10**6, b"", b"")


def balance(replica: Replica) -> int:
    data = replica.store.get(BOB)
    assert data is not None
    return ACCOUNTS.decode(data).balance


def test_the_same_block_is_executed_once(replica: Replica, monkeypatch: pytest.MonkeyPatch):
    times: list[int] = []
    apply_block = replica.machine.apply_block

    def counted(*given: Any) -> Any:
        times.append(1)
        return apply_block(*given)

    monkeypatch.setitem(replica.machine.__dict__, "apply_block", counted)
    outcome = replica.execute(block(pay(0)))
    assert replica.execute(block(pay(0))) is outcome and len(times) == 1
    replica.execute(block(pay(0), time=START + 2_000))
    assert len(times) == 2, "another time is another block"
    replica.decide(block(pay(0)))
    assert len(times) == 2


def test_only_a_commit_changes_the_disk(replica: Replica):
    before, root = balance(replica), replica.root
    decided = replica.decide(block(pay(0)))
    assert replica.between and balance(replica) == before and replica.root == root
    assert replica.tree.root == decided.entry.app_hash != root
    assert replica.commit() is decided and not replica.between
    assert balance(replica) == before + 1 and replica.root == decided.entry.app_hash
    with pytest.raises(Halt, match="has not decided"):
        replica.commit()


def test_another_decision_takes_the_first_one_back(replica: Replica):
    first = replica.decide(block(pay(0))).entry.app_hash
    other = replica.decide(block(pay(0), pay(1)))
    assert other.entry.app_hash != first
    replica.commit()
    assert balance(replica) == 1_002
    with pytest.raises(Halt, match="decided block 1, the state is that of block 1"):
        replica.decide(block(pay(2)))


def test_what_leaves_no_trace_is_not_proposed_and_nothing_is_executed_again(replica: Replica):
    kept = replica.prepare(block(pay(0), b"junk", pay(0), pay(1)))
    assert kept == (pay(0), pay(1))
    assert candidate_name(block(*kept)) in replica._candidates
    assert all(map(leaves_a_trace, replica.execute(block(*kept)).receipts))


def test_a_trace_is_a_success_or_a_member_that_used_a_number():
    assert leaves_a_trace(Receipt(b"", 0)) and leaves_a_trace(Receipt(b"", 9, member="ada"))
    assert not leaves_a_trace(Receipt(b"", 9))


def test_a_block_is_named_by_height_time_and_transactions():
    same_place = [block(), block(b"a"), block(b"b"), block(b"a", b"b"), block(b"ab")]
    names = set(map(candidate_name, [*same_place, block(b"a", height=2), block(b"a", time=START)]))
    assert len(names) == 7
    assert candidate_name(block(b"a")._replace(proposer=b"x")) == candidate_name(block(b"a"))
