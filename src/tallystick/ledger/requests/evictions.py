"""Who goes at the end of a round: evicted or expelled by the scores, a silent leader replaced (bpcv 4.1)."""

from ...base.ids import rank
from ..records import Progress, Request, RoundState
from ..rules import all_phases, smallest_team
from ..state import PHASES, PLACES, PROGRESS, TEAMS, Draft
from . import misconduct, scoring, seats, turns


def change_team(draft: Draft, request: Request, state: RoundState, complete: bool) -> None:
    """Expel and evict by the scores, replace a silent leader, refill from the bench."""
    name = request.request
    _expel(draft, request, state, complete)
    progress = draft.get(PROGRESS, name)
    if complete:
        seats.depart(draft, name, evicted(draft, request, state), "evicted")
    elif not state.counted and progress.leader and _leader_was_silent(draft, request, progress):
        _replace_leader(draft, request, progress)
    seats.refill(draft, request, progress.round)


def _expel(draft: Draft, request: Request, state: RoundState, complete: bool) -> None:
    """Who harmed the round was idle in it, and goes: it loses all pay, and what leaving costs to the escrow.

    A team at its smallest, or a round that does not count, keeps it; it is then idle in this round only.
    """
    name = request.request
    there = dict.fromkeys(draft.get(TEAMS, name).active)
    faulty = [m for m in state.faulty if m in there]
    gone = faulty[: max(0, _spare(draft, request))] if complete else []
    for member in faulty:
        place, progress = draft.get(PLACES, name, member), draft.get(PROGRESS, name)
        more = turns.ahead(request.rules, progress, member, progress.phase + 1) if member in gone else 0
        idle = place.idle + more + (member not in state.idle)
        draft.change(PLACES, name, member, turns=place.turns + more, idle=idle)
    seats.depart(draft, name, gone, "expelled")


def _spare(draft: Draft, request: Request) -> int:
    """How many members a team can lose."""
    name = request.request
    team, analyst = draft.get(TEAMS, name), draft.get(PROGRESS, name).analyst
    members = turns.data_members(draft, name, team)
    return len(members) + len(team.bench) - smallest_team(request.rules.forming, bool(analyst))


def evicted(draft: Draft, request: Request, state: RoundState) -> list[str]:
    """Whom this round drops (bpcv 4.1, erratum 8); never below the smallest team."""
    name, rules = request.request, request.rules
    team = draft.get(TEAMS, name)
    members = turns.data_members(draft, name, team)
    scores = {m: figure for m, figure in scoring.figures_of(state).items() if m in members}
    spare = _spare(draft, request)
    if rules.evicting.kind == "none" or len(scores) < 2 or spare <= 0:
        return []
    worst_first = sorted(scores, key=lambda m: (scoring.better(rules, scores[m], 0), rank(name.encode(), m)))
    if rules.evicting.kind == "worst":
        return worst_first[:1]
    outliers = misconduct.outliers(rules, scores, state.start)
    return [m for m in worst_first if m in outliers][:spare]


def _leader_was_silent(draft: Draft, request: Request, progress: Progress) -> bool:
    """Whether the round failed in a phase that was the leader's."""
    if progress.phase < 0:
        return False
    rule = all_phases(request.rules)[progress.phase]
    phase = draft.find(PHASES, request.request, progress.phase)
    owed = phase is not None and progress.leader in phase.owed
    posted = turns.accepted(draft, request.request, progress.phase, progress.leader)
    return rule.turn == "leader" and owed and not posted


def _replace_leader(draft: Draft, request: Request, progress: Progress) -> None:
    """A silent analyst gives way to one that waits; any other leader passes the lead on."""
    name, team = request.request, draft.get(TEAMS, request.request)
    place = draft.get(PLACES, name, progress.leader)
    if place.role == "analyst":
        seats.depart(draft, name, [place.member], "replaced")
        return
    others = [m for m in team.active if m != place.member]
    if others:
        draft.change(PLACES, name, place.member, role="member")
        draft.change(PLACES, name, others[0], role="leader")
        draft.change(PROGRESS, name, leader=others[0])
