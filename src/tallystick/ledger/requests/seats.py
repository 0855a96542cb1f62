"""Who sits in a team: seating from an application, departing, refilling from the bench (bpcv 4.1)."""

from collections.abc import Sequence
from typing import Literal

from msgspec.structs import replace

from ...base.ids import Role, rank
from ..budgets import reservations
from ..chains import allocations
from ..notices import MemberJoined, MemberLeft
from ..records import Account, Application, Place, PlaceStatus, Request
from ..state import (
    ACCOUNTS,
    APPLICATIONS,
    MEMBERS,
    PLACES,
    PROGRESS,
    TEAMS,
    Draft,
)
from ..transactions import UnitUse
from . import turns


def credit_account(draft: Draft, member: str, amount: int) -> None:
    """Add tokens to a member's account."""
    account = draft.find(ACCOUNTS, member) or Account()
    draft.put(ACCOUNTS, replace(account, balance=account.balance + amount), member)


def debit_account(draft: Draft, member: str, amount: int) -> None:
    """Take tokens from a member's account, which holds them."""
    account = draft.get(ACCOUNTS, member)
    if account.balance < amount:
        raise ValueError(f"{member} holds {account.balance}, not {amount}")
    draft.change(ACCOUNTS, member, balance=account.balance - amount)


def give_back(draft: Draft, request: str, application: Application) -> None:
    """End an application: what it locked returns."""
    credit_account(draft, application.member, application.locked)
    draft.delete(APPLICATIONS, request, application.member)


def seat(draft: Draft, request: Request, application: Application, rounds: int, joined: int) -> Place | None:
    """Give an applicant its place and reserve what it may spend, or give its stake back and say None."""
    name = request.request
    if reservations.reserve(draft, request, application.member, application.units, rounds) is not None:
        give_back(draft, name, application)
        return None
    place = Place(
        application.member,
        application.locked,
        application.amount,
        application.units,
        application.order,
        joined,
        "analyst" if application.analyst else "member",
        commitment=application.commitment,
    )
    draft.delete(APPLICATIONS, name, application.member)
    draft.put(PLACES, place, name, application.member)
    return place


def depart(draft: Draft, request: str, leaving: Sequence[str], status: PlaceStatus) -> None:
    """End members' duties; their places stay until settlement, what they had reserved returns."""
    if not leaving:
        return
    team, progress = draft.get(TEAMS, request), draft.get(PROGRESS, request)
    for member in leaving:
        place = draft.change(PLACES, request, member, status=status)
        reservations.release(draft, request, member, place.units, used=place.opened)
        draft.emit(MemberLeft(request, member, status))
    departed = dict.fromkeys(leaving)
    active = tuple(m for m in team.active if m not in departed)
    draft.change(TEAMS, request, active=active, gone=(*team.gone, *leaving))
    if progress.leader in departed:
        _next_leader(draft, request, active)


def _next_leader(draft: Draft, request: str, active: tuple[str, ...]) -> None:
    """The next in the team's order leads, until an analyst who has left is replaced from the bench."""
    leader = next(iter(active), "")
    draft.change(PROGRESS, request, leader=leader, analyst="")
    if leader:
        draft.change(PLACES, request, leader, role="leader")


def role_needed(analyst: bool, units: tuple[UnitUse, ...]) -> Role:
    """The role that a member of a team must have."""
    return "analyst" if analyst else "owner" if units else "worker"


def why_not_entitled(draft: Draft, request: Request, place: Place) -> Literal["released", "withdrawn"] | None:
    """Why a member may serve no longer: others decided it, or its own unit or grant is gone; or None."""
    member, role = draft.get(MEMBERS, place.member), role_needed(place.role == "analyst", place.units)
    if not member.active or role not in member.roles:
        return "released"
    if request.chain == draft.chain:
        ended = allocations.why_ended(draft, request.request, place)
        return None if ended is None else "withdrawn"
    reasons = (reservations.why_not_granted(draft, request, place.member, use) for use in place.units)
    return None if all(reason is None for reason in reasons) else "withdrawn"


def release_unentitled(draft: Draft, request: Request, members: Sequence[str], index: int) -> list[str]:
    """From this phase on, who may serve no longer has no more duties; say who they are.

    Whom a vote took its role pays nothing. Who took its own data back has left, and pays for that: nobody
    makes an owner go on, but its deposit stood for its staying.
    """
    name, gone = request.request, []
    leader = draft.get(PROGRESS, name).leader
    for member in sorted(members, key=lambda m: m == leader):  # the lead passes to one who stays
        place = draft.get(PLACES, name, member)
        why = why_not_entitled(draft, request, place)
        if why is None:
            continue
        if why == "withdrawn":
            unserved = turns.ahead(request.rules, draft.get(PROGRESS, name), member, index)
            draft.add(PLACES, name, member, turns=unserved, missed=unserved)
        depart(draft, name, [member], why)
        gone.append(member)
    return gone


def refill(draft: Draft, request: Request, round_: int) -> None:
    """Seat from the bench until the team has its size again; a joiner serves the rounds that are left."""
    name, rules = request.request, request.rules
    rounds = rules.stopping.rounds - round_
    while rounds > 0:
        team, progress = draft.get(TEAMS, name), draft.get(PROGRESS, name)
        wants_analyst = rules.forming.leader == "analyst" and not progress.analyst
        seated = len(team.active) - bool(progress.analyst)
        if not wants_analyst and seated >= rules.forming.size:
            return
        waiting = [draft.get(APPLICATIONS, name, member) for member in team.bench]
        fitting = next((a for a in waiting if a.analyst and wants_analyst), None)
        if fitting is None and seated < rules.forming.size:
            fitting = next((a for a in waiting if not a.analyst), None)
        if fitting is None:
            return
        draft.change(TEAMS, name, bench=tuple(m for m in team.bench if m != fitting.member))
        place = seat(draft, request, fitting, rounds, round_ + 1)
        if place is not None:
            _take_seat(draft, name, place, round_ + 1)


def _take_seat(draft: Draft, request: str, place: Place, round_: int) -> None:
    team, progress = draft.get(TEAMS, request), draft.get(PROGRESS, request)
    draft.change(TEAMS, request, active=(*team.active, place.member))
    draft.emit(MemberJoined(request, place.member, round_))
    if place.role == "analyst" or not progress.leader:
        analyst = place.member if place.role == "analyst" else ""
        draft.change(PROGRESS, request, leader=place.member, analyst=analyst)


def applicant_value(application: Application) -> int:
    """bp2p Alg. 1: half the preference, half the ability."""
    return (application.preference + application.ability) // 2


def in_order(request: Request, applications: list[Application], listed: tuple[str, ...]) -> list[Application]:
    """Applicants in the order that the rules name; ties fall by hash, not by ledger order."""
    seed = request.request.encode()
    if request.rules.forming.order == "listed":
        places = {member: place for place, member in enumerate(listed)}
        return sorted((a for a in applications if a.member in places), key=lambda a: places[a.member])
    if request.rules.forming.order == "answer":
        return sorted(applications, key=lambda a: a.order)
    return sorted(applications, key=lambda a: (-applicant_value(a), rank(seed, a.member)))
