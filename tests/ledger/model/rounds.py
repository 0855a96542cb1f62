"""Rounds in the books: who is counted and paid, who leaves, who moves up, and why the rounds stop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tallystick.base.codec import encode
from tallystick.base.ids import digest, rank
from tallystick.ledger.posts import Committed, SaltReveal
from tallystick.ledger.rules import all_phases
from tests.ledger.model.faults import better, far_below
from tests.ledger.model.phases import following
from tests.ledger.model.request_model import Life, Open, Round, Seat, depart, refill, smallest
from tests.ledger.model.sums import capped, shared
from tests.ledger.model.world import ensure

if TYPE_CHECKING:
    from tests.ledger.model.books import Books

TIME_IS_UP = "the time is used up"
TOO_SMALL = "the team is too small"


def end_opening(books: Books, life: Life) -> None:
    """Who kept its salt back forfeits its place; the salts seed every draw."""
    salts = []
    for rule in life.rules.opening:
        for member in life.now.owed[rule.name]:
            post = life.now.posts[rule.name].get(member)
            if post is not None and isinstance(post.content, SaltReveal):
                salts.append(post.content.salt)
            elif member in life.active:
                depart(books, life, member, "forfeited")
                life.must_say("MemberLeft", member, "forfeited")
    life.seed = digest(b"salts", life.name.encode(), *salts)
    life.stage, life.round, life.phase, life.now = "rounds", 1, -1, Round()
    refill(books, life, 0)
    if len(life.data_members()) < smallest(life):
        life.must_say("RoundsStopped", TOO_SMALL)


def stopped(books: Books, life: Life, reason: str) -> None:
    """No more rounds: on to the closing phases, or the money goes back."""
    if not life.said("RoundsStopped", reason):
        late = life.stage in ("opening", "rounds") and books.time >= life.until
        ensure(late and reason == TIME_IS_UP, life.name, "stops its rounds:", reason)
    life.why, life.open, life.now, life.phase = reason, None, Round(), -1
    if life.completed:
        life.stage, life.round = "closing", life.round + 1
    else:
        life.must_say("RequestEnded", "refunded", reason)


def gains(life: Life) -> dict[str, int]:
    """Each post's gain over the round's start and, in a relay, over the best earlier hop (errata 21)."""
    found: dict[str, int] = {}
    turns = {rule.name: rule.turn for rule in life.rules.phases}
    for phase, figures in life.now.judged:
        if turns[phase] == "leader":
            continue
        hops = turns[phase] == "in_order" and phase == life.rules.result
        best = life.now.start
        for member in [m for m, _ in life.now.authors] if hops else sorted(figures):
            if member not in figures:
                continue
            ahead = 0 if best is None else max(0, better(life.rules, figures[member], best))
            if turns[phase] == "in_order" and (best is None or ahead):
                best = figures[member]
            if member not in unpaid(life):
                found[member] = found.get(member, 0) + ahead
    return found


def unpaid(life: Life) -> list[str]:
    """Who gets nothing for this round: it was idle, at fault, or hid its scores."""
    return [*life.now.idle, *life.now.hidden, *life.now.faulty]


def round_ended(books: Books, life: Life, round_: int, complete: bool, figure: int | None) -> None:
    """A round is over: who served it is counted and paid; who is worst leaves; the bench moves up."""
    now, ready = life.now, life.open is None and following(life) is None and life.stage == "rounds"
    ensure(ready and round_ == life.round, life.name, "ends round", round_, "in", life.stage, life.round)
    ensure(books.time < life.until, life.name, "ends a round after", life.until)
    own = now.counted and bool(now.authors)
    ensure(complete == own, life.name, "round", round_, "complete:", complete, "by the books", own)
    judged = dict(now.judged)
    result = judged.get(life.rules.result, {}).get(now.authors[-1][0]) if now.authors else None
    ensure(figure == (now.start if result is None else result), life.name, "round", round_, "is said", figure)
    if complete:
        _count(life, result)
    _reseed(life)
    _change_team(books, life, complete)
    reason = _why_stop(life, result if result is not None else now.start)
    if not reason and not any(now.owed.values()):
        reason = "nobody has anything to do"
    if reason:
        life.must_say("RoundsStopped", reason)
    else:
        life.round, life.phase, life.now = life.round + 1, -1, Round()


def _count(life: Life, result: int | None) -> None:
    now, rules = life.now, life.rules
    life.completed += 1
    trains = {rule.name for rule in rules.phases if rule.content in ("model", "inline")}
    served = [(phase, m) for phase, posts in now.posts.items() for m, post in posts.items() if post.stands]
    trained = list(dict.fromkeys(m for phase, m in served if phase in trains))
    gained = gains(life)
    scores = {m: figure for _, figures in now.judged for m, figure in figures.items()}
    for member in dict.fromkeys(m for _, m in served):
        seat = life.seats[member]
        seat.last = life.completed
        seat.accepted += 1
        seat.present += member in trained and member not in unpaid(life)
        seat.gain = min(2**53, seat.gain + gained.get(member, 0))
        seat.score = scores.get(member, seat.score)
    paid = [life.seats[m] for m in _by_post(life) if m in trained and not life.seats[m].analyst]
    _pay(life, [seat for seat in paid if seat.member not in unpaid(life)], gained)
    life.model = now.authors[-1][1]
    if now.start is not None:
        life.figures.append(now.start)
    life.figure = life.figure if result is None else result


def _by_post(life: Life) -> list[str]:
    """Who has a post that stands, in the order of phases and turns."""
    rows = [(rule.name, m) for rule in all_phases(life.rules) for m in life.now.owed.get(rule.name, [])]
    stands = [m for phase, m in rows if m in life.now.posts[phase] and life.now.posts[phase][m].stands]
    return list(dict.fromkeys(stands))


def _pay(life: Life, paid: list[Seat], gained: dict[str, int]) -> None:
    """One round's reward among those who served it, where rounds are paid."""
    pay, rounds = life.rules.paying, life.rules.stopping.rounds
    if pay.kind != "per_round" or not paid:
        return
    even = (life.request.reward - pay.recorder_fee - pay.analyst_fee) // rounds
    amount = pay.schedule[life.round - 1] if pay.schedule else even
    weights: list[Any] = [1] * len(paid)
    if pay.weight == "amount":
        weights = [seat.amount for seat in paid]
    elif pay.weight == "gain":
        weights = list(capped([gained.get(seat.member, 0) for seat in paid]))
    for seat, part in zip(paid, shared(amount, weights), strict=True):
        seat.earned += part


def _reseed(life: Life) -> None:
    found = []
    for rule in life.rules.phases:
        posts = life.now.posts.get(rule.name, {})
        for member in life.now.owed.get(rule.name, []):
            post = posts.get(member)
            if post is not None and isinstance(post.content, Committed) and post.values is not None:
                found.append(encode(post.values))
    if found:
        life.seed = digest(b"reveals", life.seed, *found)


def _change_team(books: Books, life: Life, complete: bool) -> None:
    faulty = [m for m in life.now.faulty if m in life.active]
    spare = len(life.data_members()) + len(life.bench) - smallest(life)
    gone = faulty[: max(0, spare)] if complete else []
    for member in faulty:
        seat, turns = life.seats[member], turns_ahead(life, life.seats[member]) if member in gone else 0
        seat.turns += turns
        seat.idle += turns + (member not in life.now.idle)
    for member in gone:
        depart(books, life, member, "expelled")
        life.must_say("MemberLeft", member, "expelled")
    if complete:
        for member in worst(life):
            depart(books, life, member, "evicted")
            life.must_say("MemberLeft", member, "evicted")
    elif not life.now.counted and life.leader and _leader_silent(life):
        seat = life.seats[life.leader]
        others = [m for m in life.active if m != life.leader]
        if seat.analyst:
            depart(books, life, seat.member, "replaced")
            life.must_say("MemberLeft", seat.member, "replaced")
        elif others:
            life.leader = others[0]
    refill(books, life, life.round)


def _leader_silent(life: Life) -> bool:
    rule = all_phases(life.rules)[life.phase]
    post = life.now.posts.get(rule.name, {}).get(life.leader)
    owed = life.leader in life.now.owed.get(rule.name, [])
    return rule.turn == "leader" and owed and (post is None or not post.stands)


def worst(life: Life) -> list[str]:
    """Whom a completed round drops (bpcv 4.1): the worst, or those far below; the team stays whole."""
    rules, members = life.rules, life.data_members()
    scores = {m: f for _, figures in life.now.judged for m, f in figures.items() if m in members}
    spare = len(members) + len(life.bench) - smallest(life)
    if rules.evicting.kind == "none" or len(scores) < 2 or spare <= 0:
        return []
    order = sorted(scores, key=lambda m: (better(rules, scores[m], 0), rank(life.name.encode(), m)))
    if rules.evicting.kind == "worst":
        return order[:1]
    harming = far_below(rules, scores, life.now.start)
    return [m for m in order if m in harming][:spare]


def _why_stop(life: Life, figure: int | None) -> str:
    stopping, rules = life.rules.stopping, life.rules
    if stopping.quality is not None and figure is not None and better(rules, figure, stopping.quality) >= 0:
        return "the wanted quality is reached"
    if life.round >= stopping.rounds:
        return "all rounds are done"
    since = stopping.patience
    if since and len(life.figures) > since:
        gained = better(rules, life.figures[-1], life.figures[-1 - since])
        if gained < stopping.improvement:
            return f"{since} rounds improved too little"
    return TOO_SMALL if len(life.data_members()) < smallest(life) else ""


def left(books: Books, life: Life, member: str) -> None:
    """A member leaves: every turn that it does not serve is missed; before round 1 only a salt kept back."""
    seat, at = life.seats[member], life.open
    ensure(at is not None, member, "leaves", life.name, "between phases")
    assert at is not None
    posts = life.now.posts[at.rule.name]
    post = posts.get(member)
    ahead = _ahead(life, seat, at) if life.stage != "opening" else 0
    holders = at.owed[at.cursor : at.cursor + 1] if at.rule.turn == "in_order" else at.owed
    hides = post is not None and isinstance(post.content, Committed) and post.values is None
    seat.turns += ahead
    seat.missed += ahead + (member in holders and post is None) + hides
    seat.forfeits += hides
    life.now.hidden += [member] * hides
    depart(books, life, member, "left")
    if at.rule.turn != "in_order" and (post is None or isinstance(post.content, Committed)):
        posts.pop(member, None)
        if member in at.owed:
            at.owed.remove(member)


def _ahead(life: Life, seat: Seat, at: Open) -> int:
    """The turns that a leaver would still have had."""
    waits = at.rule.turn == "in_order" and seat.member in at.owed[at.cursor + 1 :]
    return turns_ahead(life, seat) + waits


def taken_back(life: Life, seat: Seat) -> None:
    """Who took its own data back has left: every turn from here on is missed."""
    if life.stage != "opening":
        here = life.phase if life.open and life.open.rule.turn == "in_order" else following(life)
        turns = turns_ahead(life, seat, here)
        seat.turns, seat.missed = seat.turns + turns, seat.missed + turns


def turns_ahead(life: Life, seat: Seat, served: int | None = None) -> int:
    """The turns after so many phases: in this round, in those to come, in closing."""
    leads, rules = life.leader == seat.member, life.rules
    serves = [leads if rule.turn == "leader" else not seat.analyst for rule in all_phases(rules)]
    rounds = serves[len(rules.opening) : len(rules.opening) + len(rules.phases)]
    often = rules.stopping.rounds - life.round if life.stage == "rounds" else 0
    return often * sum(rounds) + sum(serves[life.phase + 1 if served is None else served :])
