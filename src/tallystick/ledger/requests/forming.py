"""How a team forms when its time has come: who is chosen, who leads, who waits on the bench (bp2p Alg. 1)."""

from ..chains import departures
from ..notices import TeamFormed
from ..records import Application, Place, Request, Team
from ..rules import smallest_team
from ..state import (
    ACCOUNTS,
    APPLICATIONS,
    LISTINGS,
    PLACES,
    PROGRESS,
    REQUESTS,
    STANDING_TEAMS,
    TEAMS,
    Draft,
)
from . import rounds, seats, settlement
from .seats import debit_account


def forming_due(draft: Draft, name: str) -> None:
    """Applications are closed: form the team and begin, or give everything back."""
    request = draft.get(REQUESTS, name)
    applications = [a for _, a in draft.scan(APPLICATIONS, name)]
    allowed = candidates(draft, request)
    if allowed is not None:
        known = dict.fromkeys(allowed)
        for stranger in [a for a in applications if a.member not in known]:
            seats.give_back(draft, name, stranger)
        applications = [a for a in applications if a.member in known]
    ordered = seats.in_order(request, applications, allowed or ())
    draft.put(TEAMS, Team(()), name)
    places, waiting = _seated(draft, request, ordered)
    shortfall = _shortfall(request, places)
    leader = None if shortfall else _leader(draft, request, places)
    if shortfall or leader is None:
        settlement.refund(draft, name, shortfall or "nobody could stake what the leader must")
        return
    _seat_bench(draft, request, waiting)
    analyst = leader if request.rules.forming.leader == "analyst" else ""
    draft.change(PROGRESS, name, leader=leader, analyst=analyst, deadline=0)
    draft.emit(TeamFormed(name, leader, draft.get(TEAMS, name).active))
    if not request.chain:
        rounds.begin(draft, request)
        return
    hindrance = departures.depart(draft, request)
    if hindrance:
        settlement.refund(draft, name, hindrance)


def candidates(draft: Draft, request: Request) -> tuple[str, ...] | None:
    """Who may be chosen, in the order of a posted list; None when anybody may."""
    form = request.rules.forming
    if form.candidates == "team":
        team = draft.find(STANDING_TEAMS, form.team)
        return team.members if team else ()
    if form.candidates == "listed":
        listing = draft.find(LISTINGS, request.request)
        return listing.members if listing else ()
    return None


def _seated(
    draft: Draft, request: Request, ordered: list[Application]
) -> tuple[list[Place], list[Application]]:
    """Seat applicants in order until the team and the data wanted are complete; the others wait."""
    form, name = request.rules.forming, request.request
    places: list[Place] = []
    waiting: list[Application] = []
    hired = False
    count = promised = 0
    for application in ordered:
        room = not hired if application.analyst else count < form.size
        if room and not application.analyst:
            room = _payable(request, promised + application.amount)
        if not room:
            waiting.append(application)
            continue
        place = seats.seat(draft, request, application, request.rules.stopping.rounds, 1)
        if place is not None:
            places.append(place)
            hired = hired or application.analyst
            count += not application.analyst
            promised += place.amount
    draft.change(TEAMS, name, active=tuple(place.member for place in places))
    return places, waiting


def _payable(request: Request, promised: int) -> bool:
    """Whether the reward covers this much data at its price (fdc: tokens per data unit)."""
    pay = request.rules.paying
    left = request.reward - pay.recorder_fee - pay.analyst_fee
    return pay.kind != "per_amount" or promised * pay.price <= left


def _shortfall(request: Request, places: list[Place]) -> str:
    form = request.rules.forming
    members = [p for p in places if p.role != "analyst"]
    if form.leader == "analyst" and len(members) == len(places):
        return "no analyst applied"
    needed = smallest_team(form, analyst=form.leader == "analyst")
    if len(members) < needed:
        return f"{len(members)} of at least {needed} members applied"
    if sum(p.amount for p in members) < form.amount:
        return f"{sum(p.amount for p in members)} of {form.amount} data units were offered"
    return ""


def _leader(draft: Draft, request: Request, places: list[Place]) -> str | None:
    """The first, the named one, or the analyst; a leader stakes more."""
    form, name = request.rules.forming, request.request
    if form.leader == "analyst":
        return next(p.member for p in places if p.role == "analyst")
    for place in places:
        if form.leader == "named" and place.member != form.named:
            continue
        more = max(0, form.leader_deposit - place.deposit)
        if draft.get(ACCOUNTS, place.member).balance < more:
            continue
        debit_account(draft, place.member, more)
        draft.change(PLACES, name, place.member, role="leader", deposit=place.deposit + more)
        return place.member
    return None


def _seat_bench(draft: Draft, request: Request, waiting: list[Application]) -> None:
    """Who was not chosen waits on the bench, as far as it goes; the others get their stake back."""
    name, size = request.request, request.rules.forming.bench
    for application in waiting[size:]:
        seats.give_back(draft, name, application)
    draft.change(TEAMS, name, bench=tuple(application.member for application in waiting[:size]))


def stake(request: Request, member: str, analyst: bool) -> int:
    """What an applicant locks: the leader's stake where it would be the leader."""
    form = request.rules.forming
    leads = analyst or (form.leader == "named" and member == form.named)
    return max(form.deposit, form.leader_deposit) if leads else form.deposit
