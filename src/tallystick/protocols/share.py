"""What members make and share: trained models, scores of others' models, combined models."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from ..learning import fixed_point
from ..learning.batches import Key, keys_of, shuffles
from ..learning.cohort import Cohort, Work
from ..learning.learner import Model, model_of, vector_of
from ..ledger.rules import EventRule
from .protocol import Bench, Do, Job, Lost, Product, Scored

Weighing = Literal["rows", "equal"]
Combine = Callable[[Any, Sequence[int]], Any]  # a stack of models, a row each, and weights: one row


def train_model(event: EventRule | None = None, private: bool = True) -> Do:
    """Train on one's own rows from the model that the round started from, and share the model."""
    return Do("model", _train_from_start, rows="training" if private else "none", event=event)


def train_last_hop(phase: str, event: EventRule | None = None) -> Do:
    """Train on from the last hop's model, and hand it on (bp2p Alg. 2)."""
    return Do("model", _train_from_hop(phase), rows="training", event=event, reads=(phase,))


def judge(of: str, event: EventRule | None = None, private: bool = True) -> Do:
    """Measure the round's start and the others' models on one's own judging rows (bpcv eq. 6-8)."""
    rows: Literal["judging", "none"] = "judging" if private else "none"
    return Do("scores", _judge(of), of=of, rows=rows, event=event, reads=(of,))


def combine(of: str, rule: Combine | None = None, weighing: Weighing = "rows") -> Do:
    """Make one model of all; the weighted mean, summed in fixed point, unless a robust rule is named."""
    return Do("model", _combine(of, rule, weighing), reads=(of,))


def reveal_salt() -> Do:
    """Open the salt whose hash one's application carried; the node does it, there is nothing to compute."""
    return Do("salt", lambda bench, jobs: [])


def _train_from_start(bench: Bench, jobs: Sequence[Job]) -> list[Product]:
    return _trained(bench, jobs, [job.start for job in jobs])


def _train_from_hop(phase: str) -> Callable[[Bench, Sequence[Job]], list[Product]]:
    def serve(bench: Bench, jobs: Sequence[Job]) -> list[Product]:
        starts, parents = [], []
        for job in jobs:
            usable = {a: m for a, m in job.inbox.get(phase, {}).items() if isinstance(m, dict)}
            author = next(reversed(usable), "")
            starts.append(usable[author] if author else job.start)
            parents.append((author,) if author else ())
        made = _trained(bench, jobs, starts)
        return [_with_parents(product, names) for product, names in zip(made, parents, strict=True)]

    return serve


def _with_parents(product: Product, parents: tuple[str, ...]) -> Product:
    return Product(product.model, rows=product.rows, parents=parents, memory=product.memory)


def _trained(bench: Bench, jobs: Sequence[Job], starts: Sequence[Model]) -> list[Product]:
    """Train a batch of members as one cohort: from one model where all start alike, or each from its own."""
    plan, like = bench.plan, starts[0]
    keys = tuple(_key(job) for job in jobs)
    cohort = Cohort(tuple(job.holding.training for job in jobs))
    alike = all(start is like for start in starts)
    work = Work(
        bench.learner,
        cohort,
        like if alike else np.stack([vector_of(start) for start in starts]),
        like,
        shuffles(cohort.counts, plan.batch, plan.epochs, keys),
        keys,
        memory=_memories(jobs),
        gradient=jobs[0].holding.gradient,
        models=True,
        total=False,
    )
    done = bench.run(work)
    models = done.models if done.models is not None else ()
    return [
        Product(model_of(row, like), rows=count, memory=memory)
        for row, count, memory in zip(models, cohort.counts, done.memory, strict=True)
    ]


def _memories(jobs: Sequence[Job]) -> tuple[Any, ...] | None:
    kept = tuple(job.holding.memory for job in jobs)
    return None if any(memory is None for memory in kept) else kept


def _key(job: Job) -> Key:
    """The key of a training: from the job's own secret, so that it is drawn afresh and only once."""
    return keys_of([(job.secret.hex(), job.round, job.member)])[0]


def _judge(of: str) -> Callable[[Bench, Sequence[Job]], list[Product]]:
    def serve(bench: Bench, jobs: Sequence[Job]) -> list[Product]:
        return [Product(scores=_scores(bench, job, job.inbox.get(of, {}))) for job in jobs]

    return serve


def _scores(bench: Bench, job: Job, posted: Mapping[str, Model | bytes | Lost]) -> tuple[Scored, ...]:
    """The start first, then each subject; what could not be had or read is said, not guessed."""
    if not len(job.holding.judging.y):
        return ((0.0, "abstain"),) * (1 + len(job.subjects))
    found: list[Scored] = [(_value(bench, job, job.start), "fine")]
    for author in job.subjects:
        model = posted.get(author, "unavailable")
        if isinstance(model, dict):
            found.append((_value(bench, job, model), "fine"))
        else:
            found.append((0.0, "malformed" if model == "malformed" else "unavailable"))
    return tuple(found)


def _value(bench: Bench, job: Job, model: Model) -> float:
    return float(bench.learner.evaluate(model, job.holding.judging, bench.measure))


def _combine(
    of: str, rule: Combine | None, weighing: Weighing
) -> Callable[[Bench, Sequence[Job]], list[Product]]:
    def serve(bench: Bench, jobs: Sequence[Job]) -> list[Product]:
        return [_combined(job, of, rule, weighing) for job in jobs]

    return serve


def _combined(job: Job, of: str, rule: Combine | None, weighing: Weighing) -> Product:
    usable = {a: m for a, m in job.inbox.get(of, {}).items() if isinstance(m, dict)}
    if not usable:
        return Product()
    vectors = [vector_of(model) for model in usable.values()]
    weights = [max(1, job.weights.get(a, 1)) if weighing == "rows" else 1 for a in usable]
    made = fixed_point.mean(vectors, weights) if rule is None else rule(np.stack(vectors), weights)
    return Product(model_of(made, job.start), parents=tuple(usable))
