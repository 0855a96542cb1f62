"""What a sub-chain may spend of units: a part reserved on the main chain, charged here as phases open."""

from ...base.events import Unaccounted
from ..budgets import reservations
from ..budgets.costs import cost_of
from ..records import Allocation, Place, Request
from ..rules import PhaseRule
from ..state import ALLOCATIONS, GRANTS, RESERVATIONS, REVOKED, Draft
from .messages import Left


def of_place(draft: Draft, request: str, place: Place) -> list[tuple[str, Allocation]]:
    """On the main chain: what a place has reserved, as it goes to the chain where the rounds run."""
    allocated = []
    for use in place.units:
        held = draft.get(RESERVATIONS, request, place.member, use.unit)
        until = draft.get(GRANTS, use.grant).until
        allocation = Allocation(use.unit, use.grant, until, held.left, held.events)
        allocated.append((place.member, allocation))
    return allocated


def why_ended(draft: Draft, request: str, place: Place) -> str | None:
    """Why a member's units may not be used from here on, or None."""
    for use in place.units:
        allocated = draft.find(ALLOCATIONS, request, place.member, use.unit)
        if allocated is None:
            return "nothing of it is allocated"
        if draft.find(REVOKED, use.grant) is not None:
            return "its grant is revoked"
        if draft.time >= allocated.until:
            return f"its grant ended at {allocated.until}"
    return None


def charge(draft: Draft, request: Request, rule: PhaseRule, place: Place) -> None:
    """Make this phase's cost final for a member; more than was allocated cannot be spent."""
    for use in place.units:
        event = reservations.event_for(rule, use)
        if event is None:
            continue
        where = (request.request, place.member, use.unit)
        allocated = draft.get(ALLOCATIONS, *where)
        if isinstance(event, Unaccounted):
            draft.change(ALLOCATIONS, *where, unaccounted=allocated.unaccounted + 1)
        else:
            draft.change(ALLOCATIONS, *where, left=allocated.left - cost_of(event, rule.rows))


def left(draft: Draft, request: str) -> tuple[Left, ...]:
    """What is left of all allocations of a request."""
    return tuple(
        Left(key.split("/")[2], allocated.unit, allocated.left, allocated.unaccounted)
        for key, allocated in draft.scan(ALLOCATIONS, request)
    )
