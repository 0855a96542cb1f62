"""The index of live requests: what has not ended is found without looking through all there ever was."""

from ..records import LiveRequest, Request
from ..state import LIVE_REQUESTS, Draft

LIVE = ("forming", "away", "opening", "rounds", "closing", "recording", "approving", "sealed", "certifying")


def enter(draft: Draft, request: Request) -> None:
    """A request begins, on the chain that holds its reward or where its rounds run."""
    form = request.rules.forming
    grader = form.named if form.ability == "graded" else ""
    draft.put(LIVE_REQUESTS, LiveRequest(request.member, grader), request.request)


def remove(draft: Draft, request: str) -> None:
    """A request has ended."""
    draft.delete(LIVE_REQUESTS, request)
