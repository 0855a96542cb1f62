"""Teams in the books: who may apply, how a team forms, changes and is refilled from its bench."""

from __future__ import annotations

from typing import Any

from tallystick.base.ids import rank
from tests.ledger.model.books import Books
from tests.ledger.model.request_model import ApplicationModel, PlaceModel, RequestModel
from tests.ledger.model.sums import PPM
from tests.ledger.observed import Broken, ensure


def stake_of(request: RequestModel, member: str, analyst: bool) -> int:
    """What an applicant locks; who would lead locks a leader's stake."""
    form = request.rules.forming
    leads = analyst or (form.leader == "named" and form.named == member)
    return max(form.deposit, form.leader_deposit) if leads else form.deposit


def ordered(
    request: RequestModel, waiting: list[ApplicationModel], listed: tuple[str, ...]
) -> list[ApplicationModel]:
    """Applicants in the order that the rules name (bp2p Alg. 1)."""
    kind, seed = request.rules.forming.order, request.name.encode()
    if kind == "listed":
        return sorted((w for w in waiting if w.member in listed), key=lambda w: listed.index(w.member))
    if kind == "answer":
        return sorted(waiting, key=lambda w: w.order)
    return sorted(waiting, key=lambda w: (-((w.preference + w.ability) // 2), rank(seed, w.member)))


def candidates(books: Books, request: RequestModel) -> tuple[str, ...] | None:
    form = request.rules.forming
    if form.candidates == "team":
        return tuple(books.teams[form.team].joined)
    return request.team.listed if form.candidates == "listed" else None


def take_place(books: Books, request: RequestModel, waiting: ApplicationModel, rounds: int) -> bool:
    """Seat an applicant; where its papers no longer hold it gets its stake back."""
    team = request.team
    team.applications.pop(waiting.member)
    if not books.budgets.seat(request.posted, waiting.member, waiting.units, rounds, books.now.time):
        books.members[waiting.member].balance += waiting.locked
        return False
    team.places[waiting.member] = PlaceModel(
        waiting.member, waiting.locked, waiting.amount, waiting.units, waiting.analyst, waiting.commitment
    )
    team.active.append(waiting.member)
    return True


def form(books: Books, request: RequestModel) -> str:
    """Form the team; why it cannot, or nothing."""
    team = request.team
    rules, form_ = request.rules, request.rules.forming
    allowed = candidates(books, request)
    waiting = [w for w in team.applications.values() if allowed is None or w.member in allowed]
    rest: list[ApplicationModel] = []
    pay = rules.paying
    for applicant in ordered(request, waiting, allowed or ()):
        data = [team.places[m] for m in team.data_members()]
        if applicant.analyst:
            fits = len(data) == len(team.active)
        else:
            promised = pay.price * (sum(place.amount for place in data) + applicant.amount)
            within = promised <= request.posted.reward - pay.recorder_fee - pay.analyst_fee
            fits = len(data) < form_.size and (within or pay.kind != "per_amount")
        if not fits:
            rest.append(applicant)
        else:
            take_place(books, request, applicant, rules.stopping.rounds)
    why = _shortfall(request) or _find_leader(books, request)
    if why:
        return why
    team.bench = [applicant.member for applicant in rest[: form_.bench]]
    for waits in [w for w in team.applications.values() if w.member not in team.bench]:
        give_back(books, request, waits)
    return ""


def give_back(books: Books, request: RequestModel, waiting: ApplicationModel) -> None:
    books.members[waiting.member].balance += waiting.locked
    del request.team.applications[waiting.member]


def _shortfall(request: RequestModel) -> str:
    team = request.team
    form_ = request.rules.forming
    data = team.data_members()
    if form_.leader == "analyst" and len(data) == len(team.active):
        return "no analyst applied"
    needed = form_.minimum - (form_.leader == "analyst" and not form_.units)
    if len(data) < needed:
        return f"{len(data)} of at least {needed} members applied"
    amount = sum(team.places[m].amount for m in data)
    return f"{amount} of {form_.amount} data units were offered" if amount < form_.amount else ""


def _find_leader(books: Books, request: RequestModel) -> str:
    team = request.team
    form_ = request.rules.forming
    if form_.leader == "analyst":
        team.leader = team.analyst = next(m for m in team.active if team.places[m].analyst)
        return ""
    for member in team.active:
        if form_.leader == "named" and member != form_.named:
            continue
        more = max(0, form_.leader_deposit - team.places[member].deposit)
        if books.members[member].balance >= more:
            books.members[member].balance -= more
            team.places[member].deposit += more
            team.leader = member
            return ""
    return "nobody could stake what the leader must"


def depart(books: Books, request: RequestModel, member: str, status: str) -> None:
    """End a member's duties; the lead passes to the first who is left."""
    team = request.team
    place = team.places[member]
    ensure(
        place.status == "active" and member in team.active, member, "departs", status, "but is", place.status
    )
    place.status = status
    team.active.remove(member)
    for use in place.units:
        books.budgets.release(request.name, member, use, place.opened)
    if team.leader == member:
        team.leader, team.analyst = ([*team.active, ""])[0], ""


def refill(books: Books, request: RequestModel, round_: int) -> None:
    """Seat from the bench what is missing, an analyst first; a joiner serves the rounds that are left."""
    team = request.team
    form_, left = request.rules.forming, request.rules.stopping.rounds - round_
    while left > 0:
        wants_analyst = form_.leader == "analyst" and not team.analyst
        analysts = [m for m in team.bench if team.applications[m].analyst]
        short = len(team.data_members()) < form_.size
        fitting = analysts[:1] if wants_analyst else []
        fitting += [m for m in team.bench if m not in analysts] if short else []
        if not fitting:
            return
        member = fitting[0]
        team.bench.remove(member)
        if take_place(books, request, team.applications[member], left):
            request.must_announce("MemberJoined", member, str(round_ + 1))
            if team.places[member].analyst or not team.leader:
                team.leader = member
                team.analyst = member if team.places[member].analyst else ""


def entitled(books: Books, request: RequestModel, member: str) -> bool:
    """Whether a member may go on serving."""
    units = request.team.places[member].units
    allowed = [books.budgets.allowed(request.posted, member, use, books.now.time) for use in units]
    return in_its_role(books, request, member) and all(allowed)


def in_its_role(books: Books, request: RequestModel, member: str) -> bool:
    """Whether the others have left a member what its place needs."""
    place, own = request.team.places[member], books.members[member]
    role = "analyst" if place.analyst else "owner" if place.units else "worker"
    return own.active and role in own.roles


def ensure_may_apply(books: Books, request: RequestModel, member: str, body: Any) -> None:
    """An application that was accepted had to be acceptable."""
    team = request.team
    form_, own = request.rules.forming, books.members[member]
    context = (member, "was admitted to", request.name)
    ensure(member != request.posted.member, *context, "which is its own")
    ensure(member not in team.applications and member not in team.places, *context, "twice")
    ensure(
        books.members[member].credit >= form_.minimum_credit,
        *context,
        "with a credit of",
        books.members[member].credit,
    )
    role = "analyst" if body.analyst else "owner" if body.units else "worker"
    ensure(role in own.roles, *context, "without the role", role)
    allowed = candidates(books, request) if form_.candidates == "team" or request.stage != "forming" else None
    ensure(allowed is None or member in allowed, *context, "but is no candidate")
    if request.stage == "forming":
        ensure(books.now.time < request.deadline, *context, "at", books.now.time, "after", request.deadline)
    else:
        running = request.stage == "rounds" and request.round < request.rules.stopping.rounds
        ensure(running, *context, "when it is", request.stage, "in round", request.round)
        ensure(len(team.bench) < form_.bench, *context, "whose bench seats", team.bench)
    rows = sum(books.budgets.units[use.unit].rows for use in body.units)
    ensure(body.amount <= rows or not body.units, *context, "with", body.amount, "of", rows, "rows")
    for use in body.units:
        left = request.rules.stopping.rounds - request.round
        trouble = books.budgets.trouble(request.posted, member, use, left, books.now.time)
        ensure(not trouble, *context, "although", trouble)


def entered(books: Books, request: RequestModel, member: str, body: Any) -> None:
    """Somebody has applied: its stake is locked; on the bench it waits in order."""
    team = request.team
    ensure_may_apply(books, request, member, body)
    locked = stake_of(request, member, body.analyst)
    rows = sum(books.budgets.units[use.unit].rows for use in body.units)
    ability = sum(PPM * value // (2 * (value + 1000)) for value in (books.members[member].credit, rows))
    books.members[member].balance -= locked
    if books.members[member].balance < 0:
        raise Broken(f"{member} staked {locked} of which it has not enough")
    team.applications[member] = ApplicationModel(
        member, team.applied, body.preference, ability, body.amount, body.units, body.commitment,
        body.analyst, locked,
    )  # fmt: skip
    team.applied += 1
    if request.stage != "forming":
        waiting = [team.applications[m] for m in (*team.bench, member)]
        listed = candidates(books, request) or tuple(w.member for w in waiting)
        team.bench = [w.member for w in ordered(request, waiting, listed)]
