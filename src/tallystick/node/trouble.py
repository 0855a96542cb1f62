"""What goes wrong in a member's turn is caught there and noted with its reason; no other turn is touched."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self, final

from .work import Duty


class NotAtHand(LookupError):
    """Something without which a turn cannot be served is not to be had now."""


@dataclass(frozen=True)
class Trouble:
    """Why a member's turn was not served, or not yet."""

    member: str
    duty: Duty
    kind: Literal["unavailable", "failed", "refused", "unsettled"]
    reason: str


@final
class Attempt:
    """Stands around work in which owners' learners and other nodes may do anything: what fails ends there.

    Whatever it is, it is noted, and other requests go on.
    """

    error: Exception | None = None  # what went wrong

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self.error = error if isinstance(error, Exception) else None
        return self.error is not None


def reason_of(error: Exception) -> str:
    """What went wrong, in a line."""
    if isinstance(error, NotAtHand):
        return str(error)
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
