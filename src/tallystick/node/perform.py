"""Doing what was decided, for one node or for many at once: work is batched by phase, kept, and then sent.

Performing reads what was gathered and the members' own rows, and nothing else. What goes wrong in one turn is
noted and, where the ledger takes that, posted as declined; no other request is touched by it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from ..base.ids import digest
from ..base.measure import Measure
from ..learning import payload
from ..learning.learner import Memory, Rows
from ..learning.measure import figure, spread_of
from ..ledger import transactions as tx
from ..ledger.requests.turns import subjects_of
from ..ledger.rules import all_phases
from ..ledger.transactions import posts
from ..protocols.vocabulary import Job, Product, Verdict
from .gather import Gathered
from .next_action import ApproveRecord, CertifyRecord, MakePost, OpenScores, SendPost, WriteRecord, duty_of
from .phase_view import PhaseView
from .trouble import Attempt, Trouble, reason_of
from .work import Duty, Ready, SealedScores
from .worker import Worker, salt_for

NOTHING_MADE, UNFIT_MODEL, FAILED = 1, 2, 3  # why a post is declined
RecordAction: TypeAlias = WriteRecord | ApproveRecord | CertifyRecord


@dataclass(frozen=True)
class Prepared:
    """What is to be sent of one turn."""

    worker: Worker
    duty: Duty
    body: tx.Transaction


@dataclass(frozen=True)
class Performed:
    """What a batch came to: what each node has to send, in the order of the batch, and what went wrong."""

    prepared: tuple[Prepared, ...]
    troubles: tuple[Trouble, ...] = ()


def perform(gathered: Gathered, fail_fast: bool = False) -> Performed:
    """Do a batch of actions; with `fail_fast` what goes wrong is raised, as a simulation wants it."""
    batch = _Batch(gathered.views, fail_fast)
    made = batch.make([(worker, act.duty) for worker, act in gathered.tasks if isinstance(act, MakePost)])
    prepared = []
    for worker, action in gathered.tasks:
        body: tx.Transaction | None
        match action:
            case MakePost(duty):
                body = _posted(made[worker.member, duty])
            case SendPost(ready):
                body = _posted(ready)
            case OpenScores(ready):
                body = _opened(ready)
            case _:
                body = batch.state(worker, action)
        if body is not None:
            prepared.append(Prepared(worker, duty_of(action), body))
    return Performed(tuple(prepared), tuple(batch.troubles))


def _posted(ready: Ready) -> tx.Post:
    return tx.Post(ready.duty.request, ready.duty.round, ready.duty.phase, ready.content)


def _opened(ready: Ready) -> tx.Reveal | None:
    if ready.opening is None:
        return None
    duty, opening = ready.duty, ready.opening
    return tx.Reveal(duty.request, duty.round, duty.phase, opening.values, opening.salt)


@dataclass(eq=False)
class _Batch:
    """The turns that are served together, and what goes wrong among them."""

    views: Mapping[Duty, PhaseView]
    fail_fast: bool
    troubles: list[Trouble] = field(default_factory=list)

    def make(self, owed: Sequence[tuple[Worker, Duty]]) -> dict[tuple[str, Duty], Ready]:
        """Serve each open phase once for all who owe it here; all is kept before anything is sent."""
        made: dict[tuple[str, Duty], Ready] = {}
        for duty in dict.fromkeys(duty for _, duty in owed):
            workers = [worker for worker, due in owed if due == duty]
            for worker, ready in zip(workers, self._served(duty, workers), strict=True):
                made[worker.member, duty] = ready
        return made

    def state(self, worker: Worker, action: RecordAction) -> tx.Transaction | None:
        """What a recorder or one of its electorate has to say of the model."""
        with Attempt() as attempt:
            return _stated(self.views[action.duty], worker, action)
        if attempt.error is not None:
            self._note(worker, action.duty, attempt.error)
        worker.given_up.add(action.duty)
        return None

    def _served(self, duty: Duty, workers: Sequence[Worker]) -> list[Ready]:
        with Attempt() as attempt:
            return _serve(self.views[duty], duty, workers)
        if len(workers) > 1 and not self.fail_fast:  # the work of the others may not fail
            return [ready for worker in workers for ready in self._served(duty, [worker])]
        error = attempt.error or LookupError("nothing was made")
        self._note(workers[0], duty, error)
        return [_kept(workers[0], Ready(duty, _declined(FAILED, reason_of(error))))]

    def _note(self, worker: Worker, duty: Duty, error: Exception) -> None:
        if self.fail_fast:
            raise error
        self.troubles.append(Trouble(worker.member, duty, "failed", reason_of(error)))


def _kept(worker: Worker, ready: Ready, memory: Memory | None = None) -> Ready:
    worker.store.save(ready, memory)
    return ready


def _declined(code: int, reason: str) -> posts.Declined:
    return posts.Declined(code, digest(reason.encode()))


def _serve(seen: PhaseView, duty: Duty, workers: Sequence[Worker]) -> list[Ready]:
    """A phase served for these workers, and kept with what their learners remember from now on."""
    if seen.phase.do.content == "salt":
        return [
            _kept(worker, Ready(duty, posts.SaltReveal(salt_for(worker, duty.request)))) for worker in workers
        ]
    jobs = [_job(seen, duty, worker) for worker in workers]
    products = list(zip(workers, seen.phase.do.serve(seen.scheme.bench, jobs), strict=True))
    made = [_ready(seen, duty, worker, product) for worker, product in products]
    return [
        _kept(worker, ready, product.memory) for (worker, product), ready in zip(products, made, strict=True)
    ]


def _job(seen: PhaseView, duty: Duty, worker: Worker) -> Job:
    rule = all_phases(seen.request.rules)[seen.progress.phase]
    judged = seen.served if rule.content == "scores" else None
    memory = worker.store.memory(duty.request, seen.scheme.begun)
    return Job(
        worker.member,
        duty.request,
        duty.round,
        replace(worker.holds(duty.request), memory=memory),
        seen.start,
        seen.inbox,
        seen.weights,
        subjects_of(rule, judged, worker.member) if judged else (),
        worker.secret(duty),
        lambda phase: worker.secret(Duty(duty.request, duty.round, phase)),
        seen.first,
        seen.team,
        seen.scheme.session,
    )


def _ready(seen: PhaseView, duty: Duty, worker: Worker, product: Product) -> Ready:
    """Turn a product into what the ledger takes; bytes are stored before their hash is posted."""
    if product.model is not None:
        return Ready(duty, _model_post(seen, worker, product))
    if product.inline is not None:
        return Ready(duty, posts.Inline(product.inline))
    if product.scores is None:
        return Ready(duty, _declined(NOTHING_MADE, "nothing was made"))
    counted = seen.phase.do.counted or seen.scheme.bench.judged
    values = tuple(_score(seen, *score, counted) for score in product.scores)
    if not seen.phase.sealed:
        return Ready(duty, posts.Scores(values))
    salt = worker.secret(Duty(duty.request, duty.round, f"{duty.phase}-salt"))[:32]
    made = posts.score_commitment(duty.request, duty.round, duty.phase, worker.member, values, salt)
    return Ready(duty, posts.Committed(made), SealedScores(values, salt))


def _score(seen: PhaseView, value: float, verdict: Verdict, counted: Measure | None = None) -> posts.Score:
    bench = seen.scheme.bench
    measure = counted or bench.measure
    spread = spread_of(bench.plan.task) if measure == bench.measure else 1.0
    return posts.Score(figure(measure, value, spread), verdict)


def _model_post(seen: PhaseView, worker: Worker, product: Product) -> posts.Content:
    try:
        data = payload.encode(seen.header(worker.member), product.model or {})
    except payload.BadPayload as error:
        return _declined(UNFIT_MODEL, str(error))
    name = worker.payloads.put(data)
    own = None if product.figure is None else _score(seen, product.figure, "fine").figure
    where = posts.Payload(len(data), name, name, name)
    return posts.Model(where, _parents(seen, product), rows=product.rows, figure=own)


def _parents(seen: PhaseView, product: Product) -> tuple[bytes, ...]:
    """The hashes of the models that a model was made from: the round's start, or what it names."""
    if not product.parents:
        return (seen.progress.model,)
    return tuple(seen.hashes[author] for author in product.parents if author in seen.hashes)[:64]


def _stated(seen: PhaseView, worker: Worker, action: RecordAction) -> tx.Transaction | None:
    """Measure the model that is recorded, on one's own judging rows or on the opened test set."""
    name, measured = action.duty.request, _measured(seen, worker)
    match action:
        case WriteRecord():
            return None if measured is None else tx.PostRecord(name, seen.progress.model, measured)
        case ApproveRecord():
            return tx.Approve(name, measured)
        case CertifyRecord():
            return None if measured is None else tx.Certify(name, measured)


def _measured(seen: PhaseView, worker: Worker) -> int | None:
    """The figure of the model that stands: on the opened test set if there is one, else on judging rows."""
    data = seen.payloads.get(seen.recorded)
    tested = seen.draft.content if seen.draft else b""
    rows = _test_rows(seen, tested) if tested else worker.holds(seen.request.request).judging
    if data is None or rows is None:
        return None
    try:
        model = payload.decode(data, payload.specs_of(seen.scheme.blank))[1]
    except payload.BadPayload:
        return None
    bench = seen.scheme.bench
    return _score(seen, float(bench.learner.evaluate(model, rows, bench.measure)), "fine").figure


def _test_rows(seen: PhaseView, content: bytes) -> Rows | None:
    """The requester's opened test set, which travels as a payload of two arrays."""
    data = seen.payloads.get(content)
    specs = {
        "x": payload.Spec("F32", (None, *seen.scheme.bench.plan.task.shape)),
        "y": payload.Spec("F32", (None,)),
    }
    try:
        return None if data is None else Rows(**payload.decode(data, specs)[1])
    except payload.BadPayload:
        return None
