"""The due-queue: what deadlines will do, in the order in which they come due."""

from .records import Due, DueStep
from .state import DUE, Draft

AT_ONCE = 64  # a team up to this size goes on within the transaction that completes a phase


def schedule(draft: Draft, deadline: int, step: DueStep, of: str) -> None:
    """Let this happen as soon as block time has reached the deadline."""
    draft.put(DUE, Due(step, of), deadline, step, of)


def cancel(draft: Draft, deadline: int, step: str, of: str) -> None:
    """Let it not happen."""
    draft.delete(DUE, deadline, step, of)


def is_due(draft: Draft, deadline: int) -> bool:
    """Whether block time has reached a deadline."""
    return draft.time >= deadline
