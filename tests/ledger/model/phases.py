"""Phases in the books: whose turn it is, what a post is worth, who missed it, what the scores say."""

from __future__ import annotations

from typing import Any

from tallystick.base.ids import digest, rank
from tallystick.ledger.rules import PhaseRule, Rules, all_phases
from tallystick.ledger.transactions import Committed, Declined, Model, SaltReveal, Scores, score_commitment
from tests.ledger.model.books import Books
from tests.ledger.model.faults import Vectors, at_fault
from tests.ledger.model.request_model import PhaseModel, PostModel, RequestModel
from tests.ledger.model.sums import PPM, middle
from tests.ledger.model.teams import entitled
from tests.ledger.observed import ensure


def seed_of(request: RequestModel) -> bytes:
    return digest(b"seed", request.name.encode(), request.round.to_bytes(8, "big"), request.seed)


def following(request: RequestModel) -> int | None:
    """The place of the next phase of this stage or round."""
    rules = request.rules
    opening, rounds = len(rules.opening), len(rules.opening) + len(rules.phases)
    first, last = {
        "opening": (0, opening),
        "rounds": (opening, rounds),
        "closing": (rounds, len(all_phases(rules))),
    }[request.stage]
    after = max(request.phase + 1, first)
    over = after >= last or (request.stage == "rounds" and not request.now.counted)
    return None if over else after


def authors(request: RequestModel, phase: str) -> list[str]:
    return sorted(m for m, post in request.now.posts.get(phase, {}).items() if post.stands)


def turn_of(request: RequestModel, rule: PhaseRule) -> tuple[list[str], tuple[str, ...], tuple[str, ...]]:
    """Who owes in a phase that opens now, whose posts it is about, and the drawn circle."""
    team = request.team
    members = team.data_members()
    kind, _, rest = rule.turn.partition(":")
    about: list[str] = []
    if rule.content == "scores":
        closing = [m for m in members if team.places[m].present]
        about = (
            closing
            if request.stage == "closing"
            else [m for m in authors(request, rule.of) if m in team.active]
        )
    drawn = sorted(members, key=lambda m: rank(seed_of(request), m))
    circle = tuple(drawn) if kind in ("drawn", "groups") else ()
    owed = members
    if kind == "leader":
        owed = [m for m in team.active if m == team.leader]
    elif kind == "in_order":
        owed = drawn
    elif kind == "present":
        owed = [m for m in authors(request, rest) if m in team.active]
    elif kind == "everyone_but":
        owed = [m for m in members if m not in authors(request, rest)]
    elif kind == "drawn":
        owed = [m for m in members if judged_by(rule, circle, tuple(about), m)]
    return owed, tuple(about), circle


def judged_by(rule: PhaseRule, circle: tuple[str, ...], about: tuple[str, ...], judge: str) -> list[str]:
    """Whom a judge judges, never itself: the k before it on the circle where judges are drawn."""
    if not rule.turn.startswith("drawn"):
        return [m for m in about if m != judge]
    if judge not in circle:
        return []
    often = min(int(rule.turn.rpartition(":")[2]), len(circle) - 1)
    place = circle.index(judge)
    return [m for m in about if m in {circle[place - step] for step in range(1, often + 1)}]


def opened(books: Books, request: RequestModel, round_: int, phase: str, deadline: int) -> None:
    """A phase opens, or the turn passes on in it; it is charged to whose turn it is."""
    team = request.team
    at = request.open
    if at is None:
        index = following(request)
        ensure(index is not None, request.name, "opens", phase, "when nothing is to follow in", request.stage)
        assert index is not None
        rule = all_phases(request.rules)[index]
        ensure((rule.name, request.round) == (phase, round_), request.name, "opens", phase, "not", rule.name)
        owed, about, circle = turn_of(request, rule)
        at = request.open = PhaseModel(rule, round_, deadline, owed, about, circle)
        request.phase = index
        request.now.posts.setdefault(phase, {})
        request.now.owed[phase] = at.owed
        for member in team.active:
            ensure(entitled(books, request, member), member, "serves on without a right to in", request.name)
        ensure(
            request.stage == "closing" or books.now.time < request.until,
            request.name,
            "opens",
            phase,
            "too late",
        )
        turn = owed[:1] if rule.turn == "in_order" else owed
    else:
        ensure(at.rule.turn == "in_order" and at.rule.name == phase, request.name, "opens", phase, "again")
        at.cursor += 1
        while at.cursor < len(at.owed) and at.owed[at.cursor] not in team.active:
            at.cursor += 1
        turn = at.owed[at.cursor : at.cursor + 1]
        ensure(turn and entitled(books, request, turn[0]), request.name, "passes the turn to", turn)
    ensure(turn, request.name, "opens", phase, "for nobody")
    ensure(
        deadline == books.now.time + at.rule.wait, phase, "is due at", deadline, "opened at", books.now.time
    )
    at.deadline = deadline
    for member in turn:
        place = team.places[member]
        place.turns, place.opened = place.turns + 1, True
        books.budgets.charge(request.posted, round_, at.rule, member, place.units)


def posted(books: Books, request: RequestModel, member: str, body: Any) -> None:
    """A post was accepted: it had to be owed, new and in time."""
    at, content = request.open, body.content
    if at is None or (at.rule.name, at.round) != (body.phase, body.round):
        return ensure(False, member, "posts in", body.phase, "while open is", at and at.rule.name)
    context = (member, "posts in", body.phase, "of", request.name)
    ensure(books.now.time < at.deadline, *context, "at", books.now.time, "when it was due at", at.deadline)
    ensure(not at.revealing, *context, "while reveals are open")
    holders = at.owed[at.cursor : at.cursor + 1] if at.rule.turn == "in_order" else at.owed
    ensure(member in holders, *context, "which was owed by", holders)
    posts = request.now.posts[body.phase]
    ensure(member not in posts, *context, "twice")
    books.budgets.ensure_charged(request.name, body.round, body.phase, member)
    post = posts[member] = PostModel(content, not isinstance(content, Declined))
    place = request.team.places[member]
    if isinstance(content, Declined):
        place.missed += 1
        return request.must_announce("TurnMissed", member, "declined")
    fitting = {"model": "Model", "inline": "Inline", "salt": "SaltReveal", "scores": "Scores"}[
        at.rule.content
    ]
    if at.rule.content == "scores" and at.rule.sealed:
        fitting = "Committed"
    ensure(type(content).__name__ == fitting, *context, "a", type(content).__name__)
    if isinstance(content, Scores):
        post.values = content.values
        owed = 1 + len(judged_by(at.rule, at.circle, at.subjects, member))
        ensure(len(content.values) == owed, *context, len(content.values), "scores, not", owed)
    if isinstance(content, SaltReveal):
        made = digest(b"salt", request.name.encode(), member.encode(), content.salt)
        ensure(made == place.commitment, *context, "another salt")
    if isinstance(content, Model):
        hash_ = content.payload.plaintext
        copied = (member, "copied") in at.declared
        mine = hash_ in own_models(request, member, post)
        again = hash_ == request.result.model or (hash_ in request.now.hashes and not mine)
        ensure(copied == again, *context, "a copy that is not called a copy, or the reverse")
        post.stands = not copied
        if copied:
            at.declared.remove((member, "copied"))
            place.idle += 1
            return None
        request.now.hashes.append(hash_)
        if request.stage == "closing" or at.rule.name == request.rules.result:
            request.now.authors.append((member, hash_))
    return None


def own_models(request: RequestModel, member: str, but: PostModel) -> list[bytes]:
    """The models of this round that a member has posted and that still stand: it may post them again."""
    own = [posts[member] for posts in request.now.posts.values() if member in posts]
    stand = [post.content for post in own if post.stands and post is not but]
    return [content.payload.plaintext for content in stand if isinstance(content, Model)]


def revealed(books: Books, request: RequestModel, member: str, body: Any) -> None:
    """A reveal was accepted: it opens what was committed, once and in time."""
    at = request.open
    context = (member, "reveals in", body.phase, "of", request.name)
    if at is None or not at.revealing or (at.rule.name, at.round) != (body.phase, body.round):
        return ensure(False, *context, "which is not revealing")
    ensure(books.now.time < at.deadline, *context, "too late")
    post = request.now.posts[body.phase].get(member)
    if post is None or not isinstance(post.content, Committed):
        return ensure(False, *context, "but committed nothing")
    ensure(post.values is None, *context, "twice")
    made = score_commitment(request.name, body.round, body.phase, member, body.values, body.salt)
    ensure(made == post.content.commitment, *context, "something else")
    owed = 1 + len(judged_by(at.rule, at.circle, at.subjects, member))
    ensure(len(body.values) == owed, *context, len(body.values), "scores, not", owed)
    post.values = body.values
    return None


def reveals_open(books: Books, request: RequestModel, phase: str, deadline: int) -> None:
    at = request.open
    ensure(at is not None and at.rule.name == phase and not at.revealing, phase, "reveals out of turn")
    assert at is not None
    posts = request.now.posts[phase]
    complete = all(m in posts for m in at.owed)
    ensure(
        complete or books.now.time >= at.deadline, phase, "of", request.name, "reveals before its deadline"
    )
    ensure(any(isinstance(p.content, Committed) for p in posts.values()), phase, "reveals nothing")
    at.revealing, at.deadline = True, deadline
    ensure(deadline == books.now.time + at.rule.wait, phase, "reveals until", deadline)


def missed(books: Books, request: RequestModel, phase: str, member: str, reason: str) -> None:
    """The ledger announces a missed turn; most are compared when the phase closes."""
    at = request.open
    if request.expected and request.expected[0][0] == "TurnMissed":
        request.announced("TurnMissed", member, reason)
    elif at is not None and at.rule.turn == "in_order" and reason == "silent":
        ensure(at.owed[at.cursor] == member, member, "misses", phase, "in the turn of", at.owed[at.cursor])
        silent = books.now.time >= at.deadline and member not in request.now.posts[phase]
        ensure(silent, member, "is said to have missed", phase, "at", books.now.time, "due at", at.deadline)
        request.team.places[member].missed += 1
    else:
        ensure(at is not None, member, "misses", phase, "which nobody owed")
        assert at is not None
        at.declared.append((member, reason))


def closed(books: Books, request: RequestModel, phase: str, counts: bool) -> None:
    """A phase closes: who was silent, what the scores say, whether it counts."""
    at = request.open
    if at is None:
        index = following(request)
        ensure(index is not None, request.name, "closes", phase, "when nothing is to follow")
        assert index is not None
        rule = all_phases(request.rules)[index]
        owed, about, circle = turn_of(request, rule)
        ensure(rule.name == phase and not owed, request.name, "closes", phase, "unopened for", owed)
        at, request.phase = PhaseModel(rule, request.round, 0, [], about, circle), index
        request.now.owed[phase] = []
    ensure(at.rule.name == phase, request.name, "closes", phase, "while open is", at.rule.name)
    posts = request.now.posts.setdefault(phase, {})
    _ensure_complete(books, request, at, posts)
    misses: list[tuple[str, str]] = []
    standing = []
    for member in at.owed:
        post, place = posts.get(member), request.team.places[member]
        if post is None and at.rule.turn != "in_order":
            place.missed += 1
            misses.append((member, "silent"))
        elif post and post.stands and isinstance(post.content, Committed) and post.values is None:
            place.missed, place.forfeits, post.stands = place.missed + 1, place.forfeits + 1, False
            request.now.hidden.append(member)
            misses.append((member, "unrevealed"))
        elif post and post.stands:
            standing.append(member)
    if at.rule.content == "scores":
        misses += [(member, "unavailable") for member in _judge(request, at, posts, standing)]
    ensure(sorted(at.declared) == sorted(misses), phase, "missed by", at.declared, "by the books", misses)
    groups = [at.owed]
    if at.rule.turn.startswith("groups"):
        many = max(1, len(at.circle) // int(at.rule.turn.rpartition(":")[2]))
        groups = [list(at.circle[start::many]) for start in range(many)]
    enough = [sum(m in standing for m in group) for group in groups]
    own = any(n and n * PPM >= at.rule.quorum * len(g) for n, g in zip(enough, groups, strict=True))
    ensure(own == counts, phase, "of", request.name, "counts:", counts, "with", standing, "of", groups)
    request.now.counted = request.now.counted and counts
    request.open = None


def ensure_going_on(books: Books, request: RequestModel, at: PhaseModel) -> None:
    """A phase that has all it waits for goes on at once, or with a large team as what is due next."""
    posts = request.now.posts[at.rule.name]
    if not complete(request, at, posts):
        return
    ensure(
        len(request.team.active) > books.at_once,
        at.rule.name,
        "of",
        request.name,
        "is complete and stays open",
    )
    at.deadline = min(at.deadline, books.now.time)
    if at.rule.turn == "in_order":
        at.cursor = len(at.owed)


def complete(request: RequestModel, at: PhaseModel, posts: dict[str, PostModel]) -> bool:
    """Whether everything is in that a phase waits for."""
    if at.rule.turn == "in_order":
        holder = at.owed[at.cursor : at.cursor + 1]
        served = all(m in posts or m not in request.team.active for m in holder)
        return served and not any(m in request.team.active for m in at.owed[at.cursor + 1 :])
    sealed = [m for m in at.owed if m in posts and isinstance(posts[m].content, Committed)]
    if at.revealing:
        return all(posts[m].values is not None for m in sealed)
    return all(m in posts for m in at.owed) and not sealed


def _ensure_complete(
    books: Books, request: RequestModel, at: PhaseModel, posts: dict[str, PostModel]
) -> None:
    """A phase closes when all is in, or when its time is up."""
    if at.rule.turn == "in_order":
        rest = [m for m in at.owed[at.cursor + 1 :] if m in request.team.active]
        ensure(not rest, at.rule.name, "closes before the turn of", rest)
        return
    sealed = any(m in posts and isinstance(posts[m].content, Committed) for m in at.owed)
    late = books.now.time >= at.deadline and (at.revealing or not sealed)
    ensure(
        complete(request, at, posts) or late,
        at.rule.name,
        "of",
        request.name,
        "closes at",
        books.now.time,
        "due at",
        at.deadline,
    )


def _judge(
    request: RequestModel, at: PhaseModel, posts: dict[str, PostModel], standing: list[str]
) -> list[str]:
    """Medians of what the others measured; posts that half could not have, or two thirds call idle."""
    starts: list[int] = []
    vectors: Vectors = {}
    about: dict[str, list[Any]] = {m: [] for m in at.subjects}
    for judge in standing:
        values = posts[judge].values or ()
        starts += [score.figure for score in values[:1] if score.verdict == "fine"]
        names = judged_by(at.rule, at.circle, at.subjects, judge)
        ensure(judge not in names and len(names) + 1 == len(values), judge, "judges", names, "with", values)
        vectors[judge] = (values[0], dict(zip(names, values[1:], strict=True)))
        for name, score in vectors[judge][1].items():
            about[name].append(score)
    figures: dict[str, int] = {}
    lost, idle = [], []
    for member, scores in about.items():
        given = [score for score in scores if score.verdict != "abstain"]
        gone = [score for score in given if score.verdict in ("unavailable", "malformed")]
        lazy = [score for score in given if score.verdict in ("copy", "unchanged")]
        if given and 2 * len(gone) >= len(given):
            lost.append(member)
            continue
        if len(lazy) * 3 > len(given) * 2:
            idle.append(member)
        if len(given) > len(gone):
            figures[member] = combined(request.rules, [score.figure for score in given if score not in gone])
    if request.stage == "closing":
        for member, figure in figures.items():
            request.team.places[member].measured = figure
        return []
    for member in lost:
        request.now.posts[at.rule.of][member].stands = False
    for member in lost + idle:
        request.team.places[member].idle += 1
    if at.rule.of == request.rules.result:
        request.now.authors = [author for author in request.now.authors if author[0] not in lost]
    start = combined(request.rules, starts) if starts else None
    faulty = at_fault(request.rules, vectors, figures, start)
    request.now.faulty = sorted({*request.now.faulty, *faulty})
    request.now.start = request.now.start if start is None else start
    request.now.judged.append((at.rule.of, figures))
    request.now.idle += idle
    return lost


def combined(rules: Rules, figures: list[int]) -> int:
    if rules.combine_scores == "sum":
        return sum(figures)
    if rules.combine_scores == "trimmed":
        cut = len(figures) // 5
        kept = sorted(figures)[cut : len(figures) - cut]
        return sum(kept) // len(kept)
    return middle(figures)
