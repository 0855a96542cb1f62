"""Doing what was decided, for one node or for many at once: work is batched by phase, kept, and then sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

from ..base.ids import digest
from ..base.measure import Measure
from ..learning import payload
from ..learning.learner import Memory, Model, Rows
from ..learning.measure import figure, spread_of
from ..ledger import transactions as tx
from ..ledger import views
from ..ledger.records import Progress, Request
from ..ledger.requests.turns import subjects_of
from ..ledger.rules import all_phases
from ..ledger.state import PHASES, PLACES, POSTS, PROGRESS, REQUESTS, TEAMS, Reader
from ..ledger.transactions import posts
from ..protocols.request_plan import RequestPlan
from ..protocols.vocabulary import Bench, Holding, Job, Lost, PhasePlan, Product, Protocol
from .next_action import Action, ApproveRecord, CertifyRecord, MakePost, OpenScores, SendPost, WriteRecord
from .payloads.store import Payloads
from .work import Duty, Ready, SealedScores, WorkStore


@dataclass(frozen=True, eq=False)
class InstalledScheme:
    """A request's plan, resolved to what is installed here: its protocol and the bench for its learner."""

    protocol: Protocol
    bench: Bench

    @cached_property
    def phases(self) -> tuple[PhasePlan, ...]:
        """All phases, in the order that the ledger counts them."""
        return self.protocol.opening + self.protocol.phases + self.protocol.closing

    @cached_property
    def blank(self) -> Model:
        """A model as the learner begins, which says what every model of this plan must look like."""
        plan: RequestPlan = self.bench.plan
        model: Model = self.bench.learner.init(plan, seed_key(plan))
        return model


def seed_key(plan: RequestPlan) -> Any:
    """The key by which everybody would draw the same first model."""
    import jax

    return jax.random.key(plan.seed)


@dataclass(eq=False)
class Worker:
    """A member's node: its rows, its disk, its secrets, and the schemes that its owner allows."""

    member: str
    holding: Holding
    payloads: Payloads
    store: WorkStore
    scheme_of: Callable[[Request], InstalledScheme]
    secret: Callable[[Duty], bytes]  # fresh bytes of the operating system; of a seed only in simulations
    memory: dict[str, Memory] = field(default_factory=dict)  # by request
    held: dict[str, Holding] = field(default_factory=dict)  # its rows as a request's task has them

    def holds(self, request: str) -> Holding:
        """The rows with which it serves a request."""
        return self.held.get(request, self.holding)


Task = tuple[Worker, Action]


def perform(view: Reader, tasks: Sequence[Task]) -> list[tuple[Worker, tx.Transaction]]:
    """Do a batch of actions; say what each node has to send, in the order of the batch."""
    made = _make(view, [(worker, action.duty) for worker, action in tasks if isinstance(action, MakePost)])
    sent = []
    for worker, action in tasks:
        match action:
            case MakePost(duty):
                body: tx.Transaction | None = _posted(made[worker.member, duty])
            case SendPost(ready):
                body = _posted(ready)
            case OpenScores(ready):
                body = _revealed(ready)
            case _:
                body = _stated(view, worker, action)
        if body is not None:
            sent.append((worker, body))
    return sent


def _posted(ready: Ready) -> tx.Post:
    return tx.Post(ready.duty.request, ready.duty.round, ready.duty.phase, ready.content)


def _revealed(ready: Ready) -> tx.Reveal | None:
    if ready.opening is None:
        return None
    duty, opening = ready.duty, ready.opening
    return tx.Reveal(duty.request, duty.round, duty.phase, opening.values, opening.salt)


def _make(view: Reader, wanted: Sequence[tuple[Worker, Duty]]) -> dict[tuple[str, Duty], Ready]:
    """Serve each open phase once for all who owe it here, and keep every product before anything is sent."""
    made: dict[tuple[str, Duty], Ready] = {}
    for duty in dict.fromkeys(duty for _, duty in wanted):
        workers = [worker for worker, owed in wanted if owed == duty]
        for worker, ready in zip(workers, _serve(view, duty, workers), strict=True):
            worker.store.save(ready)
            made[worker.member, duty] = ready
    return made


@dataclass(frozen=True, eq=False)
class PhaseView:
    """An open phase as its workers see it: the request, its scheme, and the models that they read."""

    view: Reader
    request: Request
    progress: Progress
    scheme: InstalledScheme
    index: int
    bytes_of: Callable[[bytes], bytes | None]

    @property
    def phase(self) -> PhasePlan:
        return self.scheme.phases[self.index]

    @cached_property
    def start(self) -> Model:
        """The model that the round starts from."""
        data = self.bytes_of(self.progress.model)
        if data is None:
            raise LookupError(f"the model that round {self.progress.round} starts from is not to be had")
        return payload.decode(data, payload.specs_of(self.scheme.blank))[1]

    @cached_property
    def first(self) -> Model | None:
        """The model that round 1 started from, where it is to be had."""
        data = self.bytes_of(self.request.initial)
        return None if data is None else payload.decode(data, payload.specs_of(self.scheme.blank))[1]

    @cached_property
    def inbox(self) -> dict[str, Inbox]:
        """What was posted in the phases that this one reads, as it came; each payload is checked once."""
        return {name: self._posts_of(name) for name in self.phase.do.reads}

    @cached_property
    def team(self) -> tuple[str, ...]:
        """All who bring data or have, by name: whoever leaves in the middle of a round moves no seat."""
        name = self.request.request
        team = views.find(self.view, TEAMS, name)
        places = [views.find(self.view, PLACES, name, m) for m in (*team.active, *team.gone)] if team else []
        return tuple(sorted(one.member for one in places if one is not None and one.role != "analyst"))

    @cached_property
    def weights(self) -> dict[str, int]:
        """How many rows each author says it trained on."""
        return {
            one.member: one.content.rows
            for name in self.phase.do.reads
            for one in self._postings(name)
            if isinstance(one.content, posts.Model)
        }

    def _postings(self, name: str) -> list[Any]:
        index = [phase.name for phase in self.scheme.phases].index(name)
        served = views.find(self.view, PHASES, self.request.request, index)
        members = served.owed if served else ()
        found = [views.find(self.view, POSTS, self.request.request, index, m) for m in members]
        standing = [one for one in found if one is not None and one.accepted]
        return sorted(standing, key=lambda one: one.order)

    def _posts_of(self, name: str) -> Inbox:
        do = next(phase.do for phase in self.scheme.phases if phase.name == name)
        specs = (do.specs or payload.specs_of)(self.scheme.blank)
        readers: dict[str, Callable[[], Model | bytes | Lost]] = {}
        for one in self._postings(name):
            content = one.content
            if isinstance(content, posts.Inline):
                readers[one.member] = partial(bytes, content.data)
            elif isinstance(content, posts.Model):
                readers[one.member] = partial(self._model, one.member, content.payload.plaintext, specs)
        return Inbox(readers)

    def _model(self, author: str, name: bytes, specs: Mapping[str, payload.Spec]) -> Model | Lost:
        data = self.bytes_of(name)
        if data is None:
            return "unavailable"
        bound = header(self, author)
        try:
            return payload.decode(data, specs, bound)[1]
        except payload.BadPayload:
            return "malformed"


@dataclass(frozen=True, eq=False)
class Inbox(Mapping[str, "Model | bytes | Lost"]):
    """Posts by their authors, as they came; bytes are fetched and checked when somebody looks, and once."""

    readers: Mapping[str, Callable[[], Model | bytes | Lost]]
    read: dict[str, Model | bytes | Lost] = field(default_factory=dict)

    def __getitem__(self, author: str) -> Model | bytes | Lost:
        if author not in self.read:
            self.read[author] = self.readers[author]()
        return self.read[author]

    def __iter__(self) -> Iterator[str]:
        return iter(self.readers)

    def __len__(self) -> int:
        return len(self.readers)

    def __reversed__(self) -> Iterator[str]:
        return reversed(list(self.readers))


def header(seen: PhaseView, author: str) -> payload.Header:
    """What a payload of this round is bound to."""
    return payload.Header(author, seen.request.request, seen.progress.round, seen.request.plan.hex())


def view_of(view: Reader, name: str, worker: Worker) -> PhaseView:
    """The open phase of a request as this worker sees it."""
    request, progress = views.find(view, REQUESTS, name), views.find(view, PROGRESS, name)
    if request is None or progress is None:
        raise LookupError(f"there is no request {name}")
    scheme = worker.scheme_of(request)
    return PhaseView(view, request, progress, scheme, progress.phase, worker.payloads.get)


def _serve(view: Reader, duty: Duty, workers: Sequence[Worker]) -> list[Ready]:
    seen = view_of(view, duty.request, workers[0])
    if seen.phase.do.content == "salt":
        return [_salt(worker, duty) for worker in workers]
    jobs = [_job(seen, duty, worker) for worker in workers]
    products = seen.phase.do.serve(seen.scheme.bench, jobs)
    return [_ready(seen, duty, worker, product) for worker, product in zip(workers, products, strict=True)]


def _job(seen: PhaseView, duty: Duty, worker: Worker) -> Job:
    phase = views.find(seen.view, PHASES, duty.request, seen.index)
    rule = all_phases(seen.request.rules)[seen.index]
    subjects = subjects_of(rule, phase, worker.member) if phase and rule.content == "scores" else ()
    return Job(
        worker.member,
        duty.request,
        duty.round,
        replace(worker.holds(duty.request), memory=worker.memory.get(duty.request)),
        seen.start,
        seen.inbox,
        seen.weights,
        subjects,
        worker.secret(duty),
        lambda phase: worker.secret(Duty(duty.request, duty.round, phase)),
        seen.first,
        seen.team,
    )


def salt_for(worker: Worker, request: str) -> bytes:
    """The salt that a worker commits to when it applies, and reveals before round 1."""
    return worker.secret(Duty(request, 0, "salt"))[:32]


def _salt(worker: Worker, duty: Duty) -> Ready:
    return Ready(duty, posts.SaltReveal(salt_for(worker, duty.request)))


def _ready(seen: PhaseView, duty: Duty, worker: Worker, product: Product) -> Ready:
    """Turn a product into what the ledger takes; bytes are stored before their hash is posted."""
    if product.memory is not None:
        worker.memory[duty.request] = product.memory
    if product.model is not None:
        return Ready(duty, _model_post(seen, worker, product))
    if product.inline is not None:
        return Ready(duty, posts.Inline(product.inline))
    if product.scores is None:
        return Ready(duty, posts.Declined(1, digest(b"nothing was made")))
    counted = seen.phase.do.counted or seen.scheme.bench.judged
    values = tuple(_score(seen, *score, counted) for score in product.scores)
    if not seen.phase.sealed:
        return Ready(duty, posts.Scores(values))
    salt = worker.secret(Duty(duty.request, duty.round, f"{duty.phase}-salt"))[:32]
    made = posts.score_commitment(duty.request, duty.round, duty.phase, worker.member, values, salt)
    return Ready(duty, posts.Committed(made), SealedScores(values, salt))


def _score(seen: PhaseView, value: float, verdict: Any, counted: Measure | None = None) -> posts.Score:
    bench = seen.scheme.bench
    measure = counted or bench.measure
    spread = spread_of(bench.plan.task) if measure == bench.measure else 1.0
    return posts.Score(figure(measure, value, spread), verdict)


def _model_post(seen: PhaseView, worker: Worker, product: Product) -> posts.Content:
    try:
        data = payload.encode(header(seen, worker.member), product.model or {})
    except payload.BadPayload as error:
        return posts.Declined(2, digest(str(error).encode()))
    name = worker.payloads.put(data)
    own = None if product.figure is None else _score(seen, product.figure, "fine").figure
    where = posts.Payload(len(data), name, name, name)
    return posts.Model(where, _parents(seen, product), rows=product.rows, figure=own)


def _parents(seen: PhaseView, product: Product) -> tuple[bytes, ...]:
    """The hashes of the models that a model was made from: the round's start, or what it names."""
    if not product.parents:
        return (seen.progress.model,)
    hashes = {
        one.member: one.content.payload.plaintext
        for name in seen.phase.do.reads
        for one in seen._postings(name)
        if isinstance(one.content, posts.Model)
    }
    return tuple(hashes[author] for author in product.parents if author in hashes)[:64]


def _stated(view: Reader, worker: Worker, action: Action) -> tx.Transaction | None:
    """Measure the model that is recorded, on one's own judging rows or on the opened test set."""
    match action:
        case WriteRecord(name):
            _, progress, found = _measured(view, worker, name)
            return None if found is None else tx.PostRecord(name, progress.model, found)
        case ApproveRecord(name):
            return tx.Approve(name, _measured(view, worker, name)[2])
        case CertifyRecord(name):
            found = _measured(view, worker, name)[2]
            return None if found is None else tx.Certify(name, found)
    return None


def _measured(view: Reader, worker: Worker, name: str) -> tuple[Request, Progress, int | None]:
    """The figure of the model that stands: on the opened test set if there is one, else on judging rows."""
    seen = view_of(view, name, worker)
    record = views.draft_of_record(view, name)
    data = worker.payloads.get(record.model if record else seen.progress.model)
    rows = (
        _test_rows(seen, worker, record.content) if record and record.content else worker.holds(name).judging
    )
    if data is None or rows is None:
        return seen.request, seen.progress, None
    try:
        model: Mapping[str, Any] = payload.decode(data, payload.specs_of(seen.scheme.blank))[1]
    except payload.BadPayload:
        return seen.request, seen.progress, None
    bench = seen.scheme.bench
    value = float(bench.learner.evaluate(model, rows, bench.measure))
    return seen.request, seen.progress, _score(seen, value, "fine").figure


def _test_rows(seen: PhaseView, worker: Worker, content: bytes) -> Rows | None:
    """The requester's opened test set, which travels as a payload of two arrays."""
    data = worker.payloads.get(content)
    specs = {
        "x": payload.Spec("F32", (None, *seen.scheme.bench.plan.task.shape)),
        "y": payload.Spec("F32", (None,)),
    }
    try:
        return None if data is None else Rows(**payload.decode(data, specs)[1])
    except payload.BadPayload:
        return None
