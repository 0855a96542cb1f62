"""Whose turn it is, by the name of a rule; and which posts a judge must judge."""

from ...base.ids import digest, rank
from ..records import Phase, Progress, RoundState, Team
from ..rules import PhaseRule, Rules, all_phases
from ..state import PHASES, PLACES, POSTS, ROUNDS, Draft


def seed_of(request: str, round_: int, progress: Progress) -> bytes:
    """The seed of a round: request, round and the latest closed reveals; never a block's hash."""
    return digest(b"seed", request.encode(), round_.to_bytes(8, "big"), progress.seed)


def data_members(draft: Draft, request: str, team: Team) -> tuple[str, ...]:
    """The active members that hold data: all but an analyst, in the order of their names."""
    return tuple(sorted(m for m in team.active if draft.get(PLACES, request, m).role != "analyst"))


def authors(draft: Draft, request: str, rules: Rules, phase: str) -> tuple[str, ...]:
    """Who has an accepted post in a phase of this round, in the order of their names."""
    index = [rule.name for rule in all_phases(rules)].index(phase)
    served = draft.find(PHASES, request, index)
    if served is None:
        return ()
    return tuple(m for m in sorted(served.owed) if accepted(draft, request, index, m))


def accepted(draft: Draft, request: str, index: int, member: str) -> bool:
    """Whether a member's post in a phase of this round stands."""
    posting = draft.find(POSTS, request, index, member)
    return posting is not None and posting.accepted


def owed(draft: Draft, request: str, rules: Rules, progress: Progress, rule: PhaseRule, team: Team) -> Phase:
    """A phase as it opens: whose turn it is, and which members' posts it is about."""
    members = data_members(draft, request, team)
    kind, _, rest = rule.turn.partition(":")
    seed = seed_of(request, progress.round, progress)
    about = _subjects(draft, request, rules, progress, rule, team)
    circle: tuple[str, ...] = ()
    if kind == "leader":
        turn = tuple(m for m in team.active if m == progress.leader)
    elif kind == "in_order":
        turn = tuple(sorted(members, key=lambda m: rank(seed, m)))
    elif kind == "present":
        turn = _active(authors(draft, request, rules, rest), team)
    elif kind == "everyone_but":
        posted = dict.fromkeys(authors(draft, request, rules, rest))
        turn = tuple(m for m in members if m not in posted)
    elif kind == "drawn":
        circle = tuple(sorted(members, key=lambda m: rank(seed, m)))
        given = all_subjects(rule, Phase(progress.round, rule.name, 0, members, about, circle=circle))
        turn = tuple(m for m in members if given[m])
    elif kind == "groups":
        circle = tuple(sorted(members, key=lambda m: rank(seed, m)))
        turn = members
    else:
        turn = members
    return Phase(progress.round, rule.name, 0, turn, about, circle=circle)


def _subjects(
    draft: Draft, request: str, rules: Rules, progress: Progress, rule: PhaseRule, team: Team
) -> tuple[str, ...]:
    if rule.content != "scores":
        return ()
    if progress.stage == "closing":
        members = data_members(draft, request, team)
        return tuple(m for m in members if draft.get(PLACES, request, m).present)
    return _active(authors(draft, request, rules, rule.of), team)


def _active(members: tuple[str, ...], team: Team) -> tuple[str, ...]:
    there = dict.fromkeys(team.active)
    return tuple(m for m in members if m in there)


def judges_per_post(rule: PhaseRule) -> int:
    """How many judges each post is given by a drawn rule."""
    return int(rule.turn.rpartition(":")[2])


def subjects_of(rule: PhaseRule, phase: Phase, judge: str) -> tuple[str, ...]:
    """Whose posts a judge scores, in the order of its vector, after the start; never its own."""
    if phase.circle and rule.turn.startswith("drawn"):
        if judge not in phase.circle:
            return ()
        return _drawn(rule, phase, phase.circle.index(judge), dict.fromkeys(phase.subjects))
    return tuple(m for m in phase.subjects if m != judge)


def all_subjects(rule: PhaseRule, phase: Phase) -> dict[str, tuple[str, ...]]:
    """`subjects_of` every member at once: the work is the number of scores, not of pairs of members."""
    if phase.circle and rule.turn.startswith("drawn"):
        about = dict.fromkeys(phase.subjects)
        return {judge: _drawn(rule, phase, place, about) for place, judge in enumerate(phase.circle)}
    return {judge: subjects_of(rule, phase, judge) for judge in phase.owed}


def _drawn(rule: PhaseRule, phase: Phase, place: int, about: dict[str, None]) -> tuple[str, ...]:
    """Those of the k members before a place on the circle that have posts, in the order of their names."""
    circle, size = phase.circle, len(phase.circle)
    before = (circle[(place - step) % size] for step in range(1, min(judges_per_post(rule), size - 1) + 1))
    return tuple(sorted(m for m in before if m in about))


def groups(rule: PhaseRule, phase: Phase) -> tuple[tuple[str, ...], ...]:
    """The groups of a grouped phase: the drawn order cut into equal parts of at least the stated size."""
    size = int(rule.turn.rpartition(":")[2])
    count = max(1, len(phase.circle) // size)
    return tuple(phase.circle[start::count] for start in range(count))


def ahead(rules: Rules, progress: Progress, member: str, index: int) -> int:
    """The turns that a member would still have from this phase on: in this round, in others, in closing."""
    if progress.stage == "opening":
        return 0
    leads, trains = progress.leader == member, progress.analyst != member
    mine = [leads if rule.turn == "leader" else trains for rule in all_phases(rules)]
    first, last = len(rules.opening), len(rules.opening + rules.phases)
    rounds = rules.stopping.rounds - progress.round if progress.stage == "rounds" else 0
    return rounds * sum(mine[first:last]) + sum(mine[max(index, first) :])


def round_state(draft: Draft, request: str) -> RoundState:
    """What the running round has shown so far."""
    return draft.find(ROUNDS, request) or RoundState()


def time_is_up(draft: Draft, progress: Progress) -> bool:
    """Whether the rounds have used all the time that the rules give them."""
    return draft.time >= progress.until
