"""A finished run as plain records: what was asked, what the ledger tells, how good it is, the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ..base.task import Task
from ..history import figures as accounts
from ..history.replay import Chronicle
from ..learning.learner import Model
from ..learning.trained import TrainedModel
from .run import Setting


@dataclass(frozen=True)
class Compared:
    """How good each round's model is, beside members alone and all rows pooled, on the same rows."""

    values: Mapping[int, float]  # by round; the first model's is round 0
    alone: Mapping[str, float]
    pooled: float
    on: str  # which rows these are


@dataclass(frozen=True, eq=False, repr=False)
class Finished:
    """Everything it tells of what happened is read out of the ledger's blocks."""

    setting: Setting
    preset: str
    notes: tuple[str, ...]
    chronicle: Chronicle
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
        return f"{self.chronicle.progress.stage}: {self.chronicle.progress.outcome}"

    @property
    def score(self) -> float:
        """The recorded model's value on the rows of the comparison."""
        made = [value for number, value in sorted(self.compared.values.items()) if number]
        return made[-1] if made else float("nan")

    @property
    def model(self) -> TrainedModel:
        """The recorded model."""
        if self.arrays is None or not self.chronicle.models:
            raise LookupError(f"this run ended without a model: {self.outcome}")
        return TrainedModel(self.setting.learner, self.task, self.arrays)

    @cached_property
    def each_round(self) -> tuple[accounts.Round, ...]:
        """Every round, as the ledger tells it."""
        return tuple(accounts.rounds(self.chronicle, self.task.measure))

    @cached_property
    def pay(self) -> tuple[accounts.Pay, ...]:
        """What it came to for each member."""
        return tuple(accounts.pay(self.chronicle, self.setting.balance))

    @cached_property
    def privacy(self) -> tuple[str, ...]:
        """ε with what it protects and by which account, or that there is no formal guarantee."""
        return tuple(accounts.privacy(self.chronicle))
