"""Who records a request, and whether the record stands: POC (bp2p 4.3.2), PoQ (poq eq. 7), bpcv 4.2, draw."""

from bisect import bisect_left
from collections.abc import Sequence

from msgspec.structs import replace

from ...base.fixed import median
from ...base.ids import rank
from ..deadlines import AT_ONCE, cancel, schedule
from ..notices import RecordDecided, RecorderElected
from ..records import DueStep, Place, Progress, RecordDraft, Request, Statement
from ..state import (
    PLACES,
    PROGRESS,
    RECORD_DRAFTS,
    REQUESTS,
    STATEMENTS,
    TEAMS,
    Draft,
)
from . import settlement
from .scoring import better
from .turns import seed_of

ATTEMPTS = 3
SCALE = 10**6


def begin(draft: Draft, request: Request) -> None:
    """Freeze the electorate, rank it by the request's rule, and appoint its first."""
    name = request.request
    progress = draft.get(PROGRESS, name)
    recorders = tuple(p.member for p in ranked(request, progress, _electorate(draft, request, progress)))
    draft.change(PROGRESS, name, recorders=recorders, attempt=0, phase=-1)
    _appoint(draft, request)


def _electorate(draft: Draft, request: Request, progress: Progress) -> list[Place]:
    """Who still serves, had a post accepted in the last completed round, and did not ask."""
    name = request.request
    places = [draft.get(PLACES, name, member) for member in draft.get(TEAMS, name).active]
    return [p for p in places if p.last_accepted == progress.completed and p.member != request.member]


def ranked(request: Request, progress: Progress, electorate: list[Place]) -> list[Place]:
    """The electorate, best first; ties fall by hash of request and member."""
    name, kind = request.request, request.rules.electing.kind
    if kind == "drawn":
        seed = seed_of(name, progress.round, progress)
        return sorted(electorate, key=lambda p: rank(seed, p.member))
    if kind == "contribution":
        shares = settlement.weights(request, electorate)
        return _by(name, electorate, {p.member: -shares.get(p.member, -1) for p in electorate})
    if kind == "best_score":
        return _by(name, electorate, {p.member: _badness(request, p.score) for p in electorate})
    return _by(name, electorate, proof_of_quality(electorate, as_printed=kind == "error_as_printed"))


def _by(request: str, electorate: list[Place], cost: dict[str, int]) -> list[Place]:
    return sorted(electorate, key=lambda p: (cost[p.member], rank(request.encode(), p.member)))


def _badness(request: Request, score: int | None) -> int:
    """A cost that falls as the score gets better; no score is the worst."""
    return 2**62 if score is None else -better(request.rules, score, 0)


def proof_of_quality(electorate: list[Place], as_printed: bool) -> dict[str, int]:
    """poq eq. 7: MAE_j / gamma + mean, gamma = 1 + d_j / sum d; gamma * MAE_j as printed (erratum 12)."""
    errors = {p.member: p.measured for p in electorate if p.measured is not None}
    mean = sum(errors.values()) // max(1, len(errors))
    data = sum(p.amount for p in electorate)
    costs = {}
    for place in electorate:
        error = errors.get(place.member)
        gamma = SCALE + (place.amount * SCALE // data if data else 0)
        if error is None:
            costs[place.member] = 2**62
        elif as_printed:
            costs[place.member] = error * gamma // SCALE + mean
        else:
            costs[place.member] = error * SCALE // gamma + mean
    return costs


def _appoint(draft: Draft, request: Request) -> None:
    """Give the next of the electorate its turn to record; after three, the ledger settles by itself."""
    name = request.request
    progress = draft.get(PROGRESS, name)
    if progress.attempt >= min(ATTEMPTS, len(progress.recorders)):
        draft.change(PROGRESS, name, reached=_reached(request, progress.figure))
        settlement.settle(draft, name, "", 0, "no record stood; the ledger settled by itself")
        return
    recorder = progress.recorders[progress.attempt]
    deadline = draft.time + request.rules.electing.wait
    draft.change(PROGRESS, name, stage="recording", deadline=deadline)
    draft.add(PLACES, name, recorder, turns=1)
    schedule(draft, deadline, "record", name)
    draft.emit(RecorderElected(name, recorder, progress.attempt + 1))


def recorder_of(progress: Progress) -> str:
    """The member whose turn it is to record."""
    return progress.recorders[progress.attempt]


def no_record(draft: Draft, name: str) -> None:
    """The recorder was silent: it missed a turn, the next one is appointed."""
    draft.add(PLACES, name, recorder_of(draft.get(PROGRESS, name)), missed=1)
    _next_attempt(draft, name)


def _refused(draft: Draft, name: str, record: RecordDraft, figures: dict[str, int]) -> None:
    """A record did not stand; its recorder is at fault only where the others' median is not its figure."""
    away = abs(record.figure - _median_of_others(sorted(figures.values()), record.figure))
    if away > draft.get(REQUESTS, name).rules.electing.tolerance:
        draft.add(PLACES, name, record.recorder, idle=1)
    _next_attempt(draft, name)


def _next_attempt(draft: Draft, name: str) -> None:
    draft.add(PROGRESS, name, attempt=1)
    _appoint(draft, draft.get(REQUESTS, name))


def open_approval(draft: Draft, request: Request, model: bytes, figure: int) -> None:
    """A record is posted: the electorate states what it measures on its model."""
    name = request.request
    progress = draft.get(PROGRESS, name)
    cancel(draft, progress.deadline, "record", name)
    draft.put(RECORD_DRAFTS, RecordDraft(recorder_of(progress), model, figure), name)
    deadline = draft.time + request.rules.electing.approve_wait
    draft.change(PROGRESS, name, stage="approving", deadline=deadline)
    schedule(draft, deadline, "approve", name)
    if len(progress.recorders) == 1:
        decide(draft, name)


def state(draft: Draft, name: str, figure: int | None) -> None:
    """Keep what the sender measured; once all have spoken, decide: of a large electorate by the due-queue."""
    draft.put(STATEMENTS, Statement(figure), name, draft.sender)
    progress, stated = draft.get(PROGRESS, name), draft.add(RECORD_DRAFTS, name, stated=1).stated
    certifying, electorate = progress.stage == "certifying", len(progress.recorders)
    if stated < electorate - (not certifying):
        return
    if electorate <= AT_ONCE:
        (certify if certifying else decide)(draft, name)
        return
    step: DueStep = "certify" if certifying else "approve"
    cancel(draft, progress.deadline, step, name)
    draft.change(PROGRESS, name, deadline=draft.time)
    schedule(draft, draft.time, step, name)


def decide(draft: Draft, name: str) -> None:
    """Compare the statements; a record that stands goes on to the sealed test or to settlement."""
    request, progress = draft.get(REQUESTS, name), draft.get(PROGRESS, name)
    record = draft.get(RECORD_DRAFTS, name)
    cancel(draft, progress.deadline, "approve", name)
    figures = {record.recorder: record.figure}
    for member in progress.recorders:
        statement = draft.find(STATEMENTS, name, member)
        if statement is not None:
            draft.delete(STATEMENTS, name, member)
            if statement.figure is not None:
                figures[member] = statement.figure
    approving = approvers(request, record, figures)
    electorate = len(progress.recorders)
    stands = _enough(request, len(approving), electorate) and record.recorder in approving
    draft.emit(RecordDecided(name, stands, len(approving), electorate))
    draft.delete(RECORD_DRAFTS, name)
    if not stands:
        _refused(draft, name, record, figures)
        return
    figure = median(list(figures.values()))
    draft.change(PROGRESS, name, figure=figure, reached=_reached(request, figure))
    if request.rules.test is None:
        settlement.settle(draft, name, record.recorder, len(approving), "recorded")
        return
    deadline = draft.time + request.rules.test.wait
    draft.change(PROGRESS, name, stage="sealed", deadline=deadline)
    draft.put(RECORD_DRAFTS, replace(record, approving=len(approving)), name)
    schedule(draft, deadline, "test", name)


def _enough(request: Request, approving: int, electorate: int) -> bool:
    """Whether a record stands: all agree where the rules ask for that, else more than two thirds."""
    return approving == electorate if request.rules.electing.unanimous else 3 * approving > 2 * electorate


def approvers(request: Request, record: RecordDraft, figures: dict[str, int]) -> tuple[str, ...]:
    """Whose figure agrees: with the recorder's on common data, else with the others' median (erratum 23)."""
    electing, ordered = request.rules.electing, sorted(figures.values())
    return tuple(
        member
        for member, figure in figures.items()
        if abs(figure - (record.figure if electing.common else _median_of_others(ordered, figure)))
        <= electing.tolerance
    )


def _median_of_others(ordered: Sequence[int], figure: int) -> int:
    """The median of a sorted list without one of its figures; of a figure that is alone, itself."""
    place, rest = bisect_left(ordered, figure), len(ordered) - 1
    if not rest:
        return figure
    middle = [ordered[k + (k >= place)] for k in ((rest - 1) // 2, rest // 2)]
    return median(middle)


def _reached(request: Request, figure: int | None) -> bool:
    """Whether the wanted quality was reached, as far as the team could measure; unmeasured it counts as such.

    Else a minority that lets no record stand would keep the part of the pay that depends on quality.
    """
    quality = request.rules.stopping.quality
    return quality is None or figure is None or better(request.rules, figure, quality) >= 0


def test_unopened(draft: Draft, name: str) -> None:
    """The requester did not open its test set in time: the quality counts as reached."""
    draft.change(PROGRESS, name, reached=True)
    _settle_tested(draft, name)


def open_certifying(draft: Draft, request: Request, content: bytes) -> None:
    """The test set is open: the electorate states what the model reaches on it."""
    name = request.request
    progress = draft.get(PROGRESS, name)
    cancel(draft, progress.deadline, "test", name)
    deadline = draft.time + request.rules.electing.approve_wait
    draft.change(RECORD_DRAFTS, name, content=content, stated=0)
    draft.change(PROGRESS, name, stage="certifying", deadline=deadline)
    schedule(draft, deadline, "certify", name)


def certify(draft: Draft, name: str) -> None:
    """The median of what was measured on the opened test set says whether the quality was reached.

    Where no more than half could measure, the bytes were not to be had: as if it had not been opened.
    """
    request, progress = draft.get(REQUESTS, name), draft.get(PROGRESS, name)
    cancel(draft, progress.deadline, "certify", name)
    figures = []
    for member in progress.recorders:
        statement = draft.find(STATEMENTS, name, member)
        if statement is not None:
            draft.delete(STATEMENTS, name, member)
            if statement.figure is not None:
                figures.append(statement.figure)
    if 2 * len(figures) <= len(progress.recorders):
        test_unopened(draft, name)
        return
    figure = median(figures)
    draft.change(PROGRESS, name, figure=figure, reached=_reached(request, figure))
    _settle_tested(draft, name)


def _settle_tested(draft: Draft, name: str) -> None:
    record = draft.get(RECORD_DRAFTS, name)
    settlement.settle(draft, name, record.recorder, record.approving, "recorded and tested")
