"""What a node has on disk of its own work, kept before anything is sent, with what its learners remember.

After a crash a node sends those bytes again or misses its turn; it never trains again or draws noise again,
for a second noised answer would be a second release.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, final

from ..base.codec import Decoder, Malformed, Record
from ..base.codec import encode as encoded
from ..learning.learner import Memory
from ..learning.memory import BadMemory, decode_memory, encode_memory
from ..ledger.transactions import Content, Score

PART = 64 << 20  # bytes of a memory in one row
_TABLES = """
CREATE TABLE IF NOT EXISTS ready (request TEXT, round INTEGER, phase TEXT, data BLOB NOT NULL,
                                  PRIMARY KEY (request, round, phase)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS flying (request TEXT, round INTEGER, phase TEXT, data BLOB NOT NULL,
                                   PRIMARY KEY (request, round, phase)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS memories (request TEXT, part INTEGER, data BLOB NOT NULL,
                                     PRIMARY KEY (request, part));
"""


class WorkDamaged(ValueError):
    """What a node had on disk of its work cannot be read."""


class Duty(Record):
    """One turn: which phase of which round of which request."""

    request: str
    round: int
    phase: str


class SealedScores(Record):
    """The scores that were committed to, and their salt."""

    values: tuple[Score, ...]
    salt: bytes


class Ready(Record):
    """What a turn's work came to: the content to post, and the scores where they are sealed."""

    duty: Duty
    content: Content
    opening: SealedScores | None = None


class InFlight(Record):
    """A transaction that was handed in and is not yet seen in a block, with the turn that it serves."""

    duty: Duty
    digest: bytes
    valid_until: int
    transaction: bytes


@dataclass(frozen=True)
class Holdings:
    """What a node has ready, by its turns, what it has sent and not yet seen, and what it gave up."""

    ready: Mapping[Duty, Ready] = field(default_factory=dict)
    flying: Collection[Duty] = frozenset()
    given_up: Collection[Duty] = frozenset()


class WorkStore(Protocol):
    """Where a node keeps what it made; whatever is noted is durable when the call returns."""

    @property
    def ready(self) -> Mapping[Duty, Ready]:
        """All work that is kept."""

    @property
    def flying(self) -> Mapping[Duty, InFlight]:
        """What was sent and is not yet seen in a block."""

    def save(self, ready: Ready, memory: Memory | None = None) -> None:
        """Keep work, and with it what the learner remembers from now on: both or neither."""

    def memory(self, request: str, begin: Callable[[], Memory]) -> Memory | None:
        """What the learner remembers of a request; None where it begins, as `begin` shows it."""

    def sent(self, flights: Iterable[InFlight]) -> None:
        """Note what was handed in."""

    def landed(self, duties: Iterable[Duty]) -> None:
        """Note that the answers to these are known, or can no longer come."""

    def forget(self, request: str) -> None:
        """Drop what belonged to a request that has ended."""

    def close(self) -> None:
        """Nothing more is kept."""


@final
@dataclass(eq=False)
class WorkInMemory:
    """Work kept in memory, for a simulation."""

    ready: dict[Duty, Ready] = field(default_factory=dict)
    flying: dict[Duty, InFlight] = field(default_factory=dict)
    memories: dict[str, Memory] = field(default_factory=dict)

    def save(self, ready: Ready, memory: Memory | None = None) -> None:
        self.ready[ready.duty] = ready
        if memory is not None:
            self.memories[ready.duty.request] = memory

    def memory(self, request: str, begin: Callable[[], Memory]) -> Memory | None:
        return self.memories.get(request)

    def sent(self, flights: Iterable[InFlight]) -> None:
        self.flying.update((flight.duty, flight) for flight in flights)

    def landed(self, duties: Iterable[Duty]) -> None:
        for duty in duties:
            self.flying.pop(duty, None)

    def forget(self, request: str) -> None:
        for kept in (self.ready, self.flying):
            for duty in [duty for duty in kept if duty.request == request]:
                del kept[duty]
        self.memories.pop(request, None)

    def close(self) -> None:
        pass


_ready, _in_flight = Decoder(Ready), Decoder(InFlight)


@final
class WorkFolder:
    """Work kept in a file of a folder, one durable transaction for each change."""

    def __init__(self, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self._path = path / "work.db"
        self._seen = WorkInMemory()  # what the file holds, without the memories that nobody asked for
        self._file = sqlite3.connect(self._path, check_same_thread=False)
        try:
            self._file.execute("PRAGMA journal_mode = WAL")
            self._file.execute("PRAGMA synchronous = FULL")
            self._file.executescript(_TABLES)
            for (data,) in self._file.execute("SELECT data FROM ready ORDER BY request, round, phase"):
                self._seen.save(_ready(data))
            self._seen.sent(_in_flight(data) for (data,) in self._file.execute("SELECT data FROM flying"))
        except (sqlite3.DatabaseError, Malformed) as error:
            self._file.close()
            raise self._damaged(error) from None

    @property
    def ready(self) -> Mapping[Duty, Ready]:
        return self._seen.ready

    @property
    def flying(self) -> Mapping[Duty, InFlight]:
        return self._seen.flying

    def save(self, ready: Ready, memory: Memory | None = None) -> None:
        request = ready.duty.request
        with self._file:
            self._file.execute("INSERT OR REPLACE INTO ready VALUES (?, ?, ?, ?)", _row(ready))
            if memory is not None:
                data = encode_memory(memory)
                parts = [data[start : start + PART] for start in range(0, len(data), PART)]
                self._file.execute("DELETE FROM memories WHERE request = ?", (request,))
                rows = [(request, number, part) for number, part in enumerate(parts)]
                self._file.executemany("INSERT INTO memories VALUES (?, ?, ?)", rows)
        self._seen.save(ready, memory)

    def memory(self, request: str, begin: Callable[[], Memory]) -> Memory | None:
        if request not in self._seen.memories:
            query = "SELECT data FROM memories WHERE request = ? ORDER BY part"
            data = b"".join(part for (part,) in self._file.execute(query, (request,)))
            if not data:
                return None
            like = begin()
            try:
                self._seen.memories[request] = decode_memory(data, like)
            except BadMemory as error:
                raise self._damaged(error) from None
        return self._seen.memories[request]

    def sent(self, flights: Iterable[InFlight]) -> None:
        noted = list(flights)
        with self._file:
            self._file.executemany("INSERT OR REPLACE INTO flying VALUES (?, ?, ?, ?)", map(_row, noted))
        self._seen.sent(noted)

    def landed(self, duties: Iterable[Duty]) -> None:
        known = [duty for duty in duties if duty in self._seen.flying]
        if known:
            with self._file:
                query = "DELETE FROM flying WHERE request = ? AND round = ? AND phase = ?"
                self._file.executemany(query, [(duty.request, duty.round, duty.phase) for duty in known])
            self._seen.landed(known)

    def forget(self, request: str) -> None:
        with self._file:
            for table in ("ready", "flying", "memories"):
                self._file.execute(f"DELETE FROM {table} WHERE request = ?", (request,))
        self._seen.forget(request)

    def close(self) -> None:
        self._file.close()

    def _damaged(self, error: Exception) -> WorkDamaged:
        return WorkDamaged(f"{self._path} is damaged ({error}); move it away, its turns are then missed")


def _row(work: Ready | InFlight) -> tuple[str, int, str, bytes]:
    return work.duty.request, work.duty.round, work.duty.phase, encoded(work)
