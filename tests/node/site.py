"""Four organisations on a ledger of their own, with nodes whose schemes and learners a test makes up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tallystick.base.ids import ANYONE, ROLES, derived_id, digest
from tallystick.base.keys import SigningKey
from tallystick.engines.embedded.engine import EmbeddedEngine
from tallystick.engines.session import Session
from tallystick.learning import payload
from tallystick.learning.cohort import loop
from tallystick.learning.models import linear
from tallystick.ledger import transactions as tx
from tallystick.ledger import views
from tallystick.ledger.genesis import Founder, Genesis
from tallystick.ledger.records import Progress
from tallystick.ledger.requests.live import LIVE
from tallystick.ledger.rules import Electing, Forming, Paying, Stopping
from tallystick.ledger.state import ACCOUNTS, PROGRESS
from tallystick.node.loop import Node, Stepped, step
from tallystick.node.payloads.store import PayloadsInMemory
from tallystick.node.work import Duty, WorkInMemory
from tallystick.node.worker import InstalledScheme, Worker
from tallystick.protocols.request_plan import RequestPlan
from tallystick.protocols.vocabulary import Bench, Do, Holding, Job, PhasePlan, Product, Protocol, rules_of
from tests.learning.cohorts import invented_rows, invented_task

START = 1_790_000_000_000
MINUTE, HOUR = 60_000, 3_600_000
MEMBERS = ("bob", "cleo", "dora")
TASK = invented_task((3,), 2)
LEARNER = linear()
Serve = Callable[[Bench, Sequence[Job]], list[Product]]


def moved(job: Job, by: float = 1.0) -> Product:
    """The round's start, every number a little further for each member; the learner counts its trainings."""
    far = np.float32(by * (1 + MEMBERS.index(job.member)))
    model = {name: np.asarray(part) + far for name, part in job.start.items()}
    return Product(
        model, rows=10, memory={"trainings": (job.holding.memory or {"trainings": 0})["trainings"] + 1}
    )


def train(bench: Bench, jobs: Sequence[Job]) -> list[Product]:
    return [moved(job) for job in jobs]


def judge(bench: Bench, jobs: Sequence[Job]) -> list[Product]:
    return [Product(scores=((0.5, "fine"), *((0.6, "fine") for _ in job.subjects))) for job in jobs]


def combine(bench: Bench, jobs: Sequence[Job]) -> list[Product]:
    made = []
    for job in jobs:
        posted = [model for model in job.inbox["train"].values() if isinstance(model, dict)]
        mean = {
            name: np.mean([model[name] for model in posted], axis=0, dtype=np.float32) for name in job.start
        }
        made.append(Product(mean if posted else None))
    return made


def protocol(train: Serve = train, judging: bool = False, size: int = 3) -> Protocol:
    """All train, with `judging` all judge under seal, the leader combines."""
    scores = Do("scores", judge, of="train", reads=("train",), rows="judging")
    return Protocol(
        "toy", "1", ("parameters",),
        phases=(
            PhasePlan("train", "everyone", Do("model", train, rows="training"), HOUR),
            *([PhasePlan("judge", "everyone", scores, HOUR, sealed=True)] if judging else []),
            PhasePlan("combine", "leader", Do("model", combine, reads=("train",)), HOUR),
        ),
        finish="combine",
        form=Forming(size, 2, MINUTE, order="answer"),
        elect=Electing(tolerance=2_000_000),
        pay=Paying(weight="equal"),
    )  # fmt: skip


def scheme(made: Protocol, seed: int = 0) -> InstalledScheme:
    plan = RequestPlan(TASK, made.name, "1", LEARNER.name, LEARNER.version, digest(b"source"), seed=seed)
    return InstalledScheme(made, Bench(plan, LEARNER, TASK.measure, loop))


class Site:
    """A ledger whose time the test moves; `ada` asks, the others have data and nodes."""

    def __init__(self, folder: Path) -> None:
        self.time = START
        self.keys = {name: SigningKey(digest(b"key", name.encode())) for name in ("ada", *MEMBERS)}
        founders = [
            Founder(name, key.public, digest(b"seal", key.public), tuple(ROLES), 10_000)
            for name, key in self.keys.items()
        ]
        genesis = Genesis("site", START, 2**40, tuple(founders))
        validator = SigningKey(digest(b"validator"))
        self.engine = EmbeddedEngine(folder, keys=[validator], genesis=genesis, clock=self.now)
        self.sessions = {
            name: Session(self.engine, key, name, self.now, alone=True) for name, key in self.keys.items()
        }
        self.payloads = PayloadsInMemory()
        self.schemes: dict[str, InstalledScheme] = {}  # by request
        self.nodes = {name: Node(self.sessions[name], self._worker(name)) for name in MEMBERS}
        self.uses = {name: self._offer(name) for name in MEMBERS}

    def now(self) -> int:
        return self.time

    def _worker(self, name: str) -> Worker:
        training, judging = (invented_rows(30, (3,), 2, seed) for seed in (MEMBERS.index(name), 9))

        def secret(duty: Duty) -> bytes:
            return digest(name.encode(), duty.request.encode(), str(duty.round).encode(), duty.phase.encode())

        return Worker(
            name, Holding(training, judging), self.payloads, WorkInMemory(),
            lambda request: self.schemes[request.request], secret,
        )  # fmt: skip

    def do(self, member: str, body: tx.Transaction) -> Any:
        answer = self.sessions[member].send(body)
        assert answer.receipt.code == 0, answer.receipt
        return answer.receipt

    def made(self, kind: str, member: str, body: tx.Transaction) -> str:
        """The id of what this transaction makes."""
        account = views.find(self.engine, ACCOUNTS, member)
        assert account is not None
        self.do(member, body)
        return derived_id(kind, member, account.low)

    def _offer(self, name: str) -> tx.UnitUse:
        training, judging = (digest(name.encode(), kind) for kind in (b"training", b"judging"))
        profile, terms = tx.Profile("toys", "rows", 30, digest(b"schema")), tx.Terms(unaccounted=True)
        budget = tx.PrivacyBudget(10**12, 10**7, "record")
        address, sketch = f"node://{name}", tx.Sketch(1, b"")
        body = tx.RegisterUnit("rows", profile, training, judging, address, sketch, terms, budget)
        unit = self.made("unit", name, body)
        given = tx.GiveGrant(unit, ANYONE, "research", 100, START + 10**10)
        return tx.UnitUse(unit, self.made("grant", name, given))

    def ask(self, installed: InstalledScheme, rounds: int = 1, members: Sequence[str] = MEMBERS) -> str:
        """A request under this scheme, whose team has formed of these members."""
        plan = installed.bench.plan.digest()
        initial = self.payloads.put(
            payload.encode(payload.PayloadHeader("ada", "initial", 0, plan.hex()), installed.blank)
        )
        rules = rules_of(installed.protocol, TASK.measure, Stopping(rounds, 100 * HOUR))
        body = tx.PostRequest("toys", "research", plan, 300, rules, plan, initial=initial)
        request = self.made("request", "ada", body)
        self.schemes[request] = installed
        for name in members:
            self.do(name, tx.Apply(request, amount=30, units=(self.uses[name],)))
        self.time += 2 * MINUTE
        self.engine.tick()
        return request

    def progress(self, request: str) -> Progress:
        progress = views.find(self.engine, PROGRESS, request)
        assert progress is not None
        return progress

    def step(self, *names: str, **more: Any) -> Stepped:
        """One turn of these nodes, or of all."""
        return step(self.engine, [self.nodes[name] for name in names or MEMBERS], self.time, **more)

    def serve(self, *requests: str, turns: int = 60) -> list[Stepped]:
        """Turns of all nodes until these requests have ended; time moves on while all rest."""
        taken = []
        for _ in range(turns):
            if all(self.progress(name).stage not in LIVE for name in requests):
                return taken
            taken.append(self.step())
            if not taken[-1].answers:
                self.time = max(self.time + 1, taken[-1].rest_until or self.time + HOUR)
            self.engine.tick()
        raise AssertionError(f"after {turns} turns: {[self.progress(name) for name in requests]}")

    def duty(self, request: str, phase: str, round_: int = 1) -> Duty:
        return Duty(request, round_, phase)
