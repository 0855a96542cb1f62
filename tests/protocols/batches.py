"""A batch of members with two numbers to learn, whose training is written down instead of done."""

from __future__ import annotations

from typing import Any

import numpy as np

from tallystick.base.ids import digest
from tallystick.learning import fixed_point
from tallystick.learning.cohort import CohortResult, Work
from tallystick.learning.learner import Model, Rows, vector_of
from tallystick.learning.models import linear
from tallystick.protocols.request_plan import RequestPlan
from tallystick.protocols.session import RequestSession
from tallystick.protocols.vocabulary import Bench, Holding, Job
from tests.learning.cohorts import invented_task

TASK, LEARNER = invented_task((2,), 0), linear()
PLAN = RequestPlan(TASK, "toy", "1", LEARNER.name, LEARNER.version, digest(b"source"), batch=4)


def model(*numbers: float) -> Model:
    return {"w": np.array(numbers, np.float32)}


class Written:
    """A runner that notes what it is asked for; every model moves on by as much as its member has rows."""

    def __init__(self) -> None:
        self.works: list[Work] = []

    def __call__(self, work: Work) -> CohortResult:
        self.works.append(work)
        counts = work.cohort.counts
        models = np.stack([vector_of(work.start_of(n)) + np.float32(rows) for n, rows in enumerate(counts)])
        memory = tuple((f"after {work.memory[n]}" if work.memory else None) for n in range(len(counts)))
        loss = np.zeros(len(counts), np.float32)
        return CohortResult(work.like, models, None, 0, (), memory, loss, fixed_point.DEFAULT)


def bench(runner: Written, simulated: bool = True) -> Bench:
    return Bench(PLAN, LEARNER, TASK.measure, runner, simulated)


def rows(count: int) -> Rows:
    return Rows(np.zeros((count, 2), np.float32), np.zeros(count, np.float32))


def job(member: str = "ada", count: int = 4, start: Model | None = None, **more: Any) -> Job:
    """What a member with so many rows has to do."""
    held = {name: more.pop(name) for name in ("memory", "gradient", "event") if name in more}
    holding = Holding(rows(count), rows(0), **held)
    given = {"session": RequestSession(), "secret": member.encode(), **more}
    return Job(member, "request-1", given.pop("round", 1), holding, start or model(0, 0), **given)
