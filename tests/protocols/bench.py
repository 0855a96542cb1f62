"""A bench with tiny learners, jobs for it, and runs of a preset on a real ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import structs

from tallystick.base.ids import digest
from tallystick.learning import payload
from tallystick.learning.learner import Learner, Model, Rows
from tallystick.learning.models import linear, mlp
from tallystick.learning.scan import scan
from tallystick.node.worker import seed_key
from tallystick.protocols.composing import composed
from tallystick.protocols.request_plan import RequestPlan
from tallystick.protocols.vocabulary import Bench, Holding, Job, Protocol
from tallystick.simulation.run import Ended, simulate
from tallystick.simulation.setting import Setting
from tests.simulation.digits import LEARNER, TASK, brought, setting

SOFTMAX, MLP = linear(), mlp(16)
PLAN = RequestPlan(TASK, "averaging", "1", SOFTMAX.name, SOFTMAX.version, digest(b"source"))
ROWS = [(one.training, one.judging) for one in brought().values()]
# What small trials need of a preset: its judges have some hundred rows each, and no analyst applies.
SMALL: dict[str, dict[str, Any]] = {
    "relay": {"fewest": 50},
    "mutual": {"fewest": 50},
    "secure_averaging": {"leader": "first"},
}


def bench(learner: Learner = SOFTMAX, **settings: str) -> Bench:
    plan = structs.replace(PLAN, settings=tuple(settings.items()))
    return Bench(plan, learner, TASK.measure, scan(), simulated=True)


def first_model(learner: Learner = SOFTMAX) -> Model:
    return {name: np.asarray(part) for name, part in learner.init(PLAN, seed_key(PLAN)).items()}


def job(member: int = 0, **more: Any) -> Job:
    training, judging = ROWS[member]
    holding = more.pop("holding", Holding(training, judging))
    name = f"site-{member}"
    return Job(name, "request", more.pop("round", 1), holding, more.pop("start", first_model()), **more)


def rows(member: int) -> Rows:
    return ROWS[member][0]


def small(name: str, **more: Any) -> Protocol:
    """A preset as small trials have it."""
    settings = {"size": 5, "deposit": 0, "rounds": 2, **SMALL.get(name, {}), **more}
    return composed(name, settings).protocol


def ran(protocol: Protocol, folder: Path, rounds: int = 2, learner: Learner = LEARNER, **more: Any) -> Ended:
    """A request under this protocol, on a real ledger; all see the same plan, whatever the protocol."""
    named = more.pop("settings", ())
    given: Setting = setting("averaging", rounds, **more)
    plan = structs.replace(given.plan, settings=named)
    return simulate(replace(given, plan=plan, protocol=protocol, learner=learner), folder / "ledger")


def arrays(ended: Ended, learner: Learner = LEARNER) -> Mapping[str, Any]:
    """The model that a request ended with."""
    assert ended.model is not None
    return payload.decode(ended.model, payload.specs_of(first_model(learner)))[1]


def said(ended: Ended, kind: str) -> list[Any]:
    """What the ledger said of this kind."""
    return [notice for _, notice in ended.notices if type(notice).__name__ == kind]
