"""A session: free numbers among threads and other sessions, what is tried again, and what never is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tallystick.base.ids import ROLES, digest
from tallystick.base.keys import SigningKey
from tallystick.engines.embedded.engine import EmbeddedEngine
from tallystick.engines.engine import (
    Answer,
    EngineError,
    EngineStopped,
    LedgerUnreachable,
    NotCommitted,
    NotTaken,
    Ticket,
)
from tallystick.engines.session import Session, sealed_before
from tallystick.engines.values import UnsoundValue
from tallystick.ledger import transactions as tx
from tallystick.ledger.genesis import Founder, Genesis
from tallystick.ledger.records import Account
from tallystick.ledger.rejections import NumberTooFar, NumberUsed
from tallystick.ledger.state import ACCOUNTS
from tallystick.ledger.transition import Receipt
from tallystick.ledger.views import find

START = 1_790_000_000_000
KEYS = {name: SigningKey(name.encode().ljust(32)) for name in ("ada", "bob")}


class Clock:
    """A time that stands until it is moved."""

    now = START

    def __call__(self) -> int:
        return self.now


class Faulty:
    """A ledger whose answers get lost as a test says; everything else is the ledger's own."""

    def __init__(self, ledger: EmbeddedEngine) -> None:
        self.ledger = ledger
        self.handed_in: list[bytes] = []
        self.faults: list[Callable[[bytes], Ticket | None]] = []  # of the next handings in
        self.waits: list[Exception] = []  # of the next waits

    def submit(self, transaction: tx.Unsealed) -> Ticket:
        self.handed_in.append(transaction.data)
        instead = self.faults.pop(0)(transaction.data) if self.faults else None
        return instead or self.ledger.submit(transaction)

    def wait(self, ticket: Ticket) -> Answer:
        if self.waits:
            raise self.waits.pop(0)
        return self.ledger.wait(ticket)

    def __getattr__(self, name: str) -> object:
        return getattr(self.ledger, name)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(tmp_path: Path, clock: Clock) -> Iterator[EmbeddedEngine]:
    blocks, roles = SigningKey(b"b" * 32), tuple(ROLES)
    founders = tuple(
        Founder(name, key.public, digest(b"encryption", key.public), roles, 1_000)
        for name, key in KEYS.items()
    )
    genesis = Genesis("small", START, 10_000, founders)
    with EmbeddedEngine(tmp_path / "ledger", keys=[blocks], genesis=genesis, clock=clock) as engine:
        yield engine


@pytest.fixture
def faulty(ledger: EmbeddedEngine) -> Faulty:
    return Faulty(ledger)


def session(engine: object, clock: Clock, **more: float) -> Session:
    return Session(engine, KEYS["ada"], "ada", clock, **more)  # type: ignore[arg-type]


def account(ledger: EmbeddedEngine, member: str = "ada") -> Account:
    known = find(ledger, ACCOUNTS, member)
    assert known is not None
    return known


def pay(amount: int = 1) -> tx.Transfer:
    return tx.Transfer("bob", amount)


def refused(refusal: type[NumberUsed | NumberTooFar]) -> Callable[[bytes], Ticket]:
    receipt = Receipt(bytes(32), refusal.code, refusal.name)
    return lambda transaction: Ticket(bytes(32), transaction, answer=Answer(receipt))


def test_two_sessions_that_want_the_same_at_the_same_moment_are_two(ledger, clock):
    here, there = session(ledger, clock), session(ledger, clock)
    assert here.seal(pay()).transaction != there.seal(pay()).transaction
    alone = [session(ledger, clock, alone=True).seal(pay()) for _ in range(2)]
    assert alone[0] == alone[1] and alone[0].valid_until == START + 600_000


def test_numbers_follow_one_another(ledger, clock):
    one = session(ledger, clock)
    assert [one.submit(pay()).number for _ in range(5)] == [0, 1, 2, 3, 4]
    assert one.send(pay()).accepted
    assert account(ledger).low == 6


def test_what_is_refused_in_a_block_has_used_its_number(ledger, clock):
    one = session(ledger, clock)
    first = one.submit(pay(5_000))
    assert one.wait(first).receipt.refusal == "NotEnoughTokens"
    assert one.submit(pay()).number == 1
    later = session(ledger, clock)  # a session that knows nothing but the ledger
    assert later.wait(later.submit(pay())).accepted


def test_what_is_turned_away_at_the_door_leaves_no_gap(ledger, clock):
    one = session(ledger, clock)
    late = one.submit(pay(), valid_for=-1)
    assert one.wait(late).receipt.refusal == "Expired"
    assert one.submit(pay()).number == late.number == 0


def test_two_sessions_of_one_member_take_numbers_from_one_another(ledger, clock):
    here, there = session(ledger, clock), session(ledger, clock)
    first, second = here.submit(pay(1)), there.submit(pay(2))
    assert first.number == second.number == 0
    other = second.digest
    assert here.wait(first).accepted and there.wait(second).accepted
    assert second.number > 0 and second.digest != other
    assert account(ledger, "bob").balance == 1_003
    assert all(one.send(pay()).accepted for _ in range(3) for one in (here, there))
    assert account(ledger, "bob").balance == 1_009


def test_threads_of_two_sessions_lose_and_repeat_nothing(ledger, clock):
    pair = [session(ledger, clock), session(ledger, clock)]
    failures: list[object] = []

    def work(number: int) -> None:
        for _ in range(15):
            answer = pair[number % 2].send(pay())
            if not answer.accepted:
                failures.append(answer)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert account(ledger, "bob").balance == 1_000 + 6 * 15


def test_a_transaction_that_several_wait_for_is_sealed_anew_once(ledger, clock):
    here, there = session(ledger, clock), session(ledger, clock)
    here.submit(pay(1))
    shared = there.submit(pay(10))
    threads = [threading.Thread(target=there.wait, args=(shared,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert account(ledger, "bob").balance == 1_011


def test_more_than_the_window_holds_are_under_way_one_after_the_other(ledger, clock):
    one = session(ledger, clock)
    sent = [one.submit(pay()) for _ in range(tx.NUMBER_WINDOW + 20)]
    assert all(one.wait(pending).accepted for pending in sent)
    assert account(ledger).low == tx.NUMBER_WINDOW + 20


def test_sealed_and_kept_back_numbers_are_free_again_after_their_time(ledger, clock):
    one = session(ledger, clock, valid_for=1_000)
    assert [one.seal(pay()).number for _ in range(tx.NUMBER_WINDOW)] == list(range(tx.NUMBER_WINDOW))
    with pytest.raises(EngineError, match="256 transactions of ada are sealed"):
        one.seal(pay())
    clock.now += 1_001
    assert one.seal(pay()).number == 0


def test_a_time_out_names_the_transaction_and_keeps_its_number(faulty, clock):
    one = session(faulty, clock)
    faulty.waits.append(LedgerUnreachable("nobody is there"))
    pending = one.submit(pay())
    with pytest.raises(NotCommitted, match=f"nobody is there.*show tx {pending.digest.hex()}") as error:
        one.wait(pending)
    assert error.value.digest == pending.digest
    assert one.submit(pay()).number == 1
    assert one.wait(pending).accepted, "it can be waited for again"
    found = faulty.find(error.value.digest)
    assert found is not None and found.accepted
    assert account(faulty.ledger, "bob").balance == 1_002


def test_an_engine_that_stopped_may_have_written_it(faulty, clock):
    one = session(faulty, clock)
    pending = one.submit(pay())
    faulty.waits.append(EngineStopped("block 1 could not be made; open the ledger again to go on"))
    with pytest.raises(NotCommitted, match=r"could not be made.*look it up") as error:
        one.wait(pending)
    assert error.value.digest == pending.digest


def test_an_answer_lost_on_its_way_does_not_repeat_the_transaction(faulty, clock):
    """It was taken and stands in a block, but who handed it in was told nothing and hands it in again."""
    one = session(faulty, clock)

    def taken_then_used(transaction: bytes) -> Ticket:
        faulty.ledger.wait(faulty.ledger.submit(transaction))
        return faulty.ledger.submit(transaction)  # NumberUsed: by itself

    faulty.faults.append(taken_then_used)
    assert one.send(pay()).accepted
    assert len(faulty.handed_in) == 1 and account(faulty.ledger, "bob").balance == 1_001


def test_a_number_that_is_used_elsewhere_is_taken_anew(faulty, clock):
    one = session(faulty, clock)
    faulty.faults.append(refused(NumberUsed))
    assert one.send(pay()).accepted
    first, second = (tx.unseal(data).envelope for data in faulty.handed_in)
    assert first is not None and second is not None
    assert first.number == 0 and second.number > 0
    assert account(faulty.ledger, "bob").balance == 1_001


def test_what_cannot_be_taken_now_is_handed_in_again_as_it_is(faulty, clock):
    def full(_transaction: bytes) -> Ticket:
        raise NotTaken("as much waits as may")

    one = session(faulty, clock)
    faulty.faults += [full, refused(NumberTooFar), full]
    assert one.send(pay()).accepted
    assert len(faulty.handed_in) == 4 and len(set(faulty.handed_in)) == 1
    hasty = session(faulty, clock, patience=0)
    faulty.faults += [full] * 3
    with pytest.raises(NotTaken):
        hasty.send(pay())
    faulty.faults.clear()
    assert hasty.submit(pay()).number == 1, "what was never taken has used nothing"


def test_a_network_that_does_not_answer_may_have_taken_it(faulty, clock):
    def gone(_transaction: bytes) -> Ticket:
        raise LedgerUnreachable("no node answers")

    one = session(faulty, clock)
    faulty.faults.append(gone)
    with pytest.raises(NotCommitted, match="no node answers") as error:
        one.send(pay())
    assert faulty.find(error.value.digest) is None
    assert one.submit(pay()).number == 1
    clock.now += 600_001
    assert one.submit(pay()).number == 0, "it has ended, so its number is free"


def test_what_was_sealed_before_a_restart_is_handed_in_again(ledger, clock):
    kept = session(ledger, clock).seal(pay()).transaction
    later = session(ledger, clock)
    pending = later.hand_in(sealed_before(kept))
    assert later.submit(pay()).number == 1
    assert later.wait(pending).accepted and pending.sealed.transaction == kept
    again = session(ledger, clock)
    assert again.wait(again.hand_in(sealed_before(kept))).accepted
    assert account(ledger, "bob").balance == 1_002, "the kept one once, and the other"


def test_a_value_out_of_range_is_named_and_uses_nothing(ledger, clock):
    one = session(ledger, clock)
    with pytest.raises(UnsoundValue, match="amount 0 will not do"):
        one.send(pay(0))
    with pytest.raises(UnsoundValue, match="to 'Bob!' will not do: a name has up to 48"):
        one.seal(tx.Transfer("Bob!", 1))
    assert one.submit(pay()).number == 0
