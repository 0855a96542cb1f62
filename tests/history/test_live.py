"""Who follows a run hears what a replay of its ledger tells, and holds nobody up."""

from __future__ import annotations

from pathlib import Path
from threading import Thread

from tallystick.engines.embedded.engine import EmbeddedEngine
from tallystick.history.live import MomentStream
from tallystick.history.moments import Moment
from tallystick.ledger.notices import RequestEnded
from tallystick.simulation.setting import genesis_of, validator_of
from tests.history.followed import REQUEST, Followed
from tests.simulation.digits import TASK, setting


def test_a_stream_and_a_replay_tell_the_same_moments(followed: Followed) -> None:
    assert followed.prompt == followed.history.moments
    assert len(followed.prompt) > 100
    assert any(moment.scores for moment in followed.prompt)


def test_who_reads_late_hears_the_same(followed: Followed) -> None:
    """Judges' phases are noted when they open: by the end, others stand in their place."""
    assert followed.late == followed.history.moments


def test_a_stream_ends_with_its_request(followed: Followed) -> None:
    assert isinstance(followed.prompt[-1].notice, RequestEnded)


def idle(folder: Path) -> EmbeddedEngine:
    given = setting("averaging", 1)
    return EmbeddedEngine(
        folder, keys=[validator_of(given)], genesis=genesis_of(given), clock=lambda: given_time
    )


given_time = 1_700_000_000_000


def test_nothing_is_waited_for_unless_somebody_asks(tmp_path: Path) -> None:
    with idle(tmp_path / "ledger") as engine, MomentStream(engine, TASK.measure, REQUEST) as stream:
        assert stream.waiting() == []
        assert stream.next(timeout=0.01) == []


def test_who_waits_for_a_block_waits_no_longer_when_the_stream_closes(tmp_path: Path) -> None:
    heard: list[list[Moment]] = []
    with idle(tmp_path / "ledger") as engine:
        stream = MomentStream(engine, TASK.measure, REQUEST)
        reader = Thread(target=lambda: heard.append(list(stream)))
        reader.start()
        stream.close()
        reader.join(20)
        assert heard == [[]]
        engine.tick()
        assert stream.waiting() == []


def test_moments_are_made_without_the_lock_under_which_blocks_are(tmp_path: Path) -> None:
    """A reader finishes while another thread holds the engine, so the engine never waits for a reader."""
    with idle(tmp_path / "ledger") as engine, MomentStream(engine, TASK.measure, REQUEST) as stream:
        engine.tick()
        done: list[list[Moment]] = []
        with engine._work:
            reader = Thread(target=lambda: done.append(stream.waiting()), daemon=True)
            reader.start()
            reader.join(20)
            assert done == [[]]
