"""Training a batch of members as cohorts, with the noise that a protection puts inside."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...learning.batches import Key, Order, keys_of, shuffles
from ...learning.cohort import Cohort, Work
from ...learning.learner import Gradient, Memory, Model, Vector, model_of, vector_of
from ...privacy import randomness
from ..vocabulary import Bench, Job, Product
from .protect import Protection


def train(
    bench: Bench, jobs: Sequence[Job], starts: Sequence[Model], protect: Protection | None = None
) -> list[Product]:
    """Each job's training from its start; jobs with the same gradient hook run together as one cohort."""
    hooks: dict[Gradient | None, list[int]] = {}
    for number, job in enumerate(jobs):
        hook = job.holding.gradient
        if protect is not None:
            hook = protect.hook(protect.chosen(job.holding.event), bench.simulated)
        hooks.setdefault(hook, []).append(number)
    made: dict[int, Product] = {}
    for hook, numbers in hooks.items():
        some = [jobs[number] for number in numbers]
        done = _trained(bench, some, [starts[number] for number in numbers], hook, protect)
        made.update(zip(numbers, done, strict=True))
    return [made[number] for number in range(len(jobs))]


def words_for(bench: Bench, job: Job, purpose: str) -> randomness.Words:
    """Fresh words of the operating system; in a simulation those that the job's secret repeats."""
    return randomness.seeded(job.secret.hex(), purpose) if bench.simulated else randomness.system()


def _trained(
    bench: Bench,
    jobs: Sequence[Job],
    starts: Sequence[Model],
    hook: Gradient | None,
    protect: Protection | None,
) -> list[Product]:
    """Train as one cohort: from one model where all start alike, or each from its own."""
    like = starts[0]
    keys = tuple(_key(job) for job in jobs)
    rows = [job.holding.training for job in jobs]
    members = [job.member for job in jobs]
    cohort = jobs[0].session.cohort(
        "training", members, [protect.rows(part) for part in rows] if protect else rows
    )
    alike = all(start is like for start in starts)
    work = Work(
        bench.learner,
        cohort,
        like if alike else np.stack([vector_of(start) for start in starts]),
        like,
        _orders(bench, jobs, cohort, keys, protect),
        keys,
        memory=_memories(jobs),
        gradient=hook,
        models=True,
        total=False,
    )
    done = bench.run(work)
    models = done.models if done.models is not None else ()
    products = []
    for job, start, trained, count, memory in zip(
        jobs, starts, models, cohort.counts, done.memory, strict=True
    ):
        row = trained
        if protect is not None and protect.update is not None:
            event = protect.chosen(job.holding.event)
            row = protect.update(event, vector_of(start), row, words_for(bench, job, "update"))
        products.append(Product(_model(row, like), rows=count, memory=memory))
    return products


def _model(row: Model | Vector, like: Model) -> Model:
    return row if isinstance(row, dict) else model_of(row, like)


def _orders(
    bench: Bench, jobs: Sequence[Job], cohort: Cohort, keys: tuple[Key, ...], protect: Protection | None
) -> tuple[Order, ...]:
    if protect is None or protect.order is None:
        return shuffles(cohort.counts, bench.plan.batch, bench.plan.epochs, keys)
    return tuple(
        protect.order(protect.chosen(job.holding.event), rows, words_for(bench, job, "order"))
        for job, rows in zip(jobs, cohort.members, strict=True)
    )


def _memories(jobs: Sequence[Job]) -> tuple[Memory, ...] | None:
    kept = tuple(job.holding.memory for job in jobs)
    return None if any(memory is None for memory in kept) else kept


def _key(job: Job) -> Key:
    """The key of a training: from the job's own secret, so that it is drawn afresh and only once."""
    return keys_of([(job.secret.hex(), job.round, job.member)])[0]
