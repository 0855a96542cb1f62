"""Rounds of `mutual` without a ledger, for figures that are about learning only: its own phases, one by one.

Nobody is ill here, so nobody would be evicted: the phases that train and combine are served, judging is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from experiments.mutual.team import held
from experiments.pictures import Pictures
from tallystick.base.ids import digest
from tallystick.learning.learner import Learner, Model
from tallystick.learning.scan import scan
from tallystick.node.worker import InstalledScheme
from tallystick.protocols.plans import Plan
from tallystick.protocols.session import RequestSession
from tallystick.protocols.vocabulary import Bench, Holding, Job, Product, Protocol
from tallystick.simulation.members import Members
from tallystick.simulation.plans import among


@dataclass
class Course:
    """How good the model was after each round."""

    test: list[float] = field(default_factory=list)
    local: list[float] = field(default_factory=list)  # the mean of the members' own accuracies (erratum 25)


class Loop:
    """A request's rounds, as every member would serve them, without anybody's transactions."""

    def __init__(self, scheme: Plan, own: Members, seed: int, protocol: Protocol | None = None) -> None:
        self.own, self.seed = own, seed
        resolved = among(scheme, own, seed).resolved()
        self.protocol, self.session = protocol or resolved.protocol, RequestSession()
        if not isinstance(scheme.learner, Learner):
            raise TypeError(f"these rounds need the learner itself, not its name {scheme.learner!r}")
        measure = resolved.plan.task.measure
        self.bench = Bench(resolved.plan, scheme.learner, measure, scan(), simulated=True)
        self.model: Model = InstalledScheme(self.protocol, self.bench).blank
        self.memory: dict[str, Any] = {}
        self.round = 0

    def step(self) -> Sequence[Product]:
        """One round: all train from the same model, the leader combines; what members posted."""
        self.round += 1
        train, combine = self.protocol.phases[0], self.protocol.phases[-1]
        jobs = [self._job(name) for name in self.own]
        made = train.do.serve(self.bench, jobs)
        self.memory = {job.member: result.memory for job, result in zip(jobs, made, strict=True)}
        posted = {job.member: result.model for job, result in zip(jobs, made, strict=True)}
        weights = {job.member: result.rows for job, result in zip(jobs, made, strict=True)}
        leader = self._job(jobs[0].member, inbox={train.name: posted}, weights=weights)
        (combined,) = combine.do.serve(self.bench, [leader])
        if combined.model is None:
            raise ValueError(f"round {self.round}: nothing could be combined")
        self.model = combined.model
        return made

    def _job(self, name: str, **more: Any) -> Job:
        own = self.own.brought[name]
        holding = Holding(own.training, own.judging, self.memory.get(name))
        secret = digest(b"experiment", f"{self.seed} {name} {self.round}".encode())
        more = {"secret": secret, "session": self.session, **more}
        return Job(name, "experiment", self.round, holding, self.model, **more)


def play(loop: Loop, data: Pictures, rounds: int) -> Course:
    """So many rounds, measured after each on the test set and on the members' own rows."""
    course, learner = Course(), loop.bench.learner
    for _ in range(rounds):
        loop.step()
        course.test.append(float(hits(learner, loop.model, data.test).mean()))
        course.local.append(local_accuracy(learner, loop.model, loop.own))
    return course


def hits(learner: Learner, model: Model, rows: Any) -> Any:
    """For each row whether the model names its label."""
    return np.asarray(learner.predict(model, rows.x)).argmax(axis=1) == rows.y


def local_accuracy(learner: Learner, model: Model, own: Members) -> float:
    """What the paper calls accuracy: the mean over members of the model's accuracy on their own rows."""
    right, first, values = hits(learner, model, held(own)), 0, []
    for rows_of in own.brought.values():
        last = first + len(rows_of.training.y) + len(rows_of.judging.y)
        values.append(right[first:last].mean())
        first = last
    return float(np.mean(values))
