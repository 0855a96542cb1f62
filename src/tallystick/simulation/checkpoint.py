"""What a simulated run has on disk besides its ledger, so that its members go on after a crash.

A node has its work, payloads and its learner's memory on disk before it sends anything. Here the same is
saved for all members at once, in one durable transaction between what was made and what is sent.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

from ..base.codec import Decoder, encode
from ..learning.learner import Memory
from ..learning.memory import decode_memory, encode_memory
from ..node.work import Ready, WorkInMemory
from .behaviours import LiveRun

_TABLES = """
CREATE TABLE IF NOT EXISTS payloads (name BLOB PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS work (member TEXT NOT NULL, duty BLOB NOT NULL, ready BLOB NOT NULL,
                                 PRIMARY KEY (member, duty)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS memories (member TEXT PRIMARY KEY, request TEXT NOT NULL, leaves BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS world (one INTEGER PRIMARY KEY CHECK (one = 1), height INTEGER NOT NULL,
                                  before TEXT NOT NULL, after TEXT NOT NULL);
"""
_ready = Decoder(Ready)


@final
@dataclass(eq=False)
class Checkpoint:
    """A run's members on disk; with no path nothing is saved and nothing restored."""

    path: Path | None
    like: Memory = ()  # a member's memory as it begins: what those on disk are shaped like
    _written: dict[str, int] = field(default_factory=dict)  # of dictionaries that only grow, by their name
    _remembered: dict[str, Memory] = field(default_factory=dict)
    _before: str = ""  # how things stood when the turn began

    def __post_init__(self) -> None:
        self._file = None if self.path is None else sqlite3.connect(self.path)
        if self._file is not None:
            self._file.execute("PRAGMA journal_mode = WAL")
            self._file.execute("PRAGMA synchronous = FULL")
            self._file.executescript(_TABLES)

    def close(self) -> None:
        """Nothing more is written."""
        if self._file is not None:
            self._file.close()

    @staticmethod
    def remove(path: Path) -> None:
        """A finished run needs no more what its members had on their desks."""
        for ending in ("", "-wal", "-shm"):
            path.with_name(path.name + ending).unlink(missing_ok=True)

    def restore(self, run: LiveRun) -> None:
        """Give everybody back what they had when the run was cut off."""
        if self._file is None:
            return
        run.payloads.kept.update(self._file.execute("SELECT name, data FROM payloads"))
        self._written["payloads"] = len(run.payloads.kept)
        for member, data in self._file.execute("SELECT member, ready FROM work"):
            work_of(run, member).save(_ready(data))
        for member, request, leaves in self._file.execute("SELECT member, request, leaves FROM memories"):
            memory = decode_memory(leaves, self.like)
            work_of(run, member).memories[request] = self._remembered[member] = memory
        for member in run.nodes:
            self._written[member] = len(work_of(run, member).ready)
        row = self._file.execute("SELECT height, before, after FROM world").fetchone()
        if row is not None:
            height, before, after = row
            # What was about to be sent is in the ledger if and only if a block came after this was written.
            _set(run, json.loads(after if run.engine.status().height > height else before))

    def begin_turn(self, run: LiveRun) -> None:
        """A batch begins: should its batch be lost, the run goes on from here."""
        if self._file is not None:
            self._before = _state(run)

    def save(self, run: LiveRun) -> None:
        """Everything that is new, durable when this returns; called before anything of it is sent."""
        if self._file is None:
            return
        after = _state(run)
        with self._file:
            self._payloads(run)
            for member in run.nodes:
                self._work(run, member)
            given = (run.engine.status().height, self._before or after, after)
            self._file.execute("INSERT OR REPLACE INTO world VALUES (1, ?, ?, ?)", given)

    def _payloads(self, run: LiveRun) -> None:
        new = list(run.payloads.kept.items())[self._written.get("payloads", 0) :]
        self._execute("INSERT OR IGNORE INTO payloads VALUES (?, ?)", new)
        self._written["payloads"] = len(run.payloads.kept)

    def _work(self, run: LiveRun, member: str) -> None:
        made = work_of(run, member).ready
        new = list(made.values())[self._written.get(member, 0) :]
        rows = [(member, encode(ready.duty), encode(ready)) for ready in new]
        self._execute("INSERT OR REPLACE INTO work VALUES (?, ?, ?)", rows)
        self._written[member] = len(made)
        self._memory(member, work_of(run, member).memories)

    def _memory(self, member: str, memory: Mapping[str, Memory]) -> None:
        """Write what the learner keeps; a member that lost it has lost it on disk too."""
        request, newest = next(iter(memory.items()), ("", None))
        if newest is self._remembered.get(member):
            return
        self._remembered[member] = newest
        if newest is None:
            self._execute("DELETE FROM memories WHERE member = ?", [(member,)])
        else:
            row = (member, request, encode_memory(newest))
            self._execute("INSERT OR REPLACE INTO memories VALUES (?, ?, ?)", [row])

    def _execute(self, statement: str, rows: Sequence[tuple[str | bytes, ...]]) -> None:
        if rows and self._file is not None:
            self._file.executemany(statement, rows)


def work_of(run: LiveRun, member: str) -> WorkInMemory:
    """What a simulated member has made."""
    store = run.nodes[member].worker.store
    if not isinstance(store, WorkInMemory):
        raise TypeError(f"{member} keeps its work elsewhere")
    return store


def _state(run: LiveRun) -> str:
    """Time, and what the behaviours of the run have in mind."""
    marks = [[list(mark), value] for mark, value in sorted(run.marks.items())]
    withheld = sorted(name.hex() for name in run.payloads.withheld)
    return json.dumps({"now": run.clock.now, "marks": marks, "withheld": withheld})


def _set(run: LiveRun, state: dict[str, Any]) -> None:
    run.clock.now = state["now"]
    run.marks.update({tuple(mark): value for mark, value in state["marks"]})
    run.payloads.withheld |= {bytes.fromhex(name) for name in state["withheld"]}
