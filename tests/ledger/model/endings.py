"""The end of a request in the books: who is elected, whose figures agree, what everybody gets and loses."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from tallystick.base.ids import rank
from tallystick.ledger.state import RECORDS
from tests.ledger.memory import View
from tests.ledger.model.books import Books
from tests.ledger.model.faults import better
from tests.ledger.model.phases import following, seed_of
from tests.ledger.model.request_model import PlaceModel, RequestModel, RoundModel
from tests.ledger.model.sums import PPM, angle_weights, capped, middle, shared
from tests.ledger.model.teams import form, give_back
from tests.ledger.observed import ensure

ATTEMPTS = 3
NEVER = 2**62


def weights(request: RequestModel, places: list[PlaceModel]) -> dict[str, Fraction | int]:
    """What each paid member weighs; who has no accepted model or analyses only is not paid by weight."""
    paid = [place for place in places if place.present and not place.analyst and place.status != "expelled"]
    kind = request.rules.paying.weight
    names = [place.member for place in paid]
    if kind in ("angle", "angle_as_printed"):
        seen = [place for place in paid if place.measured is not None]
        soft = angle_weights([place.measured or 0 for place in seen], kind == "angle_as_printed")
        softened = dict(zip([place.member for place in seen], soft, strict=True))
        return {name: softened.get(name, 0) for name in names}
    if kind == "gain":
        shares = dict(zip(names, capped([place.gain for place in paid]), strict=True))
        over = [name for name, share in shares.items() if share > Fraction(2, max(1, len(names)))]
        ensure(not over or len(names) < 2, over, "weigh more than 2/n in", request.name)
        return dict(shares)
    return {place.member: place.present * (place.amount if kind == "amount" else 1) for place in paid}


def elect(request: RequestModel) -> list[str]:
    """The electorate, best first: who has an accepted post in the last completed round."""
    places = [request.team.places[m] for m in request.team.active]
    places = [s for s in places if s.last == request.result.completed and s.member != request.posted.member]
    kind = request.rules.electing.kind
    if kind == "drawn":
        return [s.member for s in sorted(places, key=lambda s: rank(seed_of(request), s.member))]
    cost: dict[str, Any]
    if kind == "contribution":
        shares = weights(request, places)
        cost = {s.member: -shares.get(s.member, -1) for s in places}
    elif kind == "best_score":
        cost = {s.member: NEVER if s.score is None else -better(request.rules, s.score, 0) for s in places}
    else:
        cost = _errors(places, kind == "error_as_printed")
    return [
        s.member
        for s in sorted(places, key=lambda s: (cost[s.member], rank(request.name.encode(), s.member)))
    ]


def _errors(places: list[PlaceModel], as_printed: bool) -> dict[str, int]:
    """poq eq. 7: the error over gamma plus the mean, or times gamma as printed."""
    known = {s.member: s.measured for s in places if s.measured is not None}
    mean = sum(known.values()) // max(1, len(known))
    data = sum(s.amount for s in places)
    costs = {}
    for place in places:
        gamma = PPM + (place.amount * PPM // data if data else 0)
        error = known.get(place.member)
        if error is None:
            costs[place.member] = NEVER
        else:
            costs[place.member] = (error * gamma // PPM if as_printed else error * PPM // gamma) + mean
    return costs


def _begin(request: RequestModel) -> None:
    """The closing phases are over: the released model is what is recorded; the electorate is frozen."""
    over = request.stage == "closing" and request.open is None and following(request) is None
    ensure(
        over,
        request.name,
        "elects in",
        request.stage,
        "with",
        request.open and request.open.rule.name,
        "open",
    )
    if request.now.authors:
        request.result.model = request.now.authors[-1][1]
    request.election.recorders, request.election.attempt, request.now = elect(request), 0, RoundModel()


def _missed_record(books: Books, request: RequestModel) -> None:
    """The recorder was silent until its deadline."""
    election = request.election
    ensure(
        books.now.time >= request.deadline, request.name, "passes over its recorder before", request.deadline
    )
    request.team.places[election.recorders[election.attempt]].missed += 1
    election.attempt += 1


def recorder_elected(books: Books, request: RequestModel, member: str, attempt: int) -> None:
    election = request.election
    if request.stage == "closing":
        _begin(request)
    elif request.stage == "recording":
        _missed_record(books, request)
    else:
        ensure(request.stage == "failed", request.name, "elects a recorder when it is", request.stage)
    ensure(attempt == election.attempt + 1 <= ATTEMPTS, request.name, "tries for the time", attempt)
    own = election.recorders[election.attempt : election.attempt + 1]
    ensure([member] == own, request.name, "elects", member, "by the books", own, "of", election.recorders)
    request.team.places[member].turns += 1
    request.stage, election.recorder, request.phase = "recording", member, -1
    request.deadline = books.now.time + request.rules.electing.wait


def record_posted(books: Books, request: RequestModel, member: str, model: bytes, figure: int) -> None:
    ensure(
        request.stage == "recording" and member == request.election.recorder, member, "records", request.name
    )
    ensure(books.now.time < request.deadline, member, "records too late")
    ensure(model == request.result.model, member, "records", model.hex(), "not", request.result.model.hex())
    request.stage, request.election.stated = "approving", {member: figure}
    request.deadline = books.now.time + request.rules.electing.approve_wait


def stated(books: Books, request: RequestModel, member: str, figure: int | None) -> None:
    """An approver or certifier says what it measured."""
    election = request.election
    ensure(request.stage in ("approving", "certifying"), member, "states a figure when it is", request.stage)
    context = (member, "states a figure on", request.name)
    ensure(member in election.recorders and member not in election.stated, *context, "out of turn or twice")
    ensure(books.now.time < request.deadline, *context, "too late")
    election.stated[member] = figure
    if all(m in election.stated for m in election.recorders) and len(election.recorders) > books.at_once:
        request.deadline = books.now.time


def decided(books: Books, request: RequestModel, stands: bool, approving: int, electorate: int) -> None:
    """Recompute who agreed: with the recorder on common data, else with the median of the others."""
    election = request.election
    result = request.result
    ensure(request.stage == "approving", request.name, "decides when it is", request.stage)
    complete = all(m in election.stated for m in election.recorders)
    ensure(complete or books.now.time >= request.deadline, request.name, "decides before all have spoken")
    electing = request.rules.electing
    figures = {m: figure for m, figure in election.stated.items() if figure is not None}
    agreed = []
    for member, figure in figures.items():
        others = [value for other, value in figures.items() if other != member]
        reference = figures[election.recorder] if electing.common else middle(others or [figure])
        if abs(figure - reference) <= electing.tolerance:
            agreed.append(member)
    size = len(election.recorders)
    enough = len(agreed) == size if electing.unanimous else 3 * len(agreed) > 2 * size
    own = (enough and election.recorder in agreed, len(agreed), size)
    ensure((stands, approving, electorate) == own, request.name, (stands, approving, electorate), "not", own)
    if not stands:
        own_figure = figures.pop(election.recorder)
        away = abs(own_figure - middle(list(figures.values()) or [own_figure]))
        request.team.places[election.recorder].idle += away > electing.tolerance
        request.stage, election.attempt, election.recorder = "failed", election.attempt + 1, ""
        return
    election.approving, result.figure = approving, middle(list(figures.values()))
    result.reached = _reached(request, result.figure)
    if request.rules.test is None:
        request.stage = "stood"
    else:
        request.stage, request.deadline = "sealed", books.now.time + request.rules.test.wait


def test_opened(books: Books, request: RequestModel) -> None:
    ensure(
        request.stage == "sealed" and books.now.time < request.deadline,
        request.name,
        "opens its test out of turn",
    )
    request.stage, request.election.stated = "certifying", {}
    request.deadline = books.now.time + request.rules.electing.approve_wait


def _reached(request: RequestModel, figure: int | None) -> bool:
    asked = request.rules.stopping.quality
    return asked is None or figure is None or better(request.rules, figure, asked) >= 0


def ended(books: Books, request: RequestModel, outcome: str, reason: str, view: View) -> None:
    """A request ends: everything that was paid, fined and returned is explained."""
    ensure(reason != "internal fault", request.name, "ends by an internal fault")
    ensure(
        outcome == _outcome(books, request, reason),
        request.name,
        "is",
        outcome,
        "in",
        request.stage,
        ":",
        reason,
    )
    payments: list[tuple[str, int, str]] = []
    left = request.money.escrow
    if outcome == "settled":
        payments, left = _rewards(request)
        _compare_record(request, view)
    earned: dict[str, int] = {}
    for member, amount, _ in payments:
        earned[member] = earned.get(member, 0) + amount
        books.members[member].balance += amount
    left += _fine(books, request, payments, earned)
    for waiting in list(request.team.applications.values()):
        give_back(books, request, waiting)
    for place in request.team.places.values():
        for use in place.units:
            books.budgets.release(request.name, place.member, use, place.opened)
    books.return_rest(request, left)
    books.close(request, outcome)


def _outcome(books: Books, request: RequestModel, reason: str) -> str:
    """How the request has to end as things stand."""
    election = request.election
    result = request.result
    if request.stage == "forming":
        if reason == "withdrawn by the requester":
            return "refunded" if books.now.sender == request.posted.member else "kept"
        why = form(books, request)
        ensure(why and reason == why, request.name, "does not form:", reason, "by the books:", why)
        ensure(books.now.time >= request.deadline, request.name, "forms before", request.deadline)
        return "refunded"
    if request.announced("RequestEnded", "refunded", reason):
        return "refunded"
    late = books.now.time >= request.deadline
    if request.stage == "closing":
        _begin(request)
        return _alone(request)
    if request.stage == "recording":
        _missed_record(books, request)
        return _alone(request)
    if request.stage == "failed":
        return _alone(request)
    if request.stage == "sealed":
        result.reached = True
        return "settled" if late else "kept"
    if request.stage == "certifying":
        figures = [figure for figure in election.stated.values() if figure is not None]
        complete = all(m in election.stated for m in election.recorders)
        if 2 * len(figures) > len(election.recorders):
            result.figure = middle(figures)
        result.reached = 2 * len(figures) <= len(election.recorders) or _reached(request, result.figure)
        return "settled" if late or complete else "kept"
    return "settled" if request.stage == "stood" else "kept"


def _alone(request: RequestModel) -> str:
    """After three failed recorders, or without any, the ledger settles by itself."""
    election = request.election
    election.recorder, election.approving, request.result.reached = (
        "",
        0,
        _reached(request, request.result.figure),
    )
    return "settled" if election.attempt >= min(ATTEMPTS, len(election.recorders)) else "kept"


def _rewards(request: RequestModel) -> tuple[list[tuple[str, int, str]], int]:
    """Fees first, then what was earned; and what is left of the escrow."""
    team = request.team
    pay, left = request.rules.paying, request.money.escrow
    payments: list[tuple[str, int, str]] = []

    def give(member: str, amount: int, why: str) -> None:
        nonlocal left
        amount = min(amount, left)
        if member and amount:
            payments.append((member, amount, why))
            left -= amount

    give(request.election.recorder, pay.recorder_fee, "fee")
    analyst = team.places.get(team.analyst)
    if analyst is not None and analyst.present:
        give(team.analyst, pay.analyst_fee, "fee")
    promised = request.posted.reward - pay.recorder_fee - pay.analyst_fee
    payable = min(max(0, promised - request.money.purchased), left)
    if not request.result.reached:
        payable -= payable * pay.quality_share // PPM
    places = [team.places[m] for m in sorted(team.places)]
    shares = weights(request, places)
    for member, amount in _divided(request, places, shares, payable, promised):
        give(member, amount, "reward")
    return payments, left


def _divided(
    request: RequestModel,
    places: list[PlaceModel],
    shares: dict[str, Fraction | int],
    payable: int,
    promised: int,
) -> list[tuple[str, int]]:
    team = request.team
    pay, names = request.rules.paying, list(shares)
    if not names:
        return []
    if pay.kind == "per_round":
        whole = min(payable, promised)
        due = [s for s in places if s.earned and s.status != "expelled"]
        return [(s.member, s.earned * whole // promised if promised else s.earned) for s in due]
    if pay.kind == "per_amount":
        paid = [team.places[name] for name in names]
        owed = [pay.price * s.amount * s.present // max(1, request.result.completed) for s in paid]
        parts = owed if sum(owed) <= payable else shared(payable, owed)
        return list(zip(names, parts, strict=True))
    leads = team.leader in names
    first = names.index(team.leader) if leads else 0
    base = payable // len(names) if pay.leader_share and leads else 0
    parts = shared(payable - base, list(shares.values()), first)
    parts[first] += base
    return list(zip(names, parts, strict=True))


def _fine(
    books: Books, request: RequestModel, payments: list[tuple[str, int, str]], earned: dict[str, int]
) -> int:
    """Deposits return without what was forfeited; who stayed shares a deserter's part of it."""
    money = request.money
    team = request.team
    rules, to_escrow = request.rules, 0
    printed = rules.paying.penalties == "as_printed"
    all_turns = sum(place.turns for place in team.places.values())
    one_round = -(-request.posted.reward // (rules.stopping.rounds * rules.forming.size))
    fined: dict[str, int] = {}
    taken = dict.fromkeys(team.places, 0)
    for name in sorted(team.places):
        place = team.places[name]
        turns = all_turns if printed else place.turns
        missed = min(turns, place.missed + (place.idle if printed else 0))
        idle = 0 if printed else min(turns, place.idle)
        shared_out = place.deposit * missed // turns if turns else 0
        kept = (place.deposit * idle // turns if turns else 0) + place.forfeits * one_round
        kept = min(kept, place.deposit - shared_out)
        faultless = not (place.missed or place.idle or place.forfeits)
        ensure(not faultless or shared_out + kept == 0, name, "is fined though it served all its turns")
        if shared_out + kept:
            fined[name] = shared_out + kept
        books.members[name].balance += place.deposit - shared_out - kept
        to_escrow += kept
        others = [m for m in sorted(team.places) if m != name and team.places[m].status == "active"]
        if not others:
            to_escrow += shared_out
            continue
        first = others.index(team.leader) if team.leader in others else 0
        for member, part in zip(others, shared(shared_out, [1] * len(others), first), strict=True):
            taken[member] += part
    for member, amount in taken.items():
        books.members[member].balance += amount
        if amount:
            payments.append((member, amount, "compensation"))
    ensure(sorted(money.paid) == sorted(payments), request.name, "paid", money.paid, "by the books", payments)
    ensure(money.fined == fined, request.name, "fined", money.fined, "by the books", fined)
    for member in sorted({*earned, *team.places}):
        pair = (request.posted.member, member)
        gained = earned.get(member, 0) // 2 ** books.settled_pairs.get(pair, 0)
        if earned.get(member):
            books.settled_pairs[pair] = books.settled_pairs.get(pair, 0) + 1
        books.members[member].credit = max(0, books.members[member].credit + gained - fined.get(member, 0))
    return to_escrow


def _compare_record(request: RequestModel, view: View) -> None:
    """The record says what the books know."""
    election = request.election
    result = request.result
    record = view.find(RECORDS, request.name)
    ensure(record is not None, request.name, "is settled without a record")
    assert record is not None
    places = [request.team.places[m] for m in sorted(request.team.places)]
    shares = weights(request, places)
    parts = shared(PPM, list(shares.values())) if shares else []
    sources = tuple((s.member, use.unit, use.grant) for s in places for use in s.units if s.accepted)
    own = (
        election.recorder, result.model, result.figure, result.completed,
        tuple(zip(shares, parts, strict=True)), election.approving, len(election.recorders),
        result.reached, sources, bool(election.recorder),
    )  # fmt: skip
    theirs = (
        record.recorder, record.model, record.figure, record.rounds, record.contributions,
        record.approving, record.electorate, record.reached, record.sources, record.stands,
    )  # fmt: skip
    ensure(own == theirs, "the record of", request.name, "says", theirs, "by the books", own)
