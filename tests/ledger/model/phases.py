"""Phases in the books: whose turn it is, what a post is worth, who missed it, what the scores say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tallystick.base.ids import digest, rank
from tallystick.ledger.posts import Committed, Declined, Model, SaltReveal, Scores, score_commitment
from tallystick.ledger.rules import PhaseRule, Rules, all_phases
from tests.ledger.model.faults import Vectors, at_fault
from tests.ledger.model.request_model import Life, Open, Said, entitled
from tests.ledger.model.sums import PPM, middle
from tests.ledger.model.world import ensure

if TYPE_CHECKING:
    from tests.ledger.model.books import Books


def seed_of(life: Life) -> bytes:
    return digest(b"seed", life.name.encode(), life.round.to_bytes(8, "big"), life.seed)


def following(life: Life) -> int | None:
    """The place of the next phase of this stage or round."""
    rules = life.rules
    opening, rounds = len(rules.opening), len(rules.opening) + len(rules.phases)
    first, last = {
        "opening": (0, opening),
        "rounds": (opening, rounds),
        "closing": (rounds, len(all_phases(rules))),
    }[life.stage]
    after = max(life.phase + 1, first)
    over = after >= last or (life.stage == "rounds" and not life.now.counted)
    return None if over else after


def authors(life: Life, phase: str) -> list[str]:
    return sorted(m for m, post in life.now.posts.get(phase, {}).items() if post.stands)


def turn_of(life: Life, rule: PhaseRule) -> tuple[list[str], tuple[str, ...], tuple[str, ...]]:
    """Who owes in a phase that opens now, whose posts it is about, and the drawn circle."""
    members = life.data_members()
    kind, _, rest = rule.turn.partition(":")
    about: list[str] = []
    if rule.content == "scores":
        closing = [m for m in members if life.seats[m].present]
        about = (
            closing if life.stage == "closing" else [m for m in authors(life, rule.of) if m in life.active]
        )
    drawn = sorted(members, key=lambda m: rank(seed_of(life), m))
    circle = tuple(drawn) if kind in ("drawn", "groups") else ()
    owed = members
    if kind == "leader":
        owed = [m for m in life.active if m == life.leader]
    elif kind == "in_order":
        owed = drawn
    elif kind == "present":
        owed = [m for m in authors(life, rest) if m in life.active]
    elif kind == "everyone_but":
        owed = [m for m in members if m not in authors(life, rest)]
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


def opened(books: Books, life: Life, round_: int, phase: str, deadline: int) -> None:
    """A phase opens, or the turn passes on in it; it is charged to whose turn it is."""
    at = life.open
    if at is None:
        index = following(life)
        ensure(index is not None, life.name, "opens", phase, "when nothing is to follow in", life.stage)
        assert index is not None
        rule = all_phases(life.rules)[index]
        ensure((rule.name, life.round) == (phase, round_), life.name, "opens", phase, "not", rule.name)
        owed, about, circle = turn_of(life, rule)
        at = life.open = Open(rule, round_, deadline, owed, about, circle)
        life.phase = index
        life.now.posts.setdefault(phase, {})
        life.now.owed[phase] = at.owed
        for member in life.active:
            ensure(entitled(books, life, member), member, "serves on without a right to in", life.name)
        ensure(life.stage == "closing" or books.time < life.until, life.name, "opens", phase, "too late")
        turn = owed[:1] if rule.turn == "in_order" else owed
    else:
        ensure(at.rule.turn == "in_order" and at.rule.name == phase, life.name, "opens", phase, "again")
        at.cursor += 1
        while at.cursor < len(at.owed) and at.owed[at.cursor] not in life.active:
            at.cursor += 1
        turn = at.owed[at.cursor : at.cursor + 1]
        ensure(turn and entitled(books, life, turn[0]), life.name, "passes the turn to", turn)
    ensure(turn, life.name, "opens", phase, "for nobody")
    ensure(deadline == books.time + at.rule.wait, phase, "is due at", deadline, "opened at", books.time)
    at.deadline = deadline
    for member in turn:
        seat = life.seats[member]
        seat.turns, seat.opened = seat.turns + 1, True
        books.budgets.charge(life.request, round_, at.rule, member, seat.units)


def posted(books: Books, life: Life, member: str, body: Any) -> None:
    """A post was accepted: it had to be owed, new and in time."""
    at, content = life.open, body.content
    if at is None or (at.rule.name, at.round) != (body.phase, body.round):
        return ensure(False, member, "posts in", body.phase, "while open is", at and at.rule.name)
    told = (member, "posts in", body.phase, "of", life.name)
    ensure(books.time < at.deadline, *told, "at", books.time, "when it was due at", at.deadline)
    ensure(not at.revealing, *told, "while reveals are open")
    holders = at.owed[at.cursor : at.cursor + 1] if at.rule.turn == "in_order" else at.owed
    ensure(member in holders, *told, "which was owed by", holders)
    posts = life.now.posts[body.phase]
    ensure(member not in posts, *told, "twice")
    books.budgets.ensure_charged(life.name, body.round, body.phase, member)
    post = posts[member] = Said(content, not isinstance(content, Declined))
    seat = life.seats[member]
    if isinstance(content, Declined):
        seat.missed += 1
        return life.must_say("TurnMissed", member, "declined")
    wanted = {"model": "Model", "inline": "Inline", "salt": "SaltReveal", "scores": "Scores"}[at.rule.content]
    if at.rule.content == "scores" and at.rule.sealed:
        wanted = "Committed"
    ensure(type(content).__name__ == wanted, *told, "a", type(content).__name__)
    if isinstance(content, Scores):
        post.values = content.values
        owed = 1 + len(judged_by(at.rule, at.circle, at.subjects, member))
        ensure(len(content.values) == owed, *told, len(content.values), "scores, not", owed)
    if isinstance(content, SaltReveal):
        made = digest(b"salt", life.name.encode(), member.encode(), content.salt)
        ensure(made == seat.commitment, *told, "another salt")
    if isinstance(content, Model):
        hash_ = content.payload.plaintext
        copied = (member, "copied") in at.declared
        mine = hash_ in own_models(life, member, post)
        again = hash_ == life.model or (hash_ in life.now.hashes and not mine)
        ensure(copied == again, *told, "a copy that is not called one, or the reverse")
        post.stands = not copied
        if copied:
            at.declared.remove((member, "copied"))
            seat.idle += 1
            return None
        life.now.hashes.append(hash_)
        if life.stage == "closing" or at.rule.name == life.rules.result:
            life.now.authors.append((member, hash_))
    return None


def own_models(life: Life, member: str, but: Said) -> list[bytes]:
    """The models of this round that a member has posted and that still stand: it may post them again."""
    own = [posts[member] for posts in life.now.posts.values() if member in posts]
    stand = [post.content for post in own if post.stands and post is not but]
    return [content.payload.plaintext for content in stand if isinstance(content, Model)]


def revealed(books: Books, life: Life, member: str, body: Any) -> None:
    """A reveal was accepted: it opens what was committed, once and in time."""
    at = life.open
    told = (member, "reveals in", body.phase, "of", life.name)
    if at is None or not at.revealing or (at.rule.name, at.round) != (body.phase, body.round):
        return ensure(False, *told, "which is not revealing")
    ensure(books.time < at.deadline, *told, "too late")
    post = life.now.posts[body.phase].get(member)
    if post is None or not isinstance(post.content, Committed):
        return ensure(False, *told, "but committed nothing")
    ensure(post.values is None, *told, "twice")
    made = score_commitment(life.name, body.round, body.phase, member, body.values, body.salt)
    ensure(made == post.content.commitment, *told, "something else")
    owed = 1 + len(judged_by(at.rule, at.circle, at.subjects, member))
    ensure(len(body.values) == owed, *told, len(body.values), "scores, not", owed)
    post.values = body.values
    return None


def reveals_open(books: Books, life: Life, phase: str, deadline: int) -> None:
    at = life.open
    ensure(at is not None and at.rule.name == phase and not at.revealing, phase, "reveals out of turn")
    assert at is not None
    posts = life.now.posts[phase]
    complete = all(m in posts for m in at.owed)
    ensure(complete or books.time >= at.deadline, phase, "of", life.name, "reveals before its deadline")
    ensure(any(isinstance(p.content, Committed) for p in posts.values()), phase, "reveals nothing")
    at.revealing, at.deadline = True, deadline
    ensure(deadline == books.time + at.rule.wait, phase, "reveals until", deadline)


def missed(books: Books, life: Life, phase: str, member: str, reason: str) -> None:
    """The ledger announces a missed turn; most are compared when the phase closes."""
    at = life.open
    if life.next and life.next[0][0] == "TurnMissed":
        life.said("TurnMissed", member, reason)
    elif at is not None and at.rule.turn == "in_order" and reason == "silent":
        ensure(at.owed[at.cursor] == member, member, "misses", phase, "in the turn of", at.owed[at.cursor])
        silent = books.time >= at.deadline and member not in life.now.posts[phase]
        ensure(silent, member, "is said to have missed", phase, "at", books.time, "due at", at.deadline)
        life.seats[member].missed += 1
    else:
        ensure(at is not None, member, "misses", phase, "which nobody owed")
        assert at is not None
        at.declared.append((member, reason))


def closed(books: Books, life: Life, phase: str, counts: bool) -> None:
    """A phase closes: who was silent, what the scores say, whether it counts."""
    at = life.open
    if at is None:
        index = following(life)
        ensure(index is not None, life.name, "closes", phase, "when nothing is to follow")
        assert index is not None
        rule = all_phases(life.rules)[index]
        owed, about, circle = turn_of(life, rule)
        ensure(rule.name == phase and not owed, life.name, "closes", phase, "unopened for", owed)
        at, life.phase = Open(rule, life.round, 0, [], about, circle), index
        life.now.owed[phase] = []
    ensure(at.rule.name == phase, life.name, "closes", phase, "while open is", at.rule.name)
    posts = life.now.posts.setdefault(phase, {})
    _ensure_complete(books, life, at, posts)
    said: list[tuple[str, str]] = []
    standing = []
    for member in at.owed:
        post, seat = posts.get(member), life.seats[member]
        if post is None and at.rule.turn != "in_order":
            seat.missed += 1
            said.append((member, "silent"))
        elif post and post.stands and isinstance(post.content, Committed) and post.values is None:
            seat.missed, seat.forfeits, post.stands = seat.missed + 1, seat.forfeits + 1, False
            life.now.hidden.append(member)
            said.append((member, "unrevealed"))
        elif post and post.stands:
            standing.append(member)
    if at.rule.content == "scores":
        said += [(member, "unavailable") for member in _judge(life, at, posts, standing)]
    ensure(sorted(at.declared) == sorted(said), phase, "missed by", at.declared, "by the books", said)
    groups = [at.owed]
    if at.rule.turn.startswith("groups"):
        many = max(1, len(at.circle) // int(at.rule.turn.rpartition(":")[2]))
        groups = [list(at.circle[start::many]) for start in range(many)]
    enough = [sum(m in standing for m in group) for group in groups]
    own = any(n and n * PPM >= at.rule.quorum * len(g) for n, g in zip(enough, groups, strict=True))
    ensure(own == counts, phase, "of", life.name, "counts:", counts, "with", standing, "of", groups)
    life.now.counted = life.now.counted and counts
    life.open = None


def ensure_going_on(books: Books, life: Life, at: Open) -> None:
    """A phase that has all it waits for goes on at once, or with a large team as what is due next."""
    posts = life.now.posts[at.rule.name]
    if not complete(life, at, posts):
        return
    ensure(len(life.active) > books.at_once, at.rule.name, "of", life.name, "is complete and stays open")
    at.deadline = min(at.deadline, books.time)
    if at.rule.turn == "in_order":
        at.cursor = len(at.owed)


def complete(life: Life, at: Open, posts: dict[str, Said]) -> bool:
    """Whether everything is in that a phase waits for."""
    if at.rule.turn == "in_order":
        holder = at.owed[at.cursor : at.cursor + 1]
        served = all(m in posts or m not in life.active for m in holder)
        return served and not any(m in life.active for m in at.owed[at.cursor + 1 :])
    sealed = [m for m in at.owed if m in posts and isinstance(posts[m].content, Committed)]
    if at.revealing:
        return all(posts[m].values is not None for m in sealed)
    return all(m in posts for m in at.owed) and not sealed


def _ensure_complete(books: Books, life: Life, at: Open, posts: dict[str, Said]) -> None:
    """A phase closes when all is in, or when its time is up."""
    if at.rule.turn == "in_order":
        rest = [m for m in at.owed[at.cursor + 1 :] if m in life.active]
        ensure(not rest, at.rule.name, "closes before the turn of", rest)
        return
    sealed = any(m in posts and isinstance(posts[m].content, Committed) for m in at.owed)
    late = books.time >= at.deadline and (at.revealing or not sealed)
    ensure(
        complete(life, at, posts) or late,
        at.rule.name,
        "of",
        life.name,
        "closes at",
        books.time,
        "due at",
        at.deadline,
    )


def _judge(life: Life, at: Open, posts: dict[str, Said], standing: list[str]) -> list[str]:
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
            figures[member] = combined(life.rules, [score.figure for score in given if score not in gone])
    if life.stage == "closing":
        for member, figure in figures.items():
            life.seats[member].measured = figure
        return []
    for member in lost:
        life.now.posts[at.rule.of][member].stands = False
    for member in lost + idle:
        life.seats[member].idle += 1
    if at.rule.of == life.rules.result:
        life.now.authors = [one for one in life.now.authors if one[0] not in lost]
    start = combined(life.rules, starts) if starts else None
    faulty = at_fault(life.rules, vectors, figures, start)
    life.now.faulty = sorted({*life.now.faulty, *faulty})
    life.now.start = life.now.start if start is None else start
    life.now.judged.append((at.rule.of, figures))
    life.now.idle += idle
    return lost


def combined(rules: Rules, figures: list[int]) -> int:
    if rules.combine_scores == "sum":
        return sum(figures)
    if rules.combine_scores == "trimmed":
        cut = len(figures) // 5
        kept = sorted(figures)[cut : len(figures) - cut]
        return sum(kept) // len(kept)
    return middle(figures)
