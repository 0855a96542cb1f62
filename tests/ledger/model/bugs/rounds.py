"""Bugs about rounds: what counts as a post, who judges whom, whom a round drops, expels and pays."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from tallystick.base.ids import digest
from tallystick.ledger.handlers import rounds as posting
from tallystick.ledger.requests import evictions, live, misconduct, phases, rounds, scoring, seats, turns
from tallystick.ledger.state import PLACES, POSTS, PROGRESS
from tests.ledger.model.bugs.planting import Bugs, Function, nothing, swapped

BUGS = Bugs()


@BUGS.plant("one posts twice", posting, "post")
def _(sound: Function) -> Function:
    def post(draft: Any, body: Any) -> None:
        progress = draft.find(PROGRESS, body.request)
        if progress is not None and progress.phase >= 0:
            draft.delete(POSTS, body.request, progress.phase, draft.sender)
        sound(draft, body)

    return post


@BUGS.plant("any salt will do", posting, "post")
def _(sound: Function) -> Function:
    def post(draft: Any, body: Any) -> None:
        def commitment(request: str, member: str, _: bytes) -> Any:
            return draft.get(PLACES, request, member).commitment

        with swapped(posting, salt_commitment=commitment):
            sound(draft, body)

    return post


@BUGS.plant("any scores are revealed", posting, "reveal")
def _(sound: Function) -> Function:
    def reveal(draft: Any, body: Any) -> None:
        def commitment(request: str, *_: Any) -> Any:
            index = draft.get(PROGRESS, request).phase
            return draft.get(POSTS, request, index, draft.sender).content.commitment

        with swapped(posting, score_commitment=commitment):
            sound(draft, body)

    return reveal


@BUGS.plant("a copy counts", posting, "_note_model")
def _(sound: Function) -> Function:
    def note_model(draft: Any, request: Any, rule: Any, progress: Any, body: Any) -> Any:
        with swapped(posting, _own=lambda *_: True):
            return sound(draft, request, rule, replace(progress, model=b""), body)

    return note_model


@BUGS.plant("a quorum is not needed", phases, "_enough")
def _(sound: Function) -> Function:
    return lambda rule, phase, standing: sound(replace(rule, quorum=0), phase, standing)


@BUGS.plant("one judges oneself", turns, "subjects_of")
def _(sound: Function) -> Function:
    def subjects_of(rule: Any, phase: Any, judge: str) -> Any:
        drawn = phase.circle and rule.turn.startswith("drawn")
        return sound(rule, phase, judge) if drawn else tuple(phase.subjects)

    return subjects_of


@BUGS.plant("half may lose a model", scoring, "half_had_none")
def _(sound: Function) -> Function:
    return lambda lost, judges: 2 * lost > judges


@BUGS.plant("half may call one idle", scoring, "called_idle")
def _(sound: Function) -> Function:
    return lambda lazy, judges: 2 * lazy > judges


@BUGS.plant("the start is forgotten", scoring, "gains")
def _(sound: Function) -> Function:
    return lambda rules, one_by_one, start, order, figures: sound(rules, one_by_one, None, order, figures)


@BUGS.plant("withheld salts are forgiven", seats, "depart")
def _(sound: Function) -> Function:
    def depart(draft: Any, request: str, leaving: Any, status: str) -> None:
        if status != "forfeited":
            sound(draft, request, leaving, status)

    return depart


@BUGS.plant("the salts do not matter", rounds, "_end_opening")
def _(sound: Function) -> Function:
    def end_opening(draft: Any, request: Any) -> None:
        with swapped(rounds, digest=lambda *parts: digest(*parts[:2])):
            sound(draft, request)

    return end_opening


@BUGS.plant("the best is evicted", evictions, "evicted")
def _(sound: Function) -> Function:
    def evicted(draft: Any, request: Any, state: Any) -> Any:
        if request.rules.evicting.kind != "worst":
            return sound(draft, request, state)
        better = scoring.better
        with swapped(scoring, better=lambda rules, figure, other: better(rules, other, figure)):
            return sound(draft, request, state)

    return evicted


@BUGS.plant("who gained little is evicted", misconduct, "outliers")
def _(sound: Function) -> Function:
    def outliers(*given: Any) -> Any:
        with swapped(misconduct, _harm=lambda _: -(2**60)):
            return sound(*given)

    return outliers


@BUGS.plant("half may call a model harmful", misconduct, "_borne_out")
def _(sound: Function) -> Function:
    return lambda worse, judges: judges >= misconduct.TELLING and 2 * worse > judges


@BUGS.plant("being expelled is free", evictions, "_expel")
def _(sound: Function) -> Function:
    def expel(draft: Any, request: Any, state: Any, complete: bool) -> None:
        name = request.request
        before = {member: draft.get(PLACES, name, member).idle for member in state.faulty}
        sound(draft, request, state, complete)
        for member, idle in before.items():
            draft.change(PLACES, name, member, idle=idle)

    return expel


@BUGS.plant("idle rounds are paid", rounds, "_completed")
def _(sound: Function) -> Function:
    def completed(draft: Any, request: Any, progress: Any, state: Any, *rest: Any) -> Any:
        return sound(draft, request, progress, replace(state, idle=()), *rest)

    return completed


@BUGS.plant("data is taken back for free", seats, "release_unentitled")
def _(sound: Function) -> Function:
    def release_unentitled(*given: Any) -> Any:
        with swapped(turns, ahead=lambda *_: 0):
            return sound(*given)

    return release_unentitled


@BUGS.plant("an ended request stays listed as live", live, "remove")
def _(sound: Function) -> Function:
    return nothing
