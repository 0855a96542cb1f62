"""A request from registration to settlement among simulated members, in virtual time on a real ledger."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..base.ids import ANYONE, derived_id, digest
from ..base.keys import SigningKey
from ..engines.embedded import EmbeddedEngine
from ..engines.engine import Committed
from ..learning import payload
from ..learning.cohort import Runner
from ..learning.learner import Learner, Rows
from ..ledger import transactions as tx
from ..ledger import views
from ..ledger.genesis import Founder, Genesis
from ..ledger.records import FinalRecord, Progress, Request
from ..ledger.rules import Stopping, draws
from ..ledger.settlement import LIVE
from ..ledger.state import ACCOUNTS, PROGRESS, RECORDS
from ..node import holdings, payloads
from ..node.holdings import Duty
from ..node.perform import Scheme, Worker, salt_for
from ..node.step import Alter, Node, step
from ..protocols.plan import Plan
from ..protocols.protocol import Bench, Holding, Protocol, ensure_fit, rules_of

CHAIN = "simulation"
START = 1_700_000_000_000
BUDGET = tx.PrivacyBudget(10**12, 10**7, "record")
PURPOSE = "research"
REQUESTER = "requester"


@dataclass(frozen=True, eq=False)
class Brought:
    """What a simulated member brings: rows to train on and rows to judge by, fixed before any round."""

    training: Rows
    judging: Rows
    roots: tuple[bytes, bytes]  # of training and judging rows


@dataclass(frozen=True, eq=False)
class Setting:
    """One request to be simulated."""

    plan: Plan
    protocol: Protocol
    learner: Learner
    runner: Runner
    members: Mapping[str, Brought]
    rounds: int
    reward: int = 1_000
    balance: int = 10_000
    quality: int | None = None
    seed: int = 7
    alter: Alter | None = None  # faults and attacks
    unaccounted: bool = True


@dataclass(eq=False)
class Told:
    """What the ledger said, in the order in which it was said: by time."""

    notices: list[tuple[int, object]] = field(default_factory=list)

    def hear(self, block: Committed) -> None:
        said = [*block.notices, *(one for receipt in block.receipts for one in receipt.notices)]
        self.notices += [(block.time, notice) for notice in said]


@dataclass(frozen=True, eq=False)
class Ended:
    """What a simulated request came to."""

    request: str
    progress: Progress
    record: FinalRecord | None
    balances: Mapping[str, int]
    notices: tuple[tuple[int, object], ...]
    model: bytes | None
    height: int
    head: bytes  # the root of the state at the end


@dataclass(eq=False)
class Clock:
    """Time that only moves when somebody moves it."""

    now: int = START

    def __call__(self) -> int:
        return self.now


def simulate(setting: Setting, folder: Path, watch: Callable[[Committed], None] | None = None) -> Ended:
    """Register, request, form, serve every round, record, settle; the folder holds the ledger afterwards."""
    ensure_fit(setting.protocol, setting.learner)
    keys = {name: _key(setting.seed, name) for name in (*setting.members, REQUESTER)}
    clock, told = Clock(), Told()
    validator = _key(setting.seed, "validator")
    with EmbeddedEngine(folder, keys=[validator], genesis=_genesis(setting, keys), clock=clock) as engine:
        engine.subscribe(told.hear)
        if watch:
            engine.subscribe(watch)
        shared = payloads.InMemory()
        nodes = _nodes(setting, keys, shared)
        name = _begin(setting, engine, nodes, shared, clock)
        serving = [node for member, node in nodes.items() if member != REQUESTER]
        progress = _serve(setting, engine, serving, clock, name)
        status = engine.status()
        accounts = {member: views.find(engine, ACCOUNTS, member) for member in keys}
        return Ended(
            name,
            progress,
            views.find(engine, RECORDS, name),
            {member: account.balance for member, account in accounts.items() if account},
            tuple(told.notices),
            shared.get(progress.model),
            status.height,
            status.app_hash,
        )


def _key(seed: int, name: str) -> SigningKey:
    return SigningKey(digest(b"simulated key", str(seed).encode(), name.encode()))


def _genesis(setting: Setting, keys: Mapping[str, SigningKey]) -> Genesis:
    founders = []
    for name, key in keys.items():
        balance = setting.balance if name in setting.members else setting.reward
        founders.append(
            Founder(
                name, key.public, digest(b"encryption", key.public), ("owner", "requester", "worker"), balance
            )
        )
    return Genesis(CHAIN, START, 2**50, tuple(founders))


def _nodes(setting: Setting, keys: Mapping[str, SigningKey], shared: payloads.InMemory) -> dict[str, Node]:
    bench = Bench(setting.plan, setting.learner, setting.plan.task.measure, setting.runner, simulated=True)
    scheme = Scheme(setting.protocol, bench)

    def scheme_of(request: Request) -> Scheme:
        return scheme

    def node(name: str, brought: Brought) -> Node:
        def secret(duty: Duty) -> bytes:
            where = (str(setting.seed), name, duty.request, str(duty.round), duty.phase)
            return digest(b"simulated secret", *(part.encode() for part in where))

        holding = Holding(brought.training, brought.judging)
        worker = Worker(name, holding, shared, holdings.InMemory(), scheme_of, secret)
        return Node(keys[name], worker)

    found = {name: node(name, brought) for name, brought in setting.members.items()}
    found[REQUESTER] = node(REQUESTER, next(iter(setting.members.values())))
    return found


def _send(engine: EmbeddedEngine, clock: Clock, sent: Sequence[tuple[Node, tx.Transaction]]) -> None:
    """Submit a batch; what is refused here is a mistake of the simulation."""
    tickets = [engine.submit(node.sealed(engine, CHAIN, clock.now, body)) for node, body in sent]
    for (node, body), ticket in zip(sent, tickets, strict=True):
        answer = engine.wait(ticket)
        if not answer.accepted:
            what = type(body).__name__
            raise ValueError(f"{what} of {node.member} was refused: {answer.receipt.detail}")


def _begin(
    setting: Setting,
    engine: EmbeddedEngine,
    nodes: Mapping[str, Node],
    shared: payloads.InMemory,
    clock: Clock,
) -> str:
    """Units, grants, the request with its first model, applications."""
    owners = [nodes[name] for name in setting.members]
    units = _register(setting, engine, owners, clock)
    grants = _grant(engine, owners, units, clock)
    requester = nodes[REQUESTER]
    scheme = requester.worker.scheme_of(None)  # type: ignore[arg-type]
    bound = payload.Header(REQUESTER, "initial", 0, setting.plan.digest().hex())
    initial = shared.put(payload.encode(bound, scheme.blank))
    until = max(phase.wait for phase in scheme.phases) * (setting.rounds + 2) * len(scheme.phases) * 2
    stopping = Stopping(setting.rounds, until * max(1, len(owners)), setting.quality)
    rules = rules_of(setting.protocol, setting.plan.task.measure, stopping)
    number = _low(engine, REQUESTER)
    body = tx.PostRequest(
        "simulated",
        PURPOSE,
        setting.plan.digest(),
        setting.reward,
        rules,
        setting.plan.digest(),
        initial=initial,
    )
    _send(engine, clock, [(requester, body)])
    name = derived_id("request", REQUESTER, number)
    applications: list[tuple[Node, tx.Transaction]] = []
    for node in owners:
        use = tx.UnitUse(units[node.member], grants[node.member])
        salt = salt_for(node.worker, name)
        sealed = tx.salt_commitment(name, node.member, salt) if draws(rules) else None
        amount = len(setting.members[node.member].training.y)
        applications.append((node, tx.Apply(name, amount=amount, units=(use,), commitment=sealed)))
    _send(engine, clock, applications)
    return name


def _low(engine: EmbeddedEngine, member: str) -> int:
    account = views.find(engine, ACCOUNTS, member)
    return account.low if account else 0


def _register(
    setting: Setting, engine: EmbeddedEngine, owners: Sequence[Node], clock: Clock
) -> dict[str, str]:
    numbers = {node.member: _low(engine, node.member) for node in owners}
    bodies: list[tuple[Node, tx.Transaction]] = []
    for node in owners:
        brought = setting.members[node.member]
        schema = digest(b"schema", setting.plan.task.target.name.encode())
        profile = tx.Profile("simulated", "rows", len(brought.training.y) + len(brought.judging.y), schema)
        terms = tx.Terms(unaccounted=setting.unaccounted)
        bodies.append(
            (
                node,
                tx.RegisterUnit(
                    "rows", profile, *brought.roots, f"node://{node.member}", tx.Sketch(1, b""), terms, BUDGET
                ),
            )
        )
    _send(engine, clock, bodies)
    return {member: derived_id("unit", member, number) for member, number in numbers.items()}


def _grant(
    engine: EmbeddedEngine, owners: Sequence[Node], units: Mapping[str, str], clock: Clock
) -> dict[str, str]:
    numbers = {node.member: _low(engine, node.member) for node in owners}
    until = clock.now + 10**11
    _send(
        engine,
        clock,
        [(node, tx.GiveGrant(units[node.member], ANYONE, PURPOSE, 100, until)) for node in owners],
    )
    return {member: derived_id("grant", member, number) for member, number in numbers.items()}


def _serve(
    setting: Setting, engine: EmbeddedEngine, nodes: Sequence[Node], clock: Clock, name: str
) -> Progress:
    """Step all nodes until the request has ended; when nobody has anything to do, time moves on."""
    while True:
        progress = views.find(engine, PROGRESS, name)
        if progress is None or progress.stage not in LIVE:
            break
        stepped = step(engine, nodes, clock.now, setting.alter)
        if not stepped.answers:
            clock.now = max(clock.now + 1, _next_time(engine, name, progress))
        engine.tick()
    if progress is None:
        raise LookupError(f"request {name} is gone")
    return progress


def _next_time(engine: EmbeddedEngine, name: str, progress: Progress) -> int:
    phase = views.open_phase(engine, name)
    return phase.deadline if phase else progress.deadline
