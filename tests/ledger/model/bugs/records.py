"""Bugs about records: who elects, whose figures agree, what a test that was never opened means."""

from __future__ import annotations

from typing import Any

from tallystick.base.fixed import median
from tallystick.ledger.requests import elections
from tallystick.ledger.state import PLACES, PROGRESS, TEAMS
from tests.ledger.model.bugs.planting import Bugs, Function, nothing, swapped

BUGS = Bugs()


@BUGS.plant("half of the electorate suffices", elections, "_enough")
def _(sound: Function) -> Function:
    def enough(request: Any, approving: int, electorate: int) -> Any:
        half = not request.rules.electing.unanimous and 2 * approving >= electorate
        return half or sound(request, approving, electorate)

    return enough


@BUGS.plant("who has left elects", elections, "_electorate")
def _(sound: Function) -> Function:
    def electorate(draft: Any, request: Any, progress: Any) -> Any:
        members = draft.get(TEAMS, request.request).active
        return [draft.get(PLACES, request.request, m) for m in members if m != request.member]

    return electorate


@BUGS.plant("an approver is its own judge", elections, "_median_of_others")
def _(sound: Function) -> Function:
    def median_of_others(ordered: Any, figure: int) -> Any:
        rest = len(ordered) - 1
        return median([ordered[k] for k in ((rest - 1) // 2, rest // 2)]) if rest else figure

    return median_of_others


@BUGS.plant("an unopened test counts against the team", elections, "test_unopened")
def _(sound: Function) -> Function:
    def test_unopened(draft: Any, name: str) -> None:
        settle = elections._settle_tested
        with swapped(elections, _settle_tested=nothing):
            sound(draft, name)
        draft.change(PROGRESS, name, reached=False)
        settle(draft, name)

    return test_unopened
