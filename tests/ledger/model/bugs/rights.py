"""Bugs about who may act, and when: suspended members, devices, numbers, limits, deadlines, votes."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from tallystick.ledger import deadlines, transition
from tallystick.ledger import rejections as no
from tallystick.ledger.handlers import teams, votes
from tallystick.ledger.requests import phases, turns
from tallystick.ledger.state import ACCOUNTS, BALLOTS
from tests.ledger.model.bugs.planting import Bugs, Function, nothing, swapped

BUGS = Bugs()


@BUGS.plant("a suspended member acts", transition, "_permit")
def _(sound: Function) -> Function:
    return lambda envelope, member: sound(envelope, replace(member, active=True))


@BUGS.plant("a device does everything", transition, "_permit")
def _(sound: Function) -> Function:
    return lambda envelope, member: sound(envelope, replace(member, key=envelope.signer))


@BUGS.plant("an expired transaction counts", transition, "_authenticate")
def _(sound: Function) -> Function:
    def authenticate(draft: Any, envelope: Any, *rest: Any) -> Any:
        return sound(draft, replace(envelope, valid_until=envelope.valid_until + 1), *rest)

    return authenticate


@BUGS.plant("a number is used again", transition, "_authenticate")
def _(sound: Function) -> Function:
    def authenticate(draft: Any, envelope: Any, *rest: Any) -> Any:
        account = draft.find(ACCOUNTS, envelope.member)
        used = account and (envelope.number < account.low or envelope.number in account.ahead)
        return sound(draft, replace(envelope, number=account.low) if used else envelope, *rest)

    return authenticate


@BUGS.plant("a member fills a block", transition, "_within_limits")
def _(sound: Function) -> Function:
    def within_limits(chain: Any, envelope: Any, quota: dict[str, int]) -> None:
        sound(chain, envelope, {**quota, envelope.member: 0})

    return within_limits


@BUGS.plant("a deadline is inclusive", deadlines, "is_due")
def _(sound: Function) -> Function:
    return lambda draft, deadline: sound(draft, deadline + 1)


@BUGS.plant("a deadline leaks", phases, "next_in_order")
def _(sound: Function) -> Function:
    def next_in_order(*given: Any) -> Any:
        with swapped(phases, cancel=nothing):
            return sound(*given)

    return next_in_order


@BUGS.plant("the time for the rounds is endless", turns, "time_is_up")
def _(sound: Function) -> Function:
    return lambda *_: False


@BUGS.plant("a bench has no end", teams, "_ensure_open")
def _(sound: Function) -> Function:
    def ensure_open(*given: Any) -> Any:
        try:
            return sound(*given)
        except no.BenchFull:
            return True

    return ensure_open


@BUGS.plant("credit is not asked for", teams, "_ensure_credit")
def _(sound: Function) -> Function:
    return nothing


@BUGS.plant("one votes twice", votes, "vote")
def _(sound: Function) -> Function:
    def vote(draft: Any, body: Any) -> None:
        draft.delete(BALLOTS, body.proposal, draft.sender)
        sound(draft, body)

    return vote


@BUGS.plant("half of the votes suffice", votes, "_suffice")
def _(sound: Function) -> Function:
    return lambda approvals, electorate: 2 * approvals > electorate
