"""One world: a state as bytes and decoded beside them, blocks applied to it, observers that look on."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from msgspec.structs import replace

from tallystick.base.codec import Record, encode
from tallystick.ledger import deadlines as due
from tallystick.ledger import transactions as tx
from tallystick.ledger import transition
from tallystick.ledger.genesis import Genesis, first_writes
from tallystick.ledger.invariants import RULES, broken
from tallystick.ledger.notices import Said
from tallystick.ledger.requests import elections, rounds
from tallystick.ledger.state import ACCOUNTS, CHAIN, MEMBERS, TABLES, Reader, Table
from tallystick.ledger.transition import Block, Outcome, Receipt
from tests.ledger.model.people import TAGS, Sign, Verify, key_of

R = TypeVar("R", bound=Record)
Parts = tuple[str, ...]


class Broken(Exception):
    """Something that must hold does not; the message says what, with the values."""


def ensure(condition: object, *said: object) -> None:
    if not condition:
        raise Broken(" ".join(map(str, said)))


def parts_of(key: bytes) -> tuple[str, Parts]:
    name, *parts = key.decode().split("/")
    return name, tuple(parts)


class Records:
    """A state as an engine offers it, with every record decoded once; also what `invariants` looks at."""

    def __init__(self, data: Mapping[bytes, bytes | None]) -> None:
        self.data: dict[bytes, bytes] = {}
        self.order: list[bytes] = []
        self.tables: dict[str, dict[Parts, Any]] = {name: {} for name in TABLES}
        self.write(data)

    def copy(self) -> Records:
        twin = Records({})
        twin.data, twin.order = dict(self.data), list(self.order)
        twin.tables = {name: dict(rows) for name, rows in self.tables.items()}
        return twin

    def get(self, key: bytes) -> bytes | None:
        return self.data.get(key)

    def scan(self, prefix: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        rows: list[tuple[bytes, bytes]] = []
        for key in self.order[bisect_left(self.order, prefix) :]:
            if not key.startswith(prefix) or len(rows) == limit:
                break
            rows.append((key, self.data[key]))
        return rows

    def write(self, writes: Mapping[bytes, bytes | None]) -> None:
        for key, value in writes.items():
            name, parts = parts_of(key)
            if value is not None:
                if key not in self.data:
                    insort(self.order, key)
                self.data[key] = value
                self.tables[name][parts] = TABLES[name].decode(value)
            elif key in self.data:
                del self.data[key]
                del self.order[bisect_left(self.order, key)]
                del self.tables[name][parts]

    def find(self, table: Table[R], *parts: str | int) -> R | None:
        where = tuple(part if isinstance(part, str) else f"{part:016d}" for part in parts)
        return self.tables[table.name].get(where)

    def all(self, table: Table[R]) -> dict[Parts, R]:
        return self.tables[table.name]

    @property
    def chain(self) -> Any:
        return self.tables["chain"][()]

    @property
    def validators_due(self) -> int:
        found = self.tables["validators"].get(())
        return found.due if found else 0


class View:
    """The state with some writes on top."""

    def __init__(self, under: Records, writes: Mapping[bytes, bytes | None]) -> None:
        self.under, self.writes = under, writes

    def get(self, key: bytes) -> bytes | None:
        return self.writes[key] if key in self.writes else self.under.get(key)

    def scan(self, prefix: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        rows = dict(self.under.scan(prefix, 1 << 62))
        for key, value in self.writes.items():
            if key.startswith(prefix) and value is not None:
                rows[key] = value
            elif key in rows and value is None:
                del rows[key]
        return sorted(rows.items())[:limit]

    def find(self, table: Table[R], *parts: str | int) -> R | None:
        key = table.key(*parts).encode()
        if key not in self.writes:
            return self.under.find(table, *parts)
        value = self.writes[key]
        return None if value is None else table.decode(value)


@dataclass(frozen=True)
class Sent:
    """A transaction as its sender knows it; `expects` names the refusal that it is meant to meet."""

    member: str
    body: tx.Body | None
    data: bytes
    envelope: tx.Envelope | None = None
    honest: bool = True  # its signature fits
    expects: str = ""


@dataclass(frozen=True)
class Happened:
    """One thing of a block: a due entry served, or a transaction; and the state after it."""

    view: View
    notices: tuple[Said, ...]
    sent: Sent | None = None
    receipt: Receipt | None = None
    before: Mapping[bytes, bytes | None] = field(default_factory=dict)  # the writes of what came earlier

    def changed(self) -> set[bytes]:
        """The keys that this alone has changed."""
        now, before, under = self.view.writes, self.before, self.view.under
        return {
            key
            for key in now.keys() | before.keys()
            if now.get(key, under.get(key)) != before.get(key, under.get(key))
        }


class Observer(Protocol):
    def see(self, block: Block, happened: Happened) -> None: ...

    def compare(self, records: Records) -> None: ...


@dataclass
class World:
    """A running ledger in memory."""

    records: Records
    time: int
    height: int = 0
    observers: list[Observer] = field(default_factory=list)
    sign: Sign = TAGS[0]
    verify: Verify = TAGS[1]
    at_once: int = due.AT_ONCE  # the largest team that goes on within a transaction
    kept: tuple[Genesis, list[tuple[int, tuple[bytes, ...]]]] | None = None  # what a replay needs

    @classmethod
    def begin(cls, genesis: Genesis, schemes: tuple[Sign, Verify] = TAGS) -> World:
        return cls(Records(first_writes(genesis)), genesis.time, sign=schemes[0], verify=schemes[1])

    def key(self, member: str) -> bytes:
        """The public key of a member; of one that is unknown, what its key would be."""
        known = self.records.find(MEMBERS, member)
        return known.key if known else key_of(member).public

    def next_number(self, member: str) -> int:
        """The number after the highest that a member has used."""
        account = self.records.find(ACCOUNTS, member)
        return max((account.low - 1, *account.ahead)) + 1 if account else 0

    def sealed(
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
        """A transaction of a member's under its next number, or as it is bent."""
        signer = key or self.key(member)
        number = self.next_number(member) if number is None else number
        until = self.time + 10**9 if valid_until is None else valid_until
        envelope = tx.Envelope(
            version,
            chain or self.records.chain.chain,
            member,
            signer,
            number,
            until,
            body,  # type: ignore[arg-type]
        )
        inner = encode(envelope)
        signature = self.sign(signer, tx.signing_bytes(inner))
        if not honest:
            signature = bytes((signature[0] ^ 1,)) + signature[1:]
        return Sent(member, body, encode(tx.Signed(inner, signature)), envelope, honest, expects)

    def block(self, *sent: Sent) -> Outcome:
        """Apply one block at the world's time; everybody looks at every part of it."""
        block = Block(self.records.chain.chain, self.height + 1, self.time)
        data = [one.data for one in sent]
        waiting = [key for key in self.records.tables["due"] if int(key[0]) <= block.time]
        with teams_at_once(self.at_once):
            outcome = transition.apply_block(self.records, data, block, self.verify)
            parts = self._parts(block, sent, outcome)
        for happened in parts:
            for observer in self.observers:
                observer.see(block, happened)
        self.records.write(outcome.writes)
        if self.kept is not None:
            self.kept[1].append((self.time, tuple(data)))
        for observer in self.observers:
            observer.compare(self.records)
        for rule in RULES:
            for found in rule(self.records):  # type: ignore[arg-type]
                raise Broken(f"{rule.__name__}: {found}")
        late = [key for key in waiting if key in self.records.tables["due"]]
        ensure(not late or len(waiting) > self.records.chain.due_limit, "due and not served:", late)
        self.height, self.time = block.height, block.time + 1
        return outcome

    def _parts(self, block: Block, sent: Sequence[Sent], outcome: Outcome) -> list[Happened]:
        """The block thing by thing: the transition is pure, so its beginnings can be looked at one by one."""
        waiting = [key for key in self.records.tables["due"] if int(key[0]) <= block.time]
        served = min(len(waiting), self.records.chain.due_limit)
        if served + len(sent) == 0 or (served == 1 and not sent):
            return [Happened(View(self.records, outcome.writes), outcome.notices)]
        if served == 0 and len(sent) == 1 and not outcome.notices:
            receipt = outcome.receipts[0]
            return [Happened(View(self.records, outcome.writes), receipt.notices, sent[0], receipt)]
        found: list[Happened] = []
        said, before = 0, {}
        chain = self.records.chain
        if not served and outcome.notices:  # an upgrade comes by itself
            part = transition.apply_block(self.records, (), block, self.verify)
            found.append(Happened(View(self.records, part.writes), part.notices))
            before = part.writes
        for count in range(1, served + 1):
            under = View(self.records, {CHAIN.key().encode(): CHAIN.encode(replace(chain, due_limit=count))})
            part = transition.apply_block(under, (), block, self.verify)
            found.append(Happened(View(self.records, part.writes), part.notices[said:], before=before))
            said, before = len(part.notices), part.writes
        ensure(not served or part.notices == outcome.notices, "due entries served one by one differ")
        if served and sent:
            before = transition.apply_block(self.records, (), block, self.verify).writes
        for count, one in enumerate(sent, 1):
            data = [other.data for other in sent[:count]]
            part = transition.apply_block(self.records, data, block, self.verify)
            ensure(part.receipts == outcome.receipts[:count], "the beginning of a block gives other receipts")
            receipt = part.receipts[-1]
            found.append(Happened(View(self.records, part.writes), receipt.notices, one, receipt, before))
            before = part.writes
        return found

    def check_all(self) -> None:
        """Every invariant over the bytes themselves."""
        found = broken(self.records)
        ensure(not found, *found)


@contextmanager
def teams_at_once(size: int) -> Iterator[None]:
    """Let the ledger take even small teams for large ones, whose phases go on by the due-queue."""
    usual = due.AT_ONCE
    rounds.AT_ONCE = elections.AT_ONCE = size  # type: ignore[attr-defined]
    try:
        yield
    finally:
        rounds.AT_ONCE = elections.AT_ONCE = usual  # type: ignore[attr-defined]


def due_times(reader: Reader) -> list[int]:
    """When the entries of the due-queue come due."""
    return [int(key.split(b"/")[1]) for key, _ in reader.scan(b"due/", 1 << 62)]
