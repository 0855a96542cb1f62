"""A small consortium in memory: members with keys, a clock, and a state that is checked after every block."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from hashlib import sha256
from typing import Any, TypeVar

from tallystick.base import keys
from tallystick.base.codec import Record, encode
from tallystick.base.ids import ROLES, derived_id, digest
from tallystick.base.keys import SigningKey, prove_possession
from tallystick.ledger import deadlines, due, transition
from tallystick.ledger import transactions as tx
from tallystick.ledger.genesis import Founder, Genesis, Limits, first_writes
from tallystick.ledger.handlers.members import possession_context
from tallystick.ledger.invariants import RULES, broken
from tallystick.ledger.notices import Notice
from tallystick.ledger.rejections import Refusal
from tallystick.ledger.requests import elections, rounds
from tallystick.ledger.state import ACCOUNTS, MEMBERS, StateTable
from tallystick.ledger.transition import Block, ExecutedBlock, Receipt
from tests.ledger.memory import Memory
from tests.ledger.observed import Broken, Observer, Sent, Verify, ensure, things_of

CHAIN = "testing"
START = 1_700_000_000_000
SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
NAMES = ("ada", "bob", "cleo", "dan")

R = TypeVar("R", bound=Record)
Sign = Callable[[bytes, bytes], bytes]  # public key, message


# --- members ------------------------------------------------------------------------------------------


_by_public: dict[bytes, SigningKey] = {}


@lru_cache(maxsize=4096)
def key_of(name: str) -> SigningKey:
    """The key that a test calls by this name."""
    key = SigningKey(digest(b"test key", name.encode()))
    _by_public[key.public] = key
    return key


@lru_cache(maxsize=4096)
def encryption_key_of(name: str) -> bytes:
    return digest(b"test encryption key", name.encode())


@lru_cache(maxsize=4096)
def possession(member: str, key: str, chain: str = CHAIN) -> bytes:
    """The proof that a member holds the key of this name."""
    return prove_possession(key_of(key), possession_context(chain, member))


def founder(name: str, balance: int = 1_000, roles: Sequence[str] = ROLES) -> Founder:
    return Founder(name, key_of(name).public, encryption_key_of(name), tuple(roles), balance)  # type: ignore[arg-type]


def hashed(*parts: object) -> bytes:
    """A digest that a test calls by these words."""
    return digest(*(str(part).encode() for part in parts))


def sign_truly(public: bytes, message: bytes) -> bytes:
    """A real signature by the key behind a public key."""
    return _by_public[public].sign(message)


def tag(public: bytes, message: bytes) -> bytes:
    """Stands for a signature where signatures are not what is tried."""
    return sha256(public + message).digest() * 2


def tag_fits(public: bytes, message: bytes, signature: bytes) -> bool:
    return tag(public, message) == signature


SIGNATURES: tuple[Sign, Verify] = (sign_truly, keys.verify)
TAGS: tuple[Sign, Verify] = (tag, tag_fits)


# --- the world ----------------------------------------------------------------------------------------


class AnyWorld(ABC):
    """A ledger with its members' keys at hand, wherever its state lies."""

    genesis: Genesis
    time: int
    height: int
    schemes: tuple[Sign, Verify]
    keys: dict[str, SigningKey]
    numbers: dict[str, int]  # the next of what was sealed
    said: list[Notice]
    second: dict[str, str]  # owner: another grant, where a test has given two

    def _found(self, genesis: Genesis, schemes: tuple[Sign, Verify]) -> None:
        self.genesis, self.schemes = genesis, schemes
        self.time, self.height, self.numbers, self.said = genesis.time, 0, {}, []
        self.keys = {member.member: key_of(member.member) for member in genesis.members}

    @abstractmethod
    def find(self, table: StateTable[R], *parts: str | int) -> R | None:
        """A record of its newest state."""

    @abstractmethod
    def scan(self, table: StateTable[R], *parts: str | int) -> list[R]:
        """The records of a table whose keys begin with these parts, in the order of their keys."""

    @abstractmethod
    def block(self, *given: bytes | Sent) -> ExecutedBlock:
        """Make one block of these."""

    def wait(self, milliseconds: int) -> ExecutedBlock:
        """Let time pass, then make an empty block."""
        self.time += milliseconds
        return self.block()

    def get(self, table: StateTable[R], *parts: str | int) -> R:
        record = self.find(table, *parts)
        assert record is not None, table.key(*parts)
        return record

    def balance(self, member: str) -> int:
        return self.get(ACCOUNTS, member).balance

    def public_key(self, member: str) -> bytes:
        """The key by which the ledger knows a member; of a stranger, what its key would be."""
        known = self.find(MEMBERS, member)
        return known.key if known else key_of(member).public

    def next_number(self, member: str) -> int:
        """The number after the highest that a member has used."""
        account = self.find(ACCOUNTS, member)
        return max((account.low - 1, *account.ahead)) + 1 if account else 0

    def number_of(self, member: str) -> int:
        """The number that the member's next sealed transaction gets, after all that were sealed before."""
        return max(self.next_number(member), self.numbers.get(member, 0))

    def sent(
        self,
        member: str,
        body: tx.Body,
        *,
        key: bytes | None = None,
        number: int | None = None,
        valid_until: int | None = None,
        chain: str | None = None,
        version: int = tx.FORMAT,
        honest: bool = True,
        expects: str = "",
    ) -> Sent:
        """A transaction under its sender's next number on the ledger, or as it is bent."""
        envelope = tx.Envelope(
            version,
            chain or self.genesis.chain,
            member,
            key or self.public_key(member),
            self.next_number(member) if number is None else number,
            self.time + HOUR if valid_until is None else valid_until,
            body,  # type: ignore[arg-type]
        )
        inner = encode(envelope)
        signature = self.schemes[0](envelope.signer, tx.signing_bytes(inner))
        if not honest:
            signature = bytes((signature[0] ^ 1,)) + signature[1:]
        return Sent(member, body, encode(tx.Signed(inner, signature)), envelope, honest, expects)

    def sealed(
        self,
        member: str,
        body: tx.Body,
        *,
        number: int | None = None,
        signer: SigningKey | None = None,
        **more: Any,
    ) -> bytes:
        """The bytes of a transaction under the member's next number, counting what was sealed before."""
        signer = signer or self.keys.get(member) or key_of(member)
        _by_public[signer.public] = signer
        if number is None:
            number = self.number_of(member)
            self.numbers[member] = number + 1
        return self.sent(member, body, key=signer.public, number=number, **more).data

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
        number = self.number_of(member)
        self.did(member, body)
        return derived_id(kind, member, number)

    def decide(self, change: tx.Change, proposer: str = "ada") -> str:
        """Propose a change and have all of its electorate approve it; it takes effect after the delay."""
        proposal = self.made("proposal", proposer, tx.Propose(change))
        for member in sorted(self.keys):
            self.does(member, tx.Vote(proposal, True))
        self.wait(self.genesis.limits.vote_delay + 1)
        return proposal


class World(AnyWorld):
    """A ledger in memory, and whoever looks on."""

    def __init__(
        self,
        *founders: Founder,
        cap: int = 1_000_000,
        pool: int = 0,
        limits: Limits | None = None,
        chain: str = CHAIN,
        genesis: Genesis | None = None,
        schemes: tuple[Sign, Verify] = SIGNATURES,
        **more: Any,
    ) -> None:
        members = founders or tuple(founder(name) for name in NAMES)
        limits = limits or Limits(vote_wait=DAY, dormant_after=30 * DAY)
        self._found(genesis or Genesis(chain, START, cap, members, pool, limits, **more), schemes)
        self.history: list[tuple[Block, tuple[bytes, ...], ExecutedBlock]] = []
        self.observers: list[Observer] = []
        self.at_once = deadlines.AT_ONCE  # the largest team that goes on within a transaction
        self.reader = Memory(first_writes(self.genesis))

    def twin(self) -> World:
        """The same world once more, without its history and those who look on."""
        other = World(genesis=self.genesis, schemes=self.schemes)
        other.reader, other.time, other.height = self.reader.twin(), self.time, self.height
        other.numbers, other.keys, other.at_once = dict(self.numbers), dict(self.keys), self.at_once
        return other

    def at(self) -> Block:
        """Where the next transaction runs."""
        return Block(self.genesis.chain, self.height + 1, self.time)

    # --- blocks -----------------------------------------------------------------------------------

    def block(self, *given: bytes | Sent) -> ExecutedBlock:
        """Apply one block, let those who look on see every part of it, and check the whole state."""
        block, verify = self.at(), self.schemes[1]
        sent = [item if isinstance(item, Sent) else Sent("", None, item) for item in given]
        data = tuple(transaction.data for transaction in sent)
        waiting = [key for key in self.reader.tables["due"] if int(key[0]) <= block.time]
        with teams_at_once(self.at_once):
            outcome = transition.apply_block(self.reader, data, block, verify)
            things = things_of(self.reader, block, sent, outcome, verify) if self.observers else []
        for observer in self.observers:
            for happened in things:
                observer.see(block, happened)
        self.reader.write(outcome.writes)
        self.height, self.time = block.height, block.time + 1
        self.history.append((block, data, outcome))
        self.said += outcome.notices
        self.said += (notice for receipt in outcome.receipts for notice in receipt.notices)
        for observer in self.observers:
            observer.compare(self.reader)
        self._check(outcome, waiting)
        return outcome

    def _check(self, outcome: ExecutedBlock, waiting: list[tuple[str, ...]]) -> None:
        """Every invariant holds, and what was due is served, as far as a block may."""
        for rule in RULES:
            for flaw in rule(self.reader):  # type: ignore[arg-type]
                raise Broken(f"{rule.__name__}: {flaw}")
        late = [key for key in waiting if key in self.reader.tables["due"]]
        may_wait = len(waiting) > self.reader.chain.due_limit or len(outcome.writes) > due.MOST_RECORDS // 4
        ensure(not late or may_wait, "due and not served:", late)

    def check_all(self) -> None:
        """Every invariant over the bytes themselves."""
        ensure(not broken(self.reader), *broken(self.reader))

    # --- what it holds ----------------------------------------------------------------------------

    def find(self, table: StateTable[R], *parts: str | int) -> R | None:
        return self.reader.find(table, *parts)

    def scan(self, table: StateTable[R], *parts: str | int) -> list[R]:
        prefix = (table.key(*parts) + "/").encode()
        return [table.decode(data) for _, data in self.reader.scan(prefix, 1 << 62)]


@contextmanager
def teams_at_once(size: int) -> Iterator[None]:
    """Let the ledger take even small teams for large ones, whose phases go on by the due-queue."""
    usual = deadlines.AT_ONCE
    rounds.AT_ONCE = elections.AT_ONCE = size  # type: ignore[attr-defined]
    try:
        yield
    finally:
        rounds.AT_ONCE = elections.AT_ONCE = usual  # type: ignore[attr-defined]


# --- refusals -----------------------------------------------------------------------------------------


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
