"""A phase from opening to close: charges, turns one by one, commits and reveals, what counts as missed."""

from msgspec.structs import replace

from ...base.fixed import PPM
from ..budgets import reservations
from ..chains import allocations
from ..deadlines import cancel, schedule
from ..notices import PhaseClosed, PhaseOpened, RevealsOpened, TurnMissed
from ..records import Phase, Posting, Progress, Request
from ..rules import PhaseRule, all_phases
from ..state import PHASES, PLACES, POSTS, PROGRESS, ROUNDS, TEAMS, Draft
from ..transactions import Committed, Declined, Score, Scores
from . import misconduct, scoring, seats, turns


def open_phase(draft: Draft, request: Request, index: int) -> Phase:
    """Open a phase: release who may no longer serve, see whose turn it is, charge them, set the deadline."""
    name, rule = request.request, all_phases(request.rules)[index]
    seats.release_unentitled(draft, request, draft.get(TEAMS, name).active, index)
    progress = draft.change(PROGRESS, name, phase=index)
    opened = turns.owed(draft, name, request.rules, progress, rule, draft.get(TEAMS, name))
    phase = replace(opened, deadline=draft.time + rule.wait)
    draft.put(PHASES, phase, name, index)
    if phase.owed:
        schedule(draft, phase.deadline, "phase", name)
        for member in phase.owed[:1] if rule.turn == "in_order" else phase.owed:
            _open_for(draft, request, rule, progress, member)
        draft.emit(PhaseOpened(name, progress.round, rule.name, phase.deadline))
    return phase


def _open_for(draft: Draft, request: Request, rule: PhaseRule, progress: Progress, member: str) -> None:
    """The phase opens for one member: its turn counts, and its privacy cost is final."""
    place = draft.get(PLACES, request.request, member)
    if request.chain == draft.chain:
        allocations.charge(draft, request, rule, place)
    else:
        reservations.charge(draft, request.request, rule, progress.round, member, place.units)
    draft.change(PLACES, request.request, member, turns=place.turns + 1, opened=True)


def add_post(draft: Draft, request: Request, phase: Phase, posting: Posting) -> bool:
    """Put a post on the ledger; say whether the phase has all that it waits for."""
    name, index = request.request, draft.get(PROGRESS, request.request).phase
    rule = all_phases(request.rules)[index]
    draft.put(POSTS, posting, name, index, posting.member)
    committed = phase.committed + isinstance(posting.content, Committed)
    phase = replace(phase, posted=phase.posted + 1, committed=committed)
    if isinstance(posting.content, Declined):
        _missed(draft, name, phase, posting.member, "declined")
    if rule.turn == "in_order":
        return next_in_order(draft, request, phase, index)
    return _settle_counts(draft, request, phase, index)


def add_reveal(draft: Draft, request: Request, phase: Phase, member: str, values: tuple[Score, ...]) -> bool:
    """Open what was committed to; say whether all commitments are open."""
    name, index = request.request, draft.get(PROGRESS, request.request).phase
    draft.change(POSTS, name, index, member, values=values)
    return _settle_counts(draft, request, replace(phase, revealed=phase.revealed + 1), index)


def _settle_counts(draft: Draft, request: Request, phase: Phase, index: int) -> bool:
    """Keep the phase; open its reveals once every commitment is in; say whether it is complete."""
    name = request.request
    draft.put(PHASES, phase, name, index)
    if phase.revealing:
        return phase.revealed >= phase.committed
    if phase.posted < len(phase.owed):
        return False
    if phase.committed:
        open_reveals(draft, request, phase, index)
        return False
    return True


def open_reveals(draft: Draft, request: Request, phase: Phase, index: int) -> None:
    """All commitments are in, or their time is up: now they are opened, all in the same span."""
    name, rule = request.request, all_phases(request.rules)[index]
    cancel(draft, phase.deadline, "phase", name)
    phase = replace(phase, revealing=True, deadline=draft.time + rule.wait)
    schedule(draft, phase.deadline, "phase", name)
    draft.put(PHASES, phase, name, index)
    draft.emit(RevealsOpened(name, phase.round, phase.name, phase.deadline))


def next_in_order(draft: Draft, request: Request, phase: Phase, index: int) -> bool:
    """Pass the turn to the next who may still serve; say whether there is none."""
    name, rule = request.request, all_phases(request.rules)[index]
    progress = draft.get(PROGRESS, name)
    cursor = phase.cursor + 1
    while cursor < len(phase.owed):
        member = phase.owed[cursor]
        here = member in draft.get(TEAMS, name).active
        if here and not seats.release_unentitled(draft, request, [member], index):
            break
        cursor += 1
    cancel(draft, phase.deadline, "phase", name)
    phase = replace(phase, cursor=cursor, deadline=draft.time + rule.wait)
    draft.put(PHASES, phase, name, index)
    if cursor >= len(phase.owed):
        return True
    schedule(draft, phase.deadline, "phase", name)
    _open_for(draft, request, rule, progress, phase.owed[cursor])
    draft.emit(PhaseOpened(name, progress.round, rule.name, phase.deadline))
    return False


def expire(draft: Draft, request: Request) -> bool:
    """A phase's deadline has passed: skip a silent holder, or open the reveals; say whether it closes."""
    name, index = request.request, draft.get(PROGRESS, request.request).phase
    phase, rule = draft.get(PHASES, name, index), all_phases(request.rules)[index]
    if rule.turn == "in_order" and phase.cursor < len(phase.owed):
        _missed(draft, name, phase, phase.owed[phase.cursor], "silent")
        return next_in_order(draft, request, phase, index)
    if phase.committed and not phase.revealing:
        open_reveals(draft, request, phase, index)
        return False
    return True


def postpone(draft: Draft, request: str, span: int) -> None:
    """Leave the open phase open for so long: nobody could go on in it."""
    index = draft.get(PROGRESS, request).phase
    phase = draft.change(PHASES, request, index, deadline=draft.time + span)
    schedule(draft, phase.deadline, "phase", request)


def forget(draft: Draft, request: Request, member: str) -> bool:
    """Wait no longer for a member that has departed; say whether the open phase is complete without it."""
    name, index = request.request, draft.get(PROGRESS, request.request).phase
    phase = draft.find(PHASES, name, index) if index >= 0 else None
    if phase is None or member not in phase.owed:
        return False
    posting = draft.find(POSTS, name, index, member)
    if all_phases(request.rules)[index].turn == "in_order":
        holds = phase.cursor < len(phase.owed) and phase.owed[phase.cursor] == member
        return holds and next_in_order(draft, request, phase, index)
    if posting is not None and not isinstance(posting.content, Committed):
        return False
    sealed = posting is not None
    hidden = posting is not None and posting.values is None
    phase = replace(
        phase,
        owed=tuple(m for m in phase.owed if m != member),
        posted=phase.posted - sealed,
        committed=phase.committed - sealed,
        revealed=phase.revealed - (sealed and not hidden),
    )
    draft.delete(POSTS, name, index, member)
    return _settle_counts(draft, request, phase, index)


def close(draft: Draft, request: Request) -> None:
    """Close the open phase: note who missed it, combine its scores, see whether it counts."""
    name, index = request.request, draft.get(PROGRESS, request.request).phase
    phase, rule = draft.get(PHASES, name, index), all_phases(request.rules)[index]
    cancel(draft, phase.deadline, "phase", name)
    standing = [m for m in phase.owed if _stands(draft, request, rule, phase, index, m)]
    if rule.content == "scores":
        _combine(draft, request, rule, phase, index, standing)
    counts = _enough(rule, phase, standing)
    if not counts:
        draft.put(ROUNDS, replace(turns.round_state(draft, name), counted=False), name)
    draft.emit(PhaseClosed(name, phase.round, phase.name, counts))


def _stands(draft: Draft, request: Request, rule: PhaseRule, phase: Phase, index: int, member: str) -> bool:
    """Whether a member served its turn; one that did not is noted."""
    name, posting = request.request, draft.find(POSTS, request.request, index, member)
    if posting is None:
        if rule.turn != "in_order":
            _missed(draft, name, phase, member, "silent")
        return False
    if isinstance(posting.content, Declined) or not posting.accepted:
        return False
    if isinstance(posting.content, Committed) and posting.values is None:
        draft.add(PLACES, name, member, forfeits=1)
        forfeit(draft, name, member)
        draft.change(POSTS, name, index, member, accepted=False)
        _missed(draft, name, phase, member, "unrevealed")
        return False
    return True


def forfeit(draft: Draft, request: str, member: str) -> None:
    """Who keeps back scores that it committed to is not paid for this round."""
    state = turns.round_state(draft, request)
    draft.put(ROUNDS, replace(state, forfeited=(*state.forfeited, member)), request)


def _enough(rule: PhaseRule, phase: Phase, standing: list[str]) -> bool:
    """Whether a phase counts: its quorum, of everybody who owed or of at least one whole group."""
    parts = turns.groups(rule, phase) if rule.turn.startswith("groups") else (phase.owed,)
    served = dict.fromkeys(standing)
    for part in parts:
        there = sum(member in served for member in part)
        if there and there * PPM >= rule.quorum * len(part):
            return True
    return False


def _combine(
    draft: Draft, request: Request, rule: PhaseRule, phase: Phase, index: int, standing: list[str]
) -> None:
    """Combine the judges' vectors; what could not be had is missed by its author, not by its judges."""
    name = request.request
    vectors = {m: _values(draft.get(POSTS, name, index, m)) for m in standing}
    result = scoring.tally(request.rules, rule, phase, vectors)
    if draft.get(PROGRESS, name).stage == "closing":
        for member, figure in result.figures.items():
            draft.change(PLACES, name, member, measured=figure)
        return
    judged = [phase_rule.name for phase_rule in all_phases(request.rules)].index(rule.of)
    state = turns.round_state(draft, name)
    for member in result.missed:
        draft.change(POSTS, name, judged, member, accepted=False)
        draft.emit(TurnMissed(name, phase.round, phase.name, member, "unavailable"))
    for member in (*result.missed, *result.idle):  # judged faults: their fines are not the judges'
        draft.add(PLACES, name, member, idle=1)
    expels = request.rules.evicting.expel
    faulty = misconduct.at_fault(request.rules, rule, phase, vectors, result) if expels else []
    kept = tuple(entry for entry in state.authors if entry[0] not in result.missed)
    state = replace(
        state,
        authors=kept if rule.of == request.rules.result else state.authors,
        start=state.start if result.start is None else result.start,
        judged=(*state.judged, (rule.of, tuple(sorted(result.figures.items())))),
        idle=tuple(sorted((*state.idle, *result.idle))),
        faulty=tuple(sorted({*state.faulty, *faulty})),
    )
    draft.put(ROUNDS, state, name)


def _values(posting: Posting) -> tuple[Score, ...]:
    if isinstance(posting.content, Scores):
        return posting.content.values
    return posting.values or ()


def _missed(draft: Draft, request: str, phase: Phase, member: str, reason: str) -> None:
    draft.add(PLACES, request, member, missed=1)
    draft.emit(TurnMissed(request, phase.round, phase.name, member, reason))
