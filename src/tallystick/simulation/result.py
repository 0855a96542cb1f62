"""What a run came to, as plain records: what was asked, what the ledger says, how good it is, the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ..base.task import Task
from ..history import figures
from ..history.replay import RequestHistory
from ..history.statements import PrivacyStatement, privacy_sentence
from ..learning.learner import Model
from ..learning.trained import TrainedModel
from ..privacy.accounting import total
from .setting import Setting


@dataclass(frozen=True)
class Compared:
    """How good each round's model is, beside members alone and all rows pooled, on the same rows."""

    values: Mapping[int, float]  # by round; the first model's is round 0
    alone: Mapping[str, float]
    pooled: float
    on: str  # which rows these are


@dataclass(frozen=True, eq=False, repr=False)
class RunResult:
    """A finished run; everything it says of what happened is read out of the ledger's blocks."""

    setting: Setting
    preset: str
    notes: tuple[str, ...]
    history: RequestHistory
    compared: Compared
    folder: Path
    arrays: Model | None

    @property
    def task(self) -> Task:
        """What was learnt."""
        return self.setting.plan.task

    @property
    def outcome(self) -> str:
        """Settled, or refunded, and why."""
        return f"{self.history.progress.stage}: {self.history.progress.outcome}"

    @property
    def score(self) -> float:
        """The recorded model's value on the rows of the comparison."""
        made = [value for number, value in sorted(self.compared.values.items()) if number]
        return made[-1] if made else float("nan")

    @property
    def model(self) -> TrainedModel:
        """The recorded model."""
        if self.arrays is None or not self.history.models:
            raise LookupError(f"this run ended without a model: {self.outcome}")
        return TrainedModel(self.setting.learner, self.task, self.arrays)

    @cached_property
    def each_round(self) -> tuple[figures.Round, ...]:
        """Every round, as the ledger tells it."""
        return tuple(figures.rounds(self.history))

    @cached_property
    def pay(self) -> tuple[figures.Pay, ...]:
        """What it came to for each member."""
        return tuple(figures.pay(self.history, self.setting.balance))

    @cached_property
    def privacy(self) -> tuple[PrivacyStatement, ...]:
        """ε with what it protects and by which account, or that there is no formal guarantee."""
        return figures.privacy(self.history, total)


def document(result: RunResult) -> dict[str, Any]:
    """What was asked, what came of it, round by round and member by member: what programs read."""
    rounds = [
        {"round": each.number, "complete": each.complete,
         "score": _figure(result.compared.values.get(each.number)), "team": _figure(each.figure),
         "missed": each.missed, "gone": each.gone, "epsilon": each.epsilon}
        for each in result.each_round
    ]  # fmt: skip
    learner = result.setting.learner
    return {
        "preset": result.preset,
        "learner": learner.name,
        "settings": {name: str(value) for name, value in learner.settings.items()},
        "members": list(result.setting.members),
        "seed": result.setting.seed,
        "outcome": result.outcome,
        "measure": result.task.measure.name,
        "score": _figure(result.score),
        "alone": {name: _figure(value) for name, value in result.compared.alone.items()},
        "pooled": _figure(result.compared.pooled),
        "compared_on": result.compared.on,
        "rounds": rounds,
        "added": [str(behaviour) for behaviour in result.setting.behaviours],
        "pay": [vars(each) for each in result.pay],
        "privacy": [*map(privacy_sentence, result.privacy), *result.notes],
        "height": result.history.height,
        "head": result.history.head.hex(),
    }


def _figure(value: float | None) -> float | None:
    """A figure as JSON has it, which knows no NaN."""
    return None if value is None or value != value else value
