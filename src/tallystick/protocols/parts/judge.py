"""What members measure of one another's models: their values, copies among them, the angles of updates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from ...base.measure import Measure
from ...learning import updates
from ...learning.judge import FEWEST as FEWEST
from ...learning.judge import Judging
from ...learning.learner import Model, Vector, vector_of
from ...learning.updates import Vectors
from ...ledger.rules import EventRule
from ..session import Trail
from ..vocabulary import Bench, Do, Job, Lost, Product, Scored, Verdict

Posts = Mapping[str, Model | bytes | Lost]

RADIANS = Measure("angle", "lower", "rad", 1, 0, 4)  # its figure is in micro-radians, as eq. 8 takes it
ABSTAINED: Scored = (0.0, "abstain")
FEW = 4  # with fewer posts nothing is usual
REPLAYED = 0.2  # a step this much nearer to an earlier one than the middle of all steps is that step again


def judge(
    of: str,
    event: EventRule | None = None,
    private: bool = True,
    fewest: int = FEWEST,
    hops: bool = False,
    trail: bool = False,
) -> Do:
    """Measure the round's start and the others' models on one's own judging rows (bpcv eq. 6-8).

    A member with fewer than `fewest` judging rows abstains, unpunished. `hops` says that each model was
    trained from the one before it; `trail` keeps the hops' updates for the angles that a closing phase asks.
    """
    rows: Literal["judging", "none"] = "judging" if private else "none"

    def serve(bench: Bench, jobs: Sequence[Job]) -> list[Product]:
        posted = jobs[0].inbox.get(of, {})
        if trail:
            _note(jobs[0], _models(posted))
        return [Product(scores=scores) for scores in _scores(bench, jobs, posted, fewest, hops)]

    return Do("scores", serve, of=of, rows=rows, event=event, reads=(of,))


def measure_angles(of: str) -> Do:
    """The angle between what each member's hops added up to and the whole way (bp2p eq. 7).

    It follows from public models. Who saw no hop of a member abstains on it; so does who saw none at all.
    """
    return Do("scores", _angles, of=of, counted=RADIANS)


def _models(posted: Posts) -> dict[str, Model]:
    return {author: model for author, model in posted.items() if isinstance(model, dict)}


def _scores(
    bench: Bench, jobs: Sequence[Job], posted: Posts, fewest: int, hops: bool
) -> list[tuple[Scored, ...]]:
    """The start first, then each subject: all values of a batch in one call, each pair of bytes once."""
    start, models = jobs[0].start, _models(posted)
    places: dict[tuple[tuple[str, bytes], ...], int] = {}
    distinct: list[Model] = []
    of: dict[str | None, int] = {}
    for author, model in ((None, start), *models.items()):
        key = tuple((name, np.asarray(model[name]).tobytes()) for name in sorted(model))
        if key not in places:
            places[key] = len(distinct)
            distinct.append(model)
        of[author] = places[key]
    session = jobs[0].session
    judges = session.cohort("judging", [job.member for job in jobs], [job.holding.judging for job in jobs])
    pairs = np.zeros((len(distinct), len(jobs)), bool)
    for number, (job, count) in enumerate(zip(jobs, judges.counts, strict=True)):
        if count >= max(1, fewest):
            pairs[[of[None], *(of[a] for a in job.subjects if a in of)], number] = True
    alike = bench.learner.capabilities.parameters
    given = np.stack([vector_of(model) for model in distinct]) if alike else tuple(distinct)
    measured = session.judge(Judging(bench.learner, given, start, judges, (bench.judged,), pairs))[:, :, 0]
    verdicts = _idle(jobs[0], models, hops) if alike else {}

    def score(job: Job, number: int, author: str | None) -> Scored:
        if not pairs[of[None], number]:
            return ABSTAINED
        if author in of:
            return float(measured[of[author], number]), verdicts.get(author or "", "fine")
        return 0.0, "malformed" if posted.get(author or "") == "malformed" else "unavailable"

    return [tuple(score(job, n, author) for author in (None, *job.subjects)) for n, job in enumerate(jobs)]


def _idle(job: Job, models: Mapping[str, Model], hops: bool) -> dict[str, Verdict]:
    """Who posted what it was given, or what another posted in this round or the last; public: all agree."""
    authors = list(models)
    if len(authors) < 2:
        return {}
    vectors = np.stack([vector_of(job.start), *(vector_of(model) for model in models.values())])
    steps = vectors[1:] - (vectors[:-1] if hops else vectors[0])
    verdicts: dict[str, Verdict] = {authors[int(place)]: "unchanged" for place in updates.unchanged(steps)}
    if hops:
        return verdicts
    for place in updates.later_copies(steps):
        verdicts.setdefault(authors[int(place)], "copy")
    trail = job.session.trail
    if trail.round != job.round:
        trail.replayers = _replayed(trail, job.round, authors, steps, vectors[0])
        trail.round, trail.start = job.round, vectors[0]
        trail.steps = dict(zip(authors, steps, strict=True))
    for author in trail.replayers:
        verdicts.setdefault(author, "copy")
    return verdicts


def _replayed(
    trail: Trail, round: int, authors: Sequence[str], steps: Vectors, start: Vector
) -> tuple[str, ...]:
    """Who took the last round's common step once more, or another member's: far nearer than the others are.

    Who was not here in the last round does not know, and says nothing.
    """
    if trail.round != round - 1 or trail.start is None or len(authors) < FEW:
        return ()
    before = {"": start - trail.start, **trail.steps}
    replayers: dict[str, None] = {}
    for whose, step in before.items():
        angles = updates.angles(steps, step)
        others = [place for place, author in enumerate(authors) if author != whose]
        near = REPLAYED * float(np.median(angles))
        replayers |= dict.fromkeys(authors[place] for place in others if angles[place] <= near)
    return tuple(replayers)


def _note(job: Job, models: Mapping[str, Model]) -> None:
    """Add this round's hops to the trail; once a round, however many judge here."""
    trail = job.session.trail
    if job.round in trail.rounds:
        return
    trail.rounds.add(job.round)
    before = vector_of(job.start)
    for author, model in models.items():
        after = vector_of(model)
        trail.updates[author] = trail.updates.get(author, np.zeros_like(after)) + (after - before)
        before = after


def _angles(bench: Bench, jobs: Sequence[Job]) -> list[Product]:
    job, trail = jobs[0], jobs[0].session.trail
    angles: dict[str, float] = {}
    if trail.updates and job.first is not None:
        way: Vector = vector_of(job.start) - vector_of(job.first)
        angles = dict(
            zip(trail.updates, updates.angles(np.stack(list(trail.updates.values())), way), strict=True)
        )

    def score(author: str) -> Scored:
        return (float(angles[author]), "fine") if author in angles else ABSTAINED

    return [Product(scores=(ABSTAINED, *(score(author) for author in job.subjects))) for job in jobs]
