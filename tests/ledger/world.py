"""A small consortium in memory: members with keys, a clock, and a state that is checked after every block."""

from __future__ import annotations

import functools
from bisect import bisect_left, insort
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from tallystick.base.codec import Record
from tallystick.base.ids import ROLES, derived_id, digest
from tallystick.base.keys import SigningKey, prove_possession
from tallystick.ledger import transactions as tx
from tallystick.ledger.genesis import Founder, Genesis, Limits, first_writes
from tallystick.ledger.handlers.members import possession_context
from tallystick.ledger.invariants import broken
from tallystick.ledger.notices import Notice
from tallystick.ledger.rejections import Refusal
from tallystick.ledger.state import ACCOUNTS, Table
from tallystick.ledger.transition import Block, Outcome, Receipt, apply_block

CHAIN = "testing"
START = 1_700_000_000_000
SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
NAMES = ("ada", "bob", "cleo", "dan")

R = TypeVar("R", bound=Record)


class Memory:
    """An engine's records in a dictionary, with their keys in order."""

    def __init__(self, records: Mapping[bytes, bytes]) -> None:
        self.records = dict(records)
        self.keys = sorted(records)

    def get(self, key: bytes) -> bytes | None:
        return self.records.get(key)

    def scan(self, prefix: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        start = bisect_left(self.keys, prefix)
        found = []
        for key in self.keys[start:]:
            if not key.startswith(prefix) or len(found) == limit:
                break
            found.append((key, self.records[key]))
        return found

    def write(self, writes: Mapping[bytes, bytes | None]) -> None:
        for key, value in writes.items():
            known = key in self.records
            if value is not None:
                self.records[key] = value
                if not known:
                    insort(self.keys, key)
            elif known:
                del self.records[key]
                del self.keys[bisect_left(self.keys, key)]


def key_of(name: str) -> SigningKey:
    """The key that a test calls by this name."""
    return SigningKey(digest(b"test key", name.encode()))


def encryption_key_of(name: str) -> bytes:
    return digest(b"test encryption key", name.encode())


def possession(member: str, key: str, chain: str = CHAIN) -> bytes:
    """The proof that a member holds the key of this name."""
    return prove_possession(key_of(key), possession_context(chain, member))


def founder(name: str, balance: int = 1_000, roles: Sequence[str] = ROLES) -> Founder:
    return Founder(name, key_of(name).public, encryption_key_of(name), tuple(roles), balance)  # type: ignore[arg-type]


class World:
    """A ledger with its members' keys at hand."""

    second: dict[str, str]  # owner: another grant, where a test has given two

    def __init__(
        self,
        *founders: Founder,
        cap: int = 1_000_000,
        pool: int = 0,
        limits: Limits | None = None,
        chain: str = CHAIN,
        **more: Any,
    ) -> None:
        members = founders or tuple(founder(name) for name in NAMES)
        limits = limits or Limits(vote_wait=DAY, dormant_after=30 * DAY)
        self.genesis = Genesis(chain, START, cap, members, pool, limits, **more)
        self.reader = Memory(first_writes(self.genesis))
        self.keys = {one.member: key_of(one.member) for one in members}
        self.time, self.height = START, 0
        self.numbers: dict[str, int] = {}
        self.said: list[Notice] = []
        self.history: list[tuple[Block, tuple[bytes, ...], Outcome]] = []

    def at(self) -> Block:
        """Where the next transaction runs."""
        return Block(self.genesis.chain, self.height + 1, self.time)

    def sealed(
        self,
        member: str,
        body: tx.Body,
        *,
        number: int | None = None,
        signer: SigningKey | None = None,
        valid_until: int | None = None,
        chain: str | None = None,
        version: int = tx.FORMAT,
    ) -> bytes:
        """A signed transaction under the member's next number."""
        signer = signer or self.keys.get(member) or key_of(member)
        if number is None:
            number = self.numbers.get(member, 0)
            self.numbers[member] = number + 1
        until = self.time + HOUR if valid_until is None else valid_until
        envelope = tx.Envelope(
            version, chain or self.genesis.chain, member, signer.public, number, until, body
        )
        return tx.seal(envelope, signer.sign)

    def block(self, *transactions: bytes) -> Outcome:
        """Apply one block and look at the whole state afterwards."""
        block = self.at()
        outcome = apply_block(self.reader, transactions, block)
        self.reader.write(outcome.writes)
        self.height, self.time = block.height, block.time + 1
        self.history.append((block, transactions, outcome))
        self.said += outcome.notices
        self.said += (notice for receipt in outcome.receipts for notice in receipt.notices)
        assert broken(self.reader) == []
        return outcome

    def does(self, member: str, body: tx.Body, **more: Any) -> Receipt:
        """One transaction in a block of its own."""
        return self.block(self.sealed(member, body, **more)).receipts[0]

    def did(self, member: str, body: tx.Body, **more: Any) -> Receipt:
        """The same, and it must be accepted."""
        receipt = self.does(member, body, **more)
        assert receipt.code == 0, receipt
        return receipt

    def made(self, kind: str, member: str, body: tx.Body) -> str:
        """The id of what an accepted transaction made."""
        number = self.numbers.get(member, 0)
        self.did(member, body)
        return derived_id(kind, member, number)

    def wait(self, milliseconds: int) -> Outcome:
        """Let time pass, then make an empty block."""
        self.time += milliseconds
        return self.block()

    def find(self, table: Table[R], *parts: str | int) -> R | None:
        data = self.reader.get(table.key(*parts).encode())
        return None if data is None else table.decode(data)

    def get(self, table: Table[R], *parts: str | int) -> R:
        record = self.find(table, *parts)
        assert record is not None, table.key(*parts)
        return record

    def scan(self, table: Table[R], *parts: str | int) -> list[R]:
        prefix = (table.key(*parts) + "/").encode()
        return [table.decode(data) for _, data in self.reader.scan(prefix, 1 << 62)]

    def balance(self, member: str) -> int:
        return self.get(ACCOUNTS, member).balance

    def decide(self, change: tx.Change, proposer: str = "ada") -> str:
        """Propose a change and have all of its electorate approve it; it takes effect after the delay."""
        proposal = self.made("proposal", proposer, tx.Propose(change))
        for member in sorted(self.keys):
            self.does(member, tx.Vote(proposal, True))
        self.wait(self.genesis.limits.vote_delay + 1)
        return proposal


REFUSED: dict[tuple[str, str], list[str]] = {}  # which tests show which refusal of which transaction


def shows(kind: type[tx.Body], refusal: type[Refusal], by: str) -> None:
    REFUSED.setdefault((kind.__name__, refusal.name), []).append(by)


def refused(
    kind: type[tx.Body], refusal: type[Refusal]
) -> Callable[[Callable[[], tuple[World, str, tx.Body]]], Callable[[], None]]:
    """A test that sets up a world, a member and what it asks for; it is refused and changes nothing else."""

    def decorate(case: Callable[[], tuple[World, str, tx.Body]]) -> Callable[[], None]:
        shows(kind, refusal, case.__name__)

        @functools.wraps(case)
        def test() -> None:
            world, member, body = case()
            assert type(body) is kind
            ensure_refused(world, member, body, refusal)

        del test.__wrapped__  # so that the test is seen without the case's return type
        return test

    return decorate


def ensure_refused(world: World, member: str, body: tx.Body, refusal: type[Refusal], **more: Any) -> Receipt:
    """An authentic transaction is refused for this reason: it uses its number and changes nothing else."""
    before = dict(world.reader.records)
    receipt = world.does(member, body, **more)
    assert (receipt.refusal, receipt.code) == (refusal.name, refusal.code), receipt
    assert receipt.detail and receipt.notices == ()
    changed = {
        key for key in before.keys() | world.reader.records if before.get(key) != world.reader.get(key)
    }
    assert changed == {ACCOUNTS.key(member).encode()}
    return receipt
