"""Bugs about privacy: what is charged, reserved and released, and which grants still hold."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from tallystick.base.merkle import EMPTY
from tallystick.ledger.budgets import reservations
from tallystick.ledger.handlers import requests, units
from tallystick.ledger.state import GRANTS, LINEAGES, RESERVATIONS, UNITS
from tests.ledger.model.bugs.planting import Bugs, Function, nothing

BUGS = Bugs()


@BUGS.plant("a phase opens uncharged", reservations, "charge")
def _(sound: Function) -> Function:
    return nothing


@BUGS.plant("a reservation is never released", reservations, "_release_one")
def _(sound: Function) -> Function:
    def release_one(draft: Any, request: str, member: str, unit: str, used: bool) -> None:
        held = draft.find(RESERVATIONS, request, member, unit)
        before = draft.get(LINEAGES, held.lineage) if held else None
        sound(draft, request, member, unit, used)
        if held:
            draft.put(LINEAGES, before, held.lineage)

    return release_one


@BUGS.plant("one round is reserved for all", reservations, "worst_case")
def _(sound: Function) -> Function:
    return lambda rules, use, rounds: sound(rules, use, 1)


@BUGS.plant("the budget is not looked at", reservations, "ensure_affordable")
def _(sound: Function) -> Function:
    return nothing


@BUGS.plant("uses of a grant are not counted", reservations, "_reserve_one")
def _(sound: Function) -> Function:
    def reserve_one(draft: Any, request: Any, owner: str, use: Any, rounds: int) -> None:
        used = draft.get(GRANTS, use.grant).used
        sound(draft, request, owner, use, rounds)
        draft.change(GRANTS, use.grant, used=used)

    return reserve_one


@BUGS.plant("a revoked grant goes on", reservations, "_lapsed")
def _(sound: Function) -> Function:
    return lambda draft, request, grant: sound(draft, request, replace(grant, revoked=False))


@BUGS.plant("an ended grant goes on", reservations, "_lapsed")
def _(sound: Function) -> Function:
    return lambda draft, request, grant: sound(draft, request, replace(grant, until=grant.until + 1))


@BUGS.plant("rows come back with a fresh budget", units, "_joined_lineage")
def _(sound: Function) -> Function:
    def joined_lineage(draft: Any, body: Any) -> Any:
        return sound(draft, replace(body, training_root=EMPTY, judging_root=EMPTY))

    return joined_lineage


@BUGS.plant("a grant outlives its owner's unit", reservations, "why_not_granted")
def _(sound: Function) -> Function:
    def why_not_granted(draft: Any, request: Any, owner: str, use: Any) -> Any:
        unit = draft.find(UNITS, use.unit)
        if unit is None:
            return sound(draft, request, owner, use)
        draft.put(UNITS, replace(unit, owner=owner), use.unit)
        try:
            return sound(draft, request, owner, use)
        finally:
            draft.put(UNITS, unit, use.unit)

    return why_not_granted


@BUGS.plant("what was withdrawn is reused", requests, "_given_no_longer")
def _(sound: Function) -> Function:
    return lambda *_: False


@BUGS.plant("what is made for one is reused by all", requests, "_for_another")
def _(sound: Function) -> Function:
    return lambda *_: False
