"""Bugs about money: fines, compensation, escrows, shares, credit, stakes and caps."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from tallystick.base import fixed
from tallystick.ledger import rejections as no
from tallystick.ledger.handlers import requests, teams, tokens
from tallystick.ledger.requests import elections, live, phases, seats, settlement, turns
from tallystick.ledger.state import CHAIN, PAIRS, PLACES, POSTS, PROGRESS
from tallystick.ledger.transactions import Committed
from tests.ledger.model.bugs.planting import Bugs, Function, swapped

BUGS = Bugs()


@BUGS.plant("a missed turn costs nothing", settlement, "fines")
def _(sound: Function) -> Function:
    def fines(request: Any, place: Any, all_turns: int) -> tuple[int, int]:
        return 0, sound(request, place, all_turns)[1]

    return fines


@BUGS.plant("idling costs nothing", settlement, "fines")
def _(sound: Function) -> Function:
    def fines(request: Any, place: Any, all_turns: int) -> Any:
        printed = request.rules.paying.penalties == "as_printed"
        return sound(request, place if printed else replace(place, idle=0), all_turns)

    return fines


@BUGS.plant("compensation is lost", settlement, "_compensate")
def _(sound: Function) -> Function:
    return lambda *_: 0


@BUGS.plant("a remainder is lost", fixed, "split")
def _(sound: Function) -> Function:
    def split(total: int, weights: Any, remainder_to: int = 0) -> tuple[int, ...]:
        parts, whole = list(sound(total, weights, remainder_to)), sum(weights)
        parts[remainder_to] = total * weights[remainder_to] // whole if whole else total // len(weights)
        return tuple(parts)

    return split


@BUGS.plant("deposits stay behind", settlement, "_end")
def _(sound: Function) -> Function:
    def end(draft: Any, request: Any, progress: Any, places: Any, *rest: Any) -> None:
        all_turns = sum(place.turns for place in places)
        kept = {p.member: p.deposit - sum(settlement.fines(request, p, all_turns)) for p in places}
        sound(draft, request, progress, places, *rest)
        for member, amount in kept.items():
            seats.debit_account(draft, member, amount)

    return end


@BUGS.plant("the escrow is not returned", settlement, "_return_rest")
def _(sound: Function) -> Function:
    return lambda draft, request, amount: sound(draft, request, amount if request.parent else 0)


@BUGS.plant("a purchase's rest is lost", settlement, "_return_rest")
def _(sound: Function) -> Function:
    def return_rest(draft: Any, request: Any, amount: int) -> None:
        sound(draft, request, amount)
        above = draft.get(PROGRESS, request.parent) if request.parent else None
        if above is not None and above.stage in live.LIVE:
            draft.change(PROGRESS, request.parent, escrow=above.escrow - amount)

    return return_rest


@BUGS.plant("the leader's share is paid twice", settlement, "_lump")
def _(sound: Function) -> Function:
    def lump(progress: Any, leader_share: bool, shares: Any, payable: int) -> list[tuple[str, int]]:
        base = payable // len(shares) if leader_share else 0
        parts = sound(progress, False, shares, payable)
        return [(member, part + base * (member == progress.leader)) for member, part in parts]

    return lump


@BUGS.plant("missed quality is paid", settlement, "_rewards")
def _(sound: Function) -> Function:
    def rewards(request: Any, progress: Any, places: Any, shares: Any, payable: int) -> Any:
        if not progress.reached:
            pay = request.rules.paying
            promised = request.reward - pay.recorder_fee - pay.analyst_fee - progress.purchased
            payable = min(max(0, promised), progress.escrow)
        return sound(request, progress, places, shares, payable)

    return rewards


@BUGS.plant("the cap on shares is ignored", settlement, "weights")
def _(sound: Function) -> Function:
    def weights(request: Any, places: Any) -> Any:
        with swapped(settlement, capped_weights=list):
            return sound(request, places)

    return weights


@BUGS.plant("credit is gained twice", settlement, "_credit")
def _(sound: Function) -> Function:
    def credit(draft: Any, request: Any, earned: Any, lost: Any) -> None:
        sound(draft, request, {member: 2 * amount for member, amount in earned.items()}, lost)

    return credit


@BUGS.plant("friends earn full credit", settlement, "_credit")
def _(sound: Function) -> Function:
    def credit(draft: Any, request: Any, earned: Any, lost: Any) -> None:
        settled = {m: draft.find(PAIRS, request.member, m) for m in earned}
        often = {m: min(pair.settled, 60) if pair else 0 for m, pair in settled.items()}
        sound(draft, request, {m: amount << often[m] for m, amount in earned.items()}, lost)

    return credit


@BUGS.plant("a stake is lost on the bench", seats, "give_back")
def _(sound: Function) -> Function:
    return lambda draft, request, application: sound(draft, request, replace(application, locked=0))


@BUGS.plant("tokens are copied", tokens, "transfer")
def _(sound: Function) -> Function:
    def transfer(draft: Any, body: Any) -> None:
        sound(draft, body)
        seats.credit_account(draft, draft.sender, body.amount)

    return transfer


@BUGS.plant("the cap is passed", tokens, "ensure_below_cap")
def _(sound: Function) -> Function:
    def ensure_below_cap(draft: Any, amount: int) -> None:
        try:
            sound(draft, amount)
        except no.OverCap:
            if amount > draft.get(CHAIN).cap:
                raise

    return ensure_below_cap


@BUGS.plant("the limit of purchases is ignored", requests, "_ensure_parent")
def _(sound: Function) -> Function:
    def ensure_parent(draft: Any, body: Any) -> Any:
        sound(draft, body)
        return draft.get(PROGRESS, body.parent).escrow

    return ensure_parent


@BUGS.plant("leaving is free", teams, "leave")
def _(sound: Function) -> Function:
    def leave(draft: Any, body: Any) -> None:
        with swapped(turns, ahead=lambda *_: 0):
            sound(draft, body)

    return leave


@BUGS.plant("a silent recorder is not fined", elections, "no_record")
def _(sound: Function) -> Function:
    def no_record(draft: Any, name: str) -> None:
        recorder = elections.recorder_of(draft.get(PROGRESS, name))
        missed = draft.get(PLACES, name, recorder).missed
        draft.change(PLACES, name, recorder, missed=missed - 1)
        sound(draft, name)

    return no_record


@BUGS.plant("hidden scores are forgiven", phases, "_stands")
def _(sound: Function) -> Function:
    def stands(draft: Any, request: Any, rule: Any, phase: Any, index: int, member: str) -> Any:
        posting = draft.find(POSTS, request.request, index, member)
        hides = posting and posting.accepted and isinstance(posting.content, Committed)
        before = draft.get(PLACES, request.request, member).forfeits
        there = sound(draft, request, rule, phase, index, member)
        if hides and posting.values is None:
            draft.change(PLACES, request.request, member, forfeits=before)
        return there

    return stands
