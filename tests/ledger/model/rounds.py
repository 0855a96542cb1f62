"""Rounds in the books: who is counted and paid, who leaves, who moves up, and why the rounds stop."""

from __future__ import annotations

from typing import Any

from tallystick.base.codec import encode
from tallystick.base.ids import digest, rank
from tallystick.ledger.rules import all_phases
from tallystick.ledger.transactions import Committed, SaltReveal
from tests.ledger.model.books import Books
from tests.ledger.model.faults import better, far_below
from tests.ledger.model.phases import following
from tests.ledger.model.request_model import PhaseModel, PlaceModel, RequestModel, RoundModel
from tests.ledger.model.sums import capped, shared
from tests.ledger.model.teams import depart, refill
from tests.ledger.observed import ensure

TIME_IS_UP = "the time is used up"
TOO_SMALL = "the team is too small"


def end_opening(books: Books, request: RequestModel) -> None:
    """Who kept its salt back forfeits its place; the salts seed every draw."""
    salts = []
    for rule in request.rules.opening:
        for member in request.now.owed[rule.name]:
            post = request.now.posts[rule.name].get(member)
            if post is not None and isinstance(post.content, SaltReveal):
                salts.append(post.content.salt)
            elif member in request.team.active:
                depart(books, request, member, "forfeited")
                request.must_announce("MemberLeft", member, "forfeited")
    request.seed = digest(b"salts", request.name.encode(), *salts)
    request.stage, request.round, request.phase, request.now = "rounds", 1, -1, RoundModel()
    refill(books, request, 0)
    if len(request.team.data_members()) < request.smallest_team():
        request.must_announce("RoundsStopped", TOO_SMALL)


def stopped(books: Books, request: RequestModel, reason: str) -> None:
    """No more rounds: on to the closing phases, or the money goes back."""
    if not request.announced("RoundsStopped", reason):
        late = request.stage in ("opening", "rounds") and books.now.time >= request.until
        ensure(late and reason == TIME_IS_UP, request.name, "stops its rounds:", reason)
    request.open, request.now, request.phase = None, RoundModel(), -1
    if request.result.completed:
        request.stage, request.round = "closing", request.round + 1
    else:
        request.must_announce("RequestEnded", "refunded", reason)


def gains(request: RequestModel) -> dict[str, int]:
    """Each post's gain over the round's start and, in a relay, over the best earlier hop (errata 21)."""
    gained: dict[str, int] = {}
    turns = {rule.name: rule.turn for rule in request.rules.phases}
    for phase, figures in request.now.judged:
        if turns[phase] == "leader":
            continue
        hops = turns[phase] == "in_order" and phase == request.rules.result
        best = request.now.start
        for member in [m for m, _ in request.now.authors] if hops else sorted(figures):
            if member not in figures:
                continue
            ahead = 0 if best is None else max(0, better(request.rules, figures[member], best))
            if turns[phase] == "in_order" and (best is None or ahead):
                best = figures[member]
            if member not in unpaid(request):
                gained[member] = gained.get(member, 0) + ahead
    return gained


def unpaid(request: RequestModel) -> list[str]:
    """Who gets nothing for this round: it was idle, at fault, or hid its scores."""
    return [*request.now.idle, *request.now.hidden, *request.now.faulty]


def round_ended(books: Books, request: RequestModel, round_: int, complete: bool, figure: int | None) -> None:
    """A round is over: who served it is counted and paid; who is worst leaves; the bench moves up."""
    now, ready = (
        request.now,
        request.open is None and following(request) is None and request.stage == "rounds",
    )
    ensure(
        ready and round_ == request.round,
        request.name,
        "ends round",
        round_,
        "in",
        request.stage,
        request.round,
    )
    ensure(books.now.time < request.until, request.name, "ends a round after", request.until)
    own = now.counted and bool(now.authors)
    ensure(complete == own, request.name, "round", round_, "complete:", complete, "by the books", own)
    judged = dict(now.judged)
    result = judged.get(request.rules.result, {}).get(now.authors[-1][0]) if now.authors else None
    ensure(
        figure == (now.start if result is None else result), request.name, "round", round_, "is said", figure
    )
    if complete:
        _count(request, result)
    _reseed(request)
    _change_team(books, request, complete)
    reason = _why_stop(request, result if result is not None else now.start)
    if not reason and not any(now.owed.values()):
        reason = "nobody has anything to do"
    if reason:
        request.must_announce("RoundsStopped", reason)
    else:
        request.round, request.phase, request.now = request.round + 1, -1, RoundModel()


def _count(request: RequestModel, result: int | None) -> None:
    team = request.team
    now, rules = request.now, request.rules
    request.result.completed += 1
    trains = {rule.name for rule in rules.phases if rule.content in ("model", "inline")}
    served = [(phase, m) for phase, posts in now.posts.items() for m, post in posts.items() if post.stands]
    trained = list(dict.fromkeys(m for phase, m in served if phase in trains))
    gained = gains(request)
    scores = {m: figure for _, figures in now.judged for m, figure in figures.items()}
    for member in dict.fromkeys(m for _, m in served):
        place = team.places[member]
        place.last = request.result.completed
        place.accepted += 1
        place.present += member in trained and member not in unpaid(request)
        place.gain = min(2**53, place.gain + gained.get(member, 0))
        place.score = scores.get(member, place.score)
    paid = [team.places[m] for m in _by_post(request) if m in trained and not team.places[m].analyst]
    _pay(request, [place for place in paid if place.member not in unpaid(request)], gained)
    request.result.model = now.authors[-1][1]
    if now.start is not None:
        request.result.figures.append(now.start)
    request.result.figure = request.result.figure if result is None else result


def _by_post(request: RequestModel) -> list[str]:
    """Who has a post that stands, in the order of phases and turns."""
    rows = [(rule.name, m) for rule in all_phases(request.rules) for m in request.now.owed.get(rule.name, [])]
    stands = [m for phase, m in rows if m in request.now.posts[phase] and request.now.posts[phase][m].stands]
    return list(dict.fromkeys(stands))


def _pay(request: RequestModel, paid: list[PlaceModel], gained: dict[str, int]) -> None:
    """One round's reward among those who served it, where rounds are paid."""
    pay, rounds = request.rules.paying, request.rules.stopping.rounds
    if pay.kind != "per_round" or not paid:
        return
    even = (request.posted.reward - pay.recorder_fee - pay.analyst_fee) // rounds
    amount = pay.schedule[request.round - 1] if pay.schedule else even
    weights: list[Any] = [1] * len(paid)
    if pay.weight == "amount":
        weights = [place.amount for place in paid]
    elif pay.weight == "gain":
        weights = list(capped([gained.get(place.member, 0) for place in paid]))
    for place, part in zip(paid, shared(amount, weights), strict=True):
        place.earned += part


def _reseed(request: RequestModel) -> None:
    revealed = []
    for rule in request.rules.phases:
        posts = request.now.posts.get(rule.name, {})
        for member in request.now.owed.get(rule.name, []):
            post = posts.get(member)
            if post is not None and isinstance(post.content, Committed) and post.values is not None:
                revealed.append(encode(post.values))
    if revealed:
        request.seed = digest(b"reveals", request.seed, *revealed)


def _change_team(books: Books, request: RequestModel, complete: bool) -> None:
    team = request.team
    faulty = [m for m in request.now.faulty if m in team.active]
    spare = len(team.data_members()) + len(team.bench) - request.smallest_team()
    gone = faulty[: max(0, spare)] if complete else []
    for member in faulty:
        place, turns = team.places[member], turns_ahead(request, team.places[member]) if member in gone else 0
        place.turns += turns
        place.idle += turns + (member not in request.now.idle)
    for member in gone:
        depart(books, request, member, "expelled")
        request.must_announce("MemberLeft", member, "expelled")
    if complete:
        for member in worst(request):
            depart(books, request, member, "evicted")
            request.must_announce("MemberLeft", member, "evicted")
    elif not request.now.counted and team.leader and _leader_silent(request):
        place = team.places[team.leader]
        others = [m for m in team.active if m != team.leader]
        if place.analyst:
            depart(books, request, place.member, "replaced")
            request.must_announce("MemberLeft", place.member, "replaced")
        elif others:
            team.leader = others[0]
    refill(books, request, request.round)


def _leader_silent(request: RequestModel) -> bool:
    rule = all_phases(request.rules)[request.phase]
    post = request.now.posts.get(rule.name, {}).get(request.team.leader)
    owed = request.team.leader in request.now.owed.get(rule.name, [])
    return rule.turn == "leader" and owed and (post is None or not post.stands)


def worst(request: RequestModel) -> list[str]:
    """Whom a completed round drops (bpcv 4.1): the worst, or those far below; the team stays whole."""
    rules, members = request.rules, request.team.data_members()
    scores = {m: f for _, figures in request.now.judged for m, f in figures.items() if m in members}
    spare = len(members) + len(request.team.bench) - request.smallest_team()
    if rules.evicting.kind == "none" or len(scores) < 2 or spare <= 0:
        return []
    order = sorted(scores, key=lambda m: (better(rules, scores[m], 0), rank(request.name.encode(), m)))
    if rules.evicting.kind == "worst":
        return order[:1]
    harming = far_below(rules, scores, request.now.start)
    return [m for m in order if m in harming][:spare]


def _why_stop(request: RequestModel, figure: int | None) -> str:
    result = request.result
    stopping, rules = request.rules.stopping, request.rules
    if stopping.quality is not None and figure is not None and better(rules, figure, stopping.quality) >= 0:
        return "the wanted quality is reached"
    if request.round >= stopping.rounds:
        return "all rounds are done"
    since = stopping.patience
    if since and len(result.figures) > since:
        gained = better(rules, result.figures[-1], result.figures[-1 - since])
        if gained < stopping.improvement:
            return f"{since} rounds improved too little"
    return TOO_SMALL if len(request.team.data_members()) < request.smallest_team() else ""


def left(books: Books, request: RequestModel, member: str) -> None:
    """A member leaves: every turn that it does not serve is missed; before round 1 only a salt kept back."""
    place, at = request.team.places[member], request.open
    ensure(at is not None, member, "leaves", request.name, "between phases")
    assert at is not None
    posts = request.now.posts[at.rule.name]
    post = posts.get(member)
    ahead = _ahead(request, place, at) if request.stage != "opening" else 0
    holders = at.owed[at.cursor : at.cursor + 1] if at.rule.turn == "in_order" else at.owed
    hides = post is not None and isinstance(post.content, Committed) and post.values is None
    place.turns += ahead
    place.missed += ahead + (member in holders and post is None) + hides
    place.forfeits += hides
    request.now.hidden += [member] * hides
    depart(books, request, member, "left")
    if at.rule.turn != "in_order" and (post is None or isinstance(post.content, Committed)):
        posts.pop(member, None)
        if member in at.owed:
            at.owed.remove(member)


def _ahead(request: RequestModel, place: PlaceModel, at: PhaseModel) -> int:
    """The turns that a leaver would still have had."""
    waits = at.rule.turn == "in_order" and place.member in at.owed[at.cursor + 1 :]
    return turns_ahead(request, place) + waits


def taken_back(request: RequestModel, place: PlaceModel) -> None:
    """Who took its own data back has left: every turn from here on is missed."""
    if request.stage != "opening":
        here = request.phase if request.open and request.open.rule.turn == "in_order" else following(request)
        turns = turns_ahead(request, place, here)
        place.turns, place.missed = place.turns + turns, place.missed + turns


def turns_ahead(request: RequestModel, place: PlaceModel, served: int | None = None) -> int:
    """The turns after so many phases: in this round, in those to come, in closing."""
    leads, rules = request.team.leader == place.member, request.rules
    serves = [leads if rule.turn == "leader" else not place.analyst for rule in all_phases(rules)]
    rounds = serves[len(rules.opening) : len(rules.opening) + len(rules.phases)]
    often = rules.stopping.rounds - request.round if request.stage == "rounds" else 0
    return often * sum(rounds) + sum(serves[request.phase + 1 if served is None else served :])
