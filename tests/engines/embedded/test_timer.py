"""The timer: acts when no time is left, sleeps while nothing is expected, and ends when told to."""

from __future__ import annotations

import threading

from tallystick.engines.embedded.timer import Timer
from tallystick.engines.engine import EngineStopped

SOON = 10.0  # seconds that a test waits for what comes at once


class Work:
    """So many blocks are due, each at once."""

    def __init__(self, due: int = 0, fails: bool = False) -> None:
        self.due, self.fails = due, fails
        self.made = 0
        self.idle = threading.Event()

    def due_in(self) -> float | None:
        if self.due:
            return 0.0
        self.idle.set()
        return None

    def act(self) -> None:
        if self.fails:
            self.idle.set()
            raise EngineStopped("the disk is full")
        self.due -= 1
        self.made += 1


def test_what_is_due_is_done_and_then_it_rests():
    work = Work(due=3)
    timer = Timer(work.due_in, work.act)
    assert work.idle.wait(SOON)
    timer.end()
    assert (work.made, work.due) == (3, 0)


def test_it_is_woken_by_what_comes():
    work = Work()
    timer = Timer(work.due_in, work.act)
    assert work.idle.wait(SOON)
    work.idle.clear()
    work.due = 1
    timer.wake()
    assert work.idle.wait(SOON)
    timer.end()
    assert work.made == 1


def test_it_acts_once_the_time_is_over_and_not_before():
    left = iter([0.05, 0.05, 0.0, None])
    acted = threading.Event()
    asked: list[float | None] = []

    def due_in() -> float | None:
        asked.append(next(left, None))
        return asked[-1]

    timer = Timer(due_in, acted.set)
    assert acted.wait(SOON)
    timer.end()
    assert asked[:3] == [0.05, 0.05, 0.0]


def test_it_ends_with_its_engine_and_can_be_ended_after_that():
    work = Work(due=1, fails=True)
    timer = Timer(work.due_in, work.act)
    assert work.idle.wait(SOON)
    timer.end()
    assert work.made == 0
