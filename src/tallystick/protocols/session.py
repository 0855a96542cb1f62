"""What one process keeps of one request while it serves it: a trail of posts, rows on devices, a judge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..learning.cohort import Cohort
from ..learning.judge import Judge, judging
from ..learning.learner import Rows, Vector

COHORTS = 64  # kept at a time


@dataclass(eq=False)
class Trail:
    """What a request's posts came to, as far as this process saw them: public, not durable."""

    updates: dict[str, Vector] = field(default_factory=dict)  # each member's hops together
    rounds: set[int] = field(default_factory=set)
    round: int = 0  # the last one that was judged here: what it started from, and each member's step
    start: Vector | None = None
    steps: dict[str, Vector] = field(default_factory=dict)
    replayers: tuple[str, ...] = ()  # of them, who took an earlier step once more


@dataclass(eq=False)
class RequestSession:
    """Nothing here is needed to go on: after a restart an empty one serves as well, at some cost of time."""

    trail: Trail = field(default_factory=Trail)
    judge: Judge = field(default_factory=judging)
    _cohorts: dict[tuple[str, ...], Cohort] = field(default_factory=dict)

    def cohort(self, purpose: str, members: Sequence[str], rows: Sequence[Rows]) -> Cohort:
        """These members' rows together; the same object while the rows are, so that devices keep them."""
        names = (purpose, *members)
        kept = self._cohorts.get(names)
        if kept is not None and _same(kept.members, rows):
            return kept
        self._cohorts.pop(names, None)
        while len(self._cohorts) >= COHORTS:
            del self._cohorts[next(iter(self._cohorts))]
        made = self._cohorts[names] = Cohort(tuple(rows))
        return made


def _same(kept: Sequence[Rows], rows: Sequence[Rows]) -> bool:
    """Whether these are the very arrays that were kept."""
    pairs = zip(kept, rows, strict=True)
    return all(mine is theirs for old, new in pairs for mine, theirs in zip(old, new, strict=True))
