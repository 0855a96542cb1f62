"""What sharing is compared with: each member by itself, and all rows in one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..learning.batches import keys_of, shuffles
from ..learning.cohort import Cohort, Work
from ..learning.learner import Model, Rows, model_of
from .setting import Brought, Setting


@dataclass(frozen=True)
class Baselines:
    """The measure of members alone and of all data pooled, on the same rows."""

    alone: Mapping[str, float]
    pooled: float


def baselines(setting: Setting, first: Model, test: Rows) -> Baselines:
    """Train as long as the members train together: `rounds` times `epochs`, from the same first model."""
    alone = _trained(setting, first, setting.members, test)
    together = {"pooled": _pooled(setting.members)}
    pooled = _trained(setting, first, together, test)["pooled"]
    return Baselines(alone, pooled)


def _pooled(members: Mapping[str, Brought]) -> Brought:
    parts = [member.training for member in members.values()]
    rows = Rows(np.concatenate([part.x for part in parts]), np.concatenate([part.y for part in parts]))
    return Brought(rows, rows, (b"", b""))


def _trained(setting: Setting, first: Model, members: Mapping[str, Brought], test: Rows) -> dict[str, float]:
    plan, learner = setting.plan, setting.learner
    cohort = Cohort(tuple(member.training for member in members.values()))
    keys = keys_of([(setting.seed, "baseline", name) for name in members])
    orders = shuffles(cohort.counts, plan.batch, plan.epochs * setting.rounds, keys)
    work = Work(learner, cohort, first, first, orders, keys, models=True, total=False)
    models = setting.runner(work).models
    measure = plan.task.measure
    measured = {}
    for name, row in zip(members, models if models is not None else (), strict=True):
        measured[name] = float(learner.evaluate(model_of(row, first), test, measure))
    return measured
