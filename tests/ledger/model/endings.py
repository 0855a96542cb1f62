"""The end of a request in the books: who is elected, whose figures agree, what everybody gets and loses."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from tallystick.base.ids import rank
from tallystick.ledger.state import RECORDS
from tests.ledger.model.faults import better
from tests.ledger.model.phases import following, seed_of
from tests.ledger.model.request_model import Life, Round, Seat, form, give_back
from tests.ledger.model.sums import PPM, angle_weights, capped, middle, shared
from tests.ledger.model.world import View, ensure

if TYPE_CHECKING:
    from tests.ledger.model.books import Books

ATTEMPTS = 3
NEVER = 2**62


def weights(life: Life, seats: list[Seat]) -> dict[str, Fraction | int]:
    """What each paid member weighs; who has no accepted model or analyses only is not paid by weight."""
    paid = [seat for seat in seats if seat.present and not seat.analyst and seat.status != "expelled"]
    kind = life.rules.paying.weight
    names = [seat.member for seat in paid]
    if kind in ("angle", "angle_as_printed"):
        seen = [seat for seat in paid if seat.measured is not None]
        soft = angle_weights([seat.measured or 0 for seat in seen], kind == "angle_as_printed")
        found = dict(zip([seat.member for seat in seen], soft, strict=True))
        return {name: found.get(name, 0) for name in names}
    if kind == "gain":
        shares = dict(zip(names, capped([seat.gain for seat in paid]), strict=True))
        over = [name for name, share in shares.items() if share > Fraction(2, max(1, len(names)))]
        ensure(not over or len(names) < 2, over, "weigh more than 2/n in", life.name)
        return dict(shares)
    return {seat.member: seat.present * (seat.amount if kind == "amount" else 1) for seat in paid}


def elect(life: Life) -> list[str]:
    """The electorate, best first: who has an accepted post in the last completed round."""
    seats = [life.seats[m] for m in life.active]
    seats = [s for s in seats if s.last == life.completed and s.member != life.request.member]
    kind = life.rules.electing.kind
    if kind == "drawn":
        return [s.member for s in sorted(seats, key=lambda s: rank(seed_of(life), s.member))]
    cost: dict[str, Any]
    if kind == "contribution":
        shares = weights(life, seats)
        cost = {s.member: -shares.get(s.member, -1) for s in seats}
    elif kind == "best_score":
        cost = {s.member: NEVER if s.score is None else -better(life.rules, s.score, 0) for s in seats}
    else:
        cost = _errors(seats, kind == "error_as_printed")
    return [
        s.member for s in sorted(seats, key=lambda s: (cost[s.member], rank(life.name.encode(), s.member)))
    ]


def _errors(seats: list[Seat], as_printed: bool) -> dict[str, int]:
    """poq eq. 7: the error over gamma plus the mean, or times gamma as printed."""
    known = {s.member: s.measured for s in seats if s.measured is not None}
    mean = sum(known.values()) // max(1, len(known))
    data = sum(s.amount for s in seats)
    found = {}
    for seat in seats:
        gamma = PPM + (seat.amount * PPM // data if data else 0)
        error = known.get(seat.member)
        if error is None:
            found[seat.member] = NEVER
        else:
            found[seat.member] = (error * gamma // PPM if as_printed else error * PPM // gamma) + mean
    return found


def _begin(life: Life) -> None:
    """The closing phases are over: the released model is what is recorded; the electorate is frozen."""
    over = life.stage == "closing" and life.open is None and following(life) is None
    ensure(over, life.name, "elects in", life.stage, "with", life.open and life.open.rule.name, "open")
    if life.now.authors:
        life.model = life.now.authors[-1][1]
    life.recorders, life.attempt, life.now = elect(life), 0, Round()


def _missed_record(books: Books, life: Life) -> None:
    """The recorder was silent until its deadline."""
    ensure(books.time >= life.deadline, life.name, "passes over its recorder before", life.deadline)
    life.seats[life.recorders[life.attempt]].missed += 1
    life.attempt += 1


def recorder_elected(books: Books, life: Life, member: str, attempt: int) -> None:
    if life.stage == "closing":
        _begin(life)
    elif life.stage == "recording":
        _missed_record(books, life)
    else:
        ensure(life.stage == "failed", life.name, "elects a recorder when it is", life.stage)
    ensure(attempt == life.attempt + 1 <= ATTEMPTS, life.name, "tries for the time", attempt)
    own = life.recorders[life.attempt : life.attempt + 1]
    ensure([member] == own, life.name, "elects", member, "by the books", own, "of", life.recorders)
    life.seats[member].turns += 1
    life.stage, life.recorder, life.phase = "recording", member, -1
    life.deadline = books.time + life.rules.electing.wait


def record_posted(books: Books, life: Life, member: str, model: bytes, figure: int) -> None:
    ensure(life.stage == "recording" and member == life.recorder, member, "records", life.name)
    ensure(books.time < life.deadline, member, "records too late")
    ensure(model == life.model, member, "records", model.hex(), "not", life.model.hex())
    life.stage, life.stated = "approving", {member: figure}
    life.deadline = books.time + life.rules.electing.approve_wait


def stated(books: Books, life: Life, member: str, figure: int | None) -> None:
    """An approver or certifier says what it measured."""
    ensure(life.stage in ("approving", "certifying"), member, "states a figure when it is", life.stage)
    told = (member, "states a figure on", life.name)
    ensure(member in life.recorders and member not in life.stated, *told, "out of turn or twice")
    ensure(books.time < life.deadline, *told, "too late")
    life.stated[member] = figure
    if all(m in life.stated for m in life.recorders) and len(life.recorders) > books.at_once:
        life.deadline = books.time


def decided(books: Books, life: Life, stands: bool, approving: int, electorate: int) -> None:
    """Recompute who agreed: with the recorder on common data, else with the median of the others."""
    ensure(life.stage == "approving", life.name, "decides when it is", life.stage)
    complete = all(m in life.stated for m in life.recorders)
    ensure(complete or books.time >= life.deadline, life.name, "decides before all have spoken")
    electing = life.rules.electing
    figures = {m: figure for m, figure in life.stated.items() if figure is not None}
    agreed = []
    for member, figure in figures.items():
        others = [value for other, value in figures.items() if other != member]
        reference = figures[life.recorder] if electing.common else middle(others or [figure])
        if abs(figure - reference) <= electing.tolerance:
            agreed.append(member)
    size = len(life.recorders)
    enough = len(agreed) == size if electing.unanimous else 3 * len(agreed) > 2 * size
    own = (enough and life.recorder in agreed, len(agreed), size)
    ensure((stands, approving, electorate) == own, life.name, (stands, approving, electorate), "not", own)
    if not stands:
        own_figure = figures.pop(life.recorder)
        away = abs(own_figure - middle(list(figures.values()) or [own_figure]))
        life.seats[life.recorder].idle += away > electing.tolerance
        life.stage, life.attempt, life.recorder = "failed", life.attempt + 1, ""
        return
    life.approving, life.figure = approving, middle(list(figures.values()))
    life.reached = _reached(life, life.figure)
    if life.rules.test is None:
        life.stage = "stood"
    else:
        life.stage, life.deadline = "sealed", books.time + life.rules.test.wait


def test_opened(books: Books, life: Life) -> None:
    ensure(life.stage == "sealed" and books.time < life.deadline, life.name, "opens its test out of turn")
    life.stage, life.stated = "certifying", {}
    life.deadline = books.time + life.rules.electing.approve_wait


def _reached(life: Life, figure: int | None) -> bool:
    wanted = life.rules.stopping.quality
    return wanted is None or figure is None or better(life.rules, figure, wanted) >= 0


def ended(books: Books, life: Life, outcome: str, reason: str, view: View) -> None:
    """A request ends: everything that was paid, fined and returned is explained."""
    ensure(reason != "internal fault", life.name, "ends by an internal fault")
    ensure(outcome == _outcome(books, life, reason), life.name, "is", outcome, "in", life.stage, ":", reason)
    wanted: list[tuple[str, int, str]] = []
    left = life.escrow
    if outcome == "settled":
        wanted, left = _rewards(life)
        _compare_record(life, view)
    earned: dict[str, int] = {}
    for member, amount, _ in wanted:
        earned[member] = earned.get(member, 0) + amount
        books.balance[member] += amount
    left += _fine(books, life, wanted, earned)
    for waiting in list(life.applications.values()):
        give_back(books, life, waiting)
    for seat in life.seats.values():
        for use in seat.units:
            books.budgets.release(life.name, seat.member, use, seat.opened)
    books.return_rest(life, left)
    books.close(life, outcome)


def _outcome(books: Books, life: Life, reason: str) -> str:
    """How the request has to end as things stand."""
    if life.stage == "forming":
        if reason == "withdrawn by the requester":
            return "refunded" if books.sender == life.request.member else "kept"
        why = form(books, life)
        ensure(why and reason == why, life.name, "does not form:", reason, "by the books:", why)
        ensure(books.time >= life.deadline, life.name, "forms before", life.deadline)
        return "refunded"
    if life.said("RequestEnded", "refunded", reason):
        return "refunded"
    late = books.time >= life.deadline
    if life.stage == "closing":
        _begin(life)
        return _alone(life)
    if life.stage == "recording":
        _missed_record(books, life)
        return _alone(life)
    if life.stage == "failed":
        return _alone(life)
    if life.stage == "sealed":
        life.reached = True
        return "settled" if late else "kept"
    if life.stage == "certifying":
        figures = [figure for figure in life.stated.values() if figure is not None]
        complete = all(m in life.stated for m in life.recorders)
        if 2 * len(figures) > len(life.recorders):
            life.figure = middle(figures)
        life.reached = 2 * len(figures) <= len(life.recorders) or _reached(life, life.figure)
        return "settled" if late or complete else "kept"
    return "settled" if life.stage == "stood" else "kept"


def _alone(life: Life) -> str:
    """After three failed recorders, or without any, the ledger settles by itself."""
    life.recorder, life.approving, life.reached = "", 0, _reached(life, life.figure)
    return "settled" if life.attempt >= min(ATTEMPTS, len(life.recorders)) else "kept"


def _rewards(life: Life) -> tuple[list[tuple[str, int, str]], int]:
    """Fees first, then what was earned; and what is left of the escrow."""
    pay, left = life.rules.paying, life.escrow
    found: list[tuple[str, int, str]] = []

    def give(member: str, amount: int, why: str) -> None:
        nonlocal left
        amount = min(amount, left)
        if member and amount:
            found.append((member, amount, why))
            left -= amount

    give(life.recorder, pay.recorder_fee, "fee")
    analyst = life.seats.get(life.analyst)
    if analyst is not None and analyst.present:
        give(life.analyst, pay.analyst_fee, "fee")
    promised = life.request.reward - pay.recorder_fee - pay.analyst_fee
    payable = min(max(0, promised - life.purchased), left)
    if not life.reached:
        payable -= payable * pay.quality_share // PPM
    seats = [life.seats[m] for m in sorted(life.seats)]
    shares = weights(life, seats)
    for member, amount in _divided(life, seats, shares, payable, promised):
        give(member, amount, "reward")
    return found, left


def _divided(
    life: Life, seats: list[Seat], shares: dict[str, Fraction | int], payable: int, promised: int
) -> list[tuple[str, int]]:
    pay, names = life.rules.paying, list(shares)
    if not names:
        return []
    if pay.kind == "per_round":
        whole = min(payable, promised)
        due = [s for s in seats if s.earned and s.status != "expelled"]
        return [(s.member, s.earned * whole // promised if promised else s.earned) for s in due]
    if pay.kind == "per_amount":
        paid = [life.seats[name] for name in names]
        owed = [pay.price * s.amount * s.present // max(1, life.completed) for s in paid]
        parts = owed if sum(owed) <= payable else shared(payable, owed)
        return list(zip(names, parts, strict=True))
    leads = life.leader in names
    first = names.index(life.leader) if leads else 0
    base = payable // len(names) if pay.leader_share and leads else 0
    parts = shared(payable - base, list(shares.values()), first)
    parts[first] += base
    return list(zip(names, parts, strict=True))


def _fine(books: Books, life: Life, wanted: list[tuple[str, int, str]], earned: dict[str, int]) -> int:
    """Deposits return without what was forfeited; who stayed shares a deserter's part of it."""
    rules, to_escrow = life.rules, 0
    printed = rules.paying.penalties == "as_printed"
    all_turns = sum(seat.turns for seat in life.seats.values())
    one_round = -(-life.request.reward // (rules.stopping.rounds * rules.forming.size))
    fined: dict[str, int] = {}
    taken = dict.fromkeys(life.seats, 0)
    for name in sorted(life.seats):
        seat = life.seats[name]
        turns = all_turns if printed else seat.turns
        missed = min(turns, seat.missed + (seat.idle if printed else 0))
        idle = 0 if printed else min(turns, seat.idle)
        shared_out = seat.deposit * missed // turns if turns else 0
        kept = (seat.deposit * idle // turns if turns else 0) + seat.forfeits * one_round
        kept = min(kept, seat.deposit - shared_out)
        faultless = not (seat.missed or seat.idle or seat.forfeits)
        ensure(not faultless or shared_out + kept == 0, name, "is fined though it served all its turns")
        if shared_out + kept:
            fined[name] = shared_out + kept
        books.balance[name] += seat.deposit - shared_out - kept
        to_escrow += kept
        others = [m for m in sorted(life.seats) if m != name and life.seats[m].status == "active"]
        if not others:
            to_escrow += shared_out
            continue
        first = others.index(life.leader) if life.leader in others else 0
        for member, part in zip(others, shared(shared_out, [1] * len(others), first), strict=True):
            taken[member] += part
    for member, amount in taken.items():
        books.balance[member] += amount
        if amount:
            wanted.append((member, amount, "compensation"))
    ensure(sorted(life.paid) == sorted(wanted), life.name, "paid", life.paid, "by the books", wanted)
    ensure(life.fined == fined, life.name, "fined", life.fined, "by the books", fined)
    for member in sorted({*earned, *life.seats}):
        pair = (life.request.member, member)
        gained = earned.get(member, 0) // 2 ** books.pairs.get(pair, 0)
        if earned.get(member):
            books.pairs[pair] = books.pairs.get(pair, 0) + 1
        books.credit[member] = max(0, books.credit[member] + gained - fined.get(member, 0))
    return to_escrow


def _compare_record(life: Life, view: View) -> None:
    """The record says what the books know."""
    record = view.find(RECORDS, life.name)
    ensure(record is not None, life.name, "is settled without a record")
    assert record is not None
    seats = [life.seats[m] for m in sorted(life.seats)]
    shares = weights(life, seats)
    parts = shared(PPM, list(shares.values())) if shares else []
    sources = tuple((s.member, use.unit, use.grant) for s in seats for use in s.units if s.accepted)
    own = (
        life.recorder, life.model, life.figure, life.completed, tuple(zip(shares, parts, strict=True)),
        life.approving, len(life.recorders), life.reached, sources, bool(life.recorder),
    )  # fmt: skip
    theirs = (
        record.recorder, record.model, record.figure, record.rounds, record.contributions,
        record.approving, record.electorate, record.reached, record.sources, record.stands,
    )  # fmt: skip
    ensure(own == theirs, "the record of", life.name, "says", theirs, "by the books", own)
