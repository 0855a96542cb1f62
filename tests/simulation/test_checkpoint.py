"""What was made is on disk before any of it is sent, and comes back as it was."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tallystick.engines.embedded.engine import EmbeddedEngine
from tallystick.learning.models import mlp
from tallystick.ledger import transactions as tx
from tallystick.ledger.transactions import Unsealed, unseal
from tallystick.simulation.checkpoint import Checkpoint
from tallystick.simulation.run import simulate
from tests.simulation.digits import setting


def kept(file: Path) -> tuple[set[bytes], set[str]]:
    """The payloads and the members with work that another process would find."""
    with sqlite3.connect(file) as database:
        payloads = {name for (name,) in database.execute("SELECT name FROM payloads")}
        members = {member for (member,) in database.execute("SELECT member FROM work")}
    database.close()
    return payloads, members


def test_a_model_is_on_disk_before_its_post_is_handed_in(tmp_path: Path) -> None:
    file, posted = tmp_path / "work.db", []

    def begin(*given: Any, **named: Any) -> EmbeddedEngine:
        engine = EmbeddedEngine(*given, **named)
        submit = engine.submit

        def looked(transaction: bytes | Unsealed) -> Any:
            read = unseal(transaction) if isinstance(transaction, bytes) else transaction
            envelope = read.envelope
            body = None if envelope is None else envelope.body
            if isinstance(body, tx.Post) and isinstance(body.content, tx.posts.Model):
                payloads, members = kept(file)
                posted.append(envelope.member)
                assert body.content.payload.plaintext in payloads and envelope.member in members
            return submit(transaction)

        engine.submit = looked  # type: ignore[method-assign]
        return engine

    simulate(setting("averaging", 1), tmp_path / "ledger", None, file, begin)
    assert {"site-0", "site-4"} <= set(posted)


def test_a_learners_memory_comes_back_in_its_shape(tmp_path: Path) -> None:
    adam = mlp(8, rate=0.01, optimiser="adam")
    given = replace(setting("averaging", 1), learner=adam)
    simulate(given, tmp_path / "ledger", checkpoint=tmp_path / "work.db")
    with sqlite3.connect(tmp_path / "work.db") as database:
        leaves = [data for (data,) in database.execute("SELECT leaves FROM memories")]
    database.close()
    assert len(leaves) == 5 and len(set(leaves)) == 5


def test_without_a_path_nothing_is_written(tmp_path: Path) -> None:
    checkpoint = Checkpoint(None)
    run: Any = None  # is not looked at
    checkpoint.begin_turn(run)
    checkpoint.save(run)
    checkpoint.restore(run)
    checkpoint.close()
    assert list(tmp_path.iterdir()) == []


def test_a_finished_run_leaves_nothing_of_it(tmp_path: Path) -> None:
    for ending in ("", "-wal", "-shm"):
        (tmp_path / f"work.db{ending}").write_bytes(b"x")
    Checkpoint.remove(tmp_path / "work.db")
    assert list(tmp_path.iterdir()) == []
    Checkpoint.remove(tmp_path / "work.db")


@pytest.mark.parametrize("went_through", [True, False])
def test_time_is_as_it_stood_when_the_batch_was_sent_or_lost(tmp_path: Path, went_through: bool) -> None:
    def live(now: int, height: int) -> Any:
        return SimpleNamespace(
            payloads=SimpleNamespace(kept={}, withheld=set()),
            nodes={},
            marks={("mark", str(now)): now},
            clock=SimpleNamespace(now=now),
            engine=SimpleNamespace(status=lambda: SimpleNamespace(height=height)),
        )

    checkpoint, run = Checkpoint(tmp_path / "work.db"), live(1, 4)
    checkpoint.begin_turn(run)
    run.clock.now, run.marks["late", "5"] = 5, 5
    checkpoint.save(run)
    checkpoint.close()
    restored = live(0, 5 if went_through else 4)
    again = Checkpoint(tmp_path / "work.db")
    again.restore(restored)
    again.close()
    assert restored.clock.now == (5 if went_through else 1)
    assert (("late", "5") in restored.marks) is went_through
