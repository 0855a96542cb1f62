"""What a simulated run has on disk besides its ledger, so that its members go on after a crash.

A node has its work, payloads and its learner's memory on disk before it sends anything. Here the same is
written for all members at once: one durable transaction before a batch is sent.
"""

from __future__ import annotations

import io
import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

import numpy as np

from ..base.codec import Decoder, encode
from ..learning.learner import Memory
from ..node.work import Ready, WorkInMemory
from .behaviours import World

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
class Diary:
    """A run's members on disk; with no path nothing is written and nothing found."""

    path: Path | None
    like: Memory = ()  # a member's memory as it begins: what those on disk are shaped like
    _written: dict[str, int] = field(default_factory=dict)  # of dictionaries that only grow, by their name
    _remembered: dict[str, Memory] = field(default_factory=dict)
    _before: str = ""  # how things stood when the turn began, and when they were last written
    _after: str = ""
    _unread: bool = True  # whether somebody may have made something since the last look

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

    def open(self, world: World) -> None:
        """Give everybody back what they had when the run was cut off."""
        if self._file is None:
            return
        world.payloads.kept.update(self._file.execute("SELECT name, data FROM payloads"))
        self._written["payloads"] = len(world.payloads.kept)
        for member, data in self._file.execute("SELECT member, ready FROM work"):
            kept(world, member).save(_ready(data))
        for member, request, leaves in self._file.execute("SELECT member, request, leaves FROM memories"):
            found = _restored(leaves, self.like)
            kept(world, member).memories[request] = self._remembered[member] = found
        for member in world.nodes:
            self._written[member] = len(kept(world, member).ready)
        row = self._file.execute("SELECT height, before, after FROM world").fetchone()
        if row is not None:
            height, before, after = row
            # What was about to be sent is in the ledger if and only if a block came after this was written.
            _set(world, json.loads(after if world.engine.status().height > height else before))

    def turn(self, world: World) -> None:
        """A turn of the loop begins: should its batch be lost, the run goes on from here."""
        if self._file is not None:
            self._unread = True
            self._before = _state(world)

    def write(self, world: World) -> None:
        """Everything that is new, durable when this returns; called before anything of it is sent."""
        if self._file is None:
            return
        after = _state(world)
        if not self._unread and after == self._after:
            return
        with self._file:
            self._payloads(world)
            for member in world.nodes:
                self._work(world, member)
            given = (world.engine.status().height, self._before or after, after)
            self._file.execute("INSERT OR REPLACE INTO world VALUES (1, ?, ?, ?)", given)
        self._unread, self._after = False, after

    def _payloads(self, world: World) -> None:
        new = list(world.payloads.kept.items())[self._written.get("payloads", 0) :]
        self._execute("INSERT OR IGNORE INTO payloads VALUES (?, ?)", new)
        self._written["payloads"] = len(world.payloads.kept)

    def _work(self, world: World, member: str) -> None:
        made = kept(world, member).ready
        new = list(made.values())[self._written.get(member, 0) :]
        rows = [(member, encode(ready.duty), encode(ready)) for ready in new]
        self._execute("INSERT OR REPLACE INTO work VALUES (?, ?, ?)", rows)
        self._written[member] = len(made)
        self._memory(member, kept(world, member).memories)

    def _memory(self, member: str, memory: Mapping[str, Memory]) -> None:
        """Write what the learner keeps; a member that lost it has lost it on disk too."""
        request, found = next(iter(memory.items()), ("", None))
        if found is self._remembered.get(member):
            return
        self._remembered[member] = found
        if found is None:
            self._execute("DELETE FROM memories WHERE member = ?", [(member,)])
        else:
            row = (member, request, _leaves(found))
            self._execute("INSERT OR REPLACE INTO memories VALUES (?, ?, ?)", [row])

    def _execute(self, statement: str, rows: list[Any]) -> None:
        if rows and self._file is not None:
            self._file.executemany(statement, rows)


def kept(world: World, member: str) -> WorkInMemory:
    """What a simulated member has made."""
    found = world.nodes[member].worker.store
    if not isinstance(found, WorkInMemory):
        raise TypeError(f"{member} keeps its work elsewhere")
    return found


def _state(world: World) -> str:
    """Time, and what the parts of the run have in mind."""
    marks = [[list(mark), value] for mark, value in sorted(world.marks.items())]
    withheld = sorted(name.hex() for name in world.payloads.withheld)
    return json.dumps({"now": world.clock.now, "marks": marks, "withheld": withheld})


def _set(world: World, state: dict[str, Any]) -> None:
    world.clock.now = state["now"]
    world.marks.update({tuple(mark): value for mark, value in state["marks"]})
    world.payloads.withheld |= {bytes.fromhex(name) for name in state["withheld"]}


def _leaves(memory: Memory) -> bytes:
    import jax

    file = io.BytesIO()
    np.savez(file, *[np.asarray(leaf) for leaf in jax.tree.leaves(memory)])
    return file.getvalue()


def _restored(data: bytes, like: Memory) -> Memory:
    import jax

    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        leaves = [file[f"arr_{number}"] for number in range(len(file.files))]
    return jax.tree.unflatten(jax.tree.structure(like), leaves)
