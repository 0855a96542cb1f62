"""The pool: one ticket for the same bytes, first come first, and no member takes more than its share."""

from __future__ import annotations

import pytest

from tallystick.base import keys
from tallystick.base.keys import SigningKey
from tallystick.engines.embedded.pool import GoodSignatures, Pool
from tallystick.engines.engine import Ticket

MANY = 10**9


def ticket(name: str, member: str = "ann", weight: int = 1) -> Ticket:
    return Ticket(name.encode(), name.encode(), member=member, weight=weight)


def pool(*tickets: Ticket) -> Pool:
    made = Pool()
    for each in tickets:
        made.put(each)
    return made


def chosen(waiting: Pool, count: int = 100, block: int = MANY, member: int = MANY) -> str:
    return "".join(each.transaction.decode() for each in waiting.first(count, block, member))


def test_the_same_bytes_have_one_ticket():
    first, again = ticket("a"), ticket("a")
    waiting = pool(first)
    assert waiting.put(again) is first and len(waiting) == 1
    assert waiting.find(b"a") is first and waiting.find(b"b") is None


def test_who_came_first_goes_first_and_as_many_as_fit():
    waiting = pool(*map(ticket, "abcde"))
    assert chosen(waiting) == "abcde"
    assert chosen(waiting, count=3) == "abc"
    assert chosen(waiting, block=2) == "ab"
    assert len(waiting) == 5, "choosing takes nothing out"


def test_what_does_not_fit_into_the_block_is_not_overtaken():
    waiting = pool(ticket("a", weight=3), ticket("b", weight=5), ticket("c"))
    assert chosen(waiting, block=4) == "a"


def test_a_members_share_holds_back_that_member_alone():
    waiting = pool(ticket("a", weight=2), ticket("b", weight=2), ticket("c", "bea"), ticket("d", weight=1))
    assert chosen(waiting, member=3) == "acd"
    assert chosen(waiting, member=1) == "cd"


def test_what_is_done_waits_no_more():
    tickets = [ticket(name) for name in "abc"]
    waiting = pool(*tickets)
    waiting.done([tickets[1], ticket("z")])
    assert chosen(waiting) == "ac"


def test_its_age_begins_when_it_was_last_empty(monkeypatch: pytest.MonkeyPatch):
    now = [10.0]
    monkeypatch.setattr("tallystick.engines.embedded.pool.monotonic", lambda: now[0])
    first = ticket("a")
    waiting = pool(first)
    now[0] = 12.0
    waiting.put(ticket("b"))
    assert waiting.age() == 2.0
    waiting.done([first, ticket("b")])
    waiting.put(ticket("c"))
    assert waiting.age() == 0.0


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The messages whose signatures were really verified."""
    messages: list[bytes] = []
    verify = keys.verify

    def counted(public: bytes, message: bytes, signature: bytes) -> bool:
        messages.append(message)
        return verify(public, message, signature)

    monkeypatch.setattr(keys, "verify", counted)
    return messages


def test_a_good_signature_is_verified_once_and_a_bad_one_every_time(verified: list[bytes]):
    key, good = SigningKey(b"k" * 32), GoodSignatures()
    signature = key.sign(b"yes")
    assert all(good(key.public, b"yes", signature) for _ in range(3))
    assert not any(good(key.public, b"no", signature) for _ in range(2))
    assert verified == [b"yes", b"no", b"no"]
    good.forget()
    assert good(key.public, b"yes", signature) and verified[-1] == b"yes" and len(verified) == 4
    good.remember([(key.public, b"elsewhere", b"s")])
    assert good(key.public, b"elsewhere", b"s"), "whoever says so has verified it"
