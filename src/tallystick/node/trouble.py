"""What goes wrong in a member's turn is caught there and noted with its reason; no other turn is touched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

from .work import Duty

T = TypeVar("T")


class NotAtHand(LookupError):
    """Something without which a turn cannot be served is not to be had now."""


@dataclass(frozen=True)
class Trouble:
    """Why a member's turn was not served, or not yet."""

    member: str
    duty: Duty
    kind: Literal["unavailable", "failed", "refused", "unsettled"]
    reason: str


def attempt(work: Callable[[], T]) -> T | Exception:
    """What the work came to, or what went wrong: owners' learners and other nodes may do anything."""
    try:
        return work()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is noted, and other requests go on
        return error


def reason_of(error: Exception) -> str:
    """What went wrong, in a line."""
    if isinstance(error, NotAtHand):
        return str(error)
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
