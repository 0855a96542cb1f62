"""What a rule combines: the models that members posted in a round, and what is known of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from .learner import NotFinite

Vectors: TypeAlias = npt.NDArray[np.float32]
Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PostedModels:
    """Models in the order of their members, all finite."""

    models: Vectors  # [members, numbers]
    start: Vectors  # [numbers] what all trained from
    weights: npt.NDArray[np.int64]  # rows
    scores: Floats | None = None  # higher is better; NaN where nobody judged
    root: Vectors | None = None  # [numbers] a model that a trusted party trained from the start

    def __post_init__(self) -> None:
        size, numbers = self.models.shape
        if not size:
            raise ValueError("nobody posted a model: there is nothing to combine")
        if self.start.shape != (numbers,) or self.weights.shape != (size,):
            raise ValueError(f"{size} models of {numbers} numbers need a start and weights of those sizes")
        if self.scores is not None and self.scores.shape != (size,):
            raise ValueError(f"{size} models need as many scores, not {len(self.scores)}")
        if (self.weights < 0).any() or not self.weights.any():
            raise ValueError("weights are at least 0, one of them above")
        # A sum may show that something is wrong, and costs less than looking at every number.
        with np.errstate(invalid="ignore", over="ignore"):
            sums = self.models @ np.ones(numbers, np.float32)
        odd = np.flatnonzero(~np.isfinite(sums))
        bad = odd[~np.isfinite(self.models[odd]).all(axis=1)]
        if len(bad):
            raise NotFinite(f"models of members {', '.join(map(str, bad))} hold NaN or infinite values")
        for name, vector in (("start", self.start), ("root", self.root)):
            if vector is not None and not np.isfinite(vector).all():
                raise NotFinite(f"the {name} holds NaN or infinite values")

    def __len__(self) -> int:
        return len(self.models)

    def updates(self) -> Vectors:
        """Each member's step from the start."""
        steps: Vectors = self.models - self.start
        return steps

    def chosen(self, members: npt.NDArray[Any]) -> PostedModels:
        """The same with these members only."""
        scores = None if self.scores is None else self.scores[members]
        return replace(self, models=self.models[members], weights=self.weights[members], scores=scores)


Rule: TypeAlias = Callable[[PostedModels], Vectors]  # to one model
Step: TypeAlias = Callable[[PostedModels], PostedModels]  # before a rule: clipping, mixing, dropping


def after(*steps: Step, rule: Rule) -> Rule:
    """The rule that applies these steps first, in this order."""

    def combined(posted: PostedModels) -> Vectors:
        for step in steps:
            posted = step(posted)
        return rule(posted)

    return combined


def ensure_tolerates(name: str, posted: PostedModels, attackers: int, needed: int) -> None:
    """Refuse a rule that cannot tolerate so many attackers among so few members."""
    if attackers < 0 or len(posted) < needed:
        raise ValueError(
            f"{name} against {attackers} attackers needs at least {needed} members, not {len(posted)}"
        )
