"""A request from registration to settlement among simulated members, in virtual time on a real ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeAlias

from ..base.ids import ANYONE, Role, derived_id, digest
from ..base.keys import SigningKey
from ..engines.embedded.engine import EmbeddedEngine
from ..engines.engine import CommittedBlock, View
from ..engines.session import Session
from ..learning import payload
from ..learning.cohort import Runner
from ..learning.learner import Learner, Memory, Rows
from ..ledger import transactions as tx
from ..ledger import views
from ..ledger.genesis import Founder, Genesis
from ..ledger.records import FinalRecord, Progress
from ..ledger.requests.live import LIVE
from ..ledger.rules import Rules, Stopping, draws
from ..ledger.state import ACCOUNTS, RECORDS
from ..node import work as holdings
from ..node.loop import Alter, Node, step
from ..node.payloads import store as payloads
from ..node.work import Duty
from ..node.worker import InstalledScheme, Worker, salt_for
from ..protocols.plans import time_enough
from ..protocols.request_plan import RequestPlan
from ..protocols.vocabulary import Bench, Holding, Protocol, ensure_fit, rules_of
from .behaviours import (
    Clock,
    Doing,
    Part,
    World,
    acts,
    altered,
    ensure_known,
    rests,
    training_rows,
    with_parts,
)
from .checkpoint import Diary

CHAIN = "simulation"
START = 1_700_000_000_000
BUDGET = tx.PrivacyBudget(10**12, 10**7, "record")
PURPOSE = "research"
REQUESTER = "requester"
ANALYST = "analyst"  # hired where the protocol's leader is one
LONGEST = 10**11  # milliseconds that the rounds of a request may take


Begin: TypeAlias = Callable[..., EmbeddedEngine]  # folder, keys, genesis, clock; whatever runs alike


@dataclass(frozen=True, eq=False)
class Brought:
    """What a simulated member brings: rows to train on and rows to judge by, fixed before any round."""

    training: Rows
    judging: Rows
    roots: tuple[bytes, bytes]  # of training and judging rows


@dataclass(frozen=True, eq=False)
class Setting:
    """One request to be simulated."""

    plan: RequestPlan
    protocol: Protocol
    learner: Learner
    runner: Runner
    members: Mapping[str, Brought]
    rounds: int
    reward: int = 1_000
    balance: int = 10_000
    quality: int | None = None
    seed: int = 7
    alter: Alter | None = None  # what anybody's transactions become
    unaccounted: bool = True
    parts: tuple[Part, ...] = ()  # faults and attacks
    budget: tx.PrivacyBudget | None = None  # of each member's unit
    rules: Rules | None = None  # of the plan; without them what the protocol, rounds and quality come to
    test: Rows | None = None  # the requester's own rows: an analyst measures by them
    apart: bool = False  # every member is stepped by itself with tools of its own, as nodes are

    @property
    def analyst(self) -> bool:
        """Whether one who brings no data is hired to combine."""
        return self.protocol.form.leader == "analyst"

    @property
    def taking_part(self) -> tuple[str, ...]:
        """All who have keys: the members, the requester, and an analyst where one is hired."""
        return (*self.members, *([ANALYST] if self.analyst else []), REQUESTER)


@dataclass(eq=False)
class Told:
    """What the ledger said, in the order in which it was said: by time."""

    notices: list[tuple[int, object]] = field(default_factory=list)

    def hear(self, block: CommittedBlock) -> None:
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
    payloads: Mapping[bytes, bytes]  # what members shared, by its hash
    height: int
    head: bytes  # the root of the state at the end


def simulate(
    setting: Setting,
    folder: Path,
    watch: Callable[[CommittedBlock, View], None] | None = None,
    diary: Path | None = None,
    begin: Begin = EmbeddedEngine,
) -> Ended:
    """Register, request, form, serve every round, record, settle; the folder holds the ledger afterwards.

    With a `diary` a run that was cut off goes on where its ledger ends; `watch` and the notices that are
    returned then tell of the rest alone.
    """
    ensure_fit(setting.protocol, setting.learner)
    ensure_known(setting.parts, setting.taking_part)
    keys = {name: _key(setting.seed, name) for name in setting.taking_part}
    clock, told = Clock(START), Told()
    with (
        closing(Diary(diary, remembered(setting) if diary else ())) as kept,
        begin(folder, keys=[validator_of(setting)], genesis=_genesis(setting, keys), clock=clock) as engine,
        _whole_batches(engine),
    ):
        engine.subscribe(told.hear)
        if watch:
            engine.subscribe(partial(_with_view, watch, engine))
        shared = payloads.PayloadsInMemory()
        sessions = {name: Session(engine, key, name, clock, alone=True) for name, key in keys.items()}
        world = World(engine, _nodes(setting, sessions, shared), shared, clock)
        kept.open(world)
        world.request = name = _begin(setting, world, kept)
        progress = _serve(setting, world, kept)
        status = engine.status()
        accounts = {member: views.find(engine, ACCOUNTS, member) for member in keys}
        return Ended(
            name,
            progress,
            views.find(engine, RECORDS, name),
            {member: account.balance for member, account in accounts.items() if account},
            tuple(told.notices),
            shared.get(progress.model),
            shared.kept,
            status.height,
            status.app_hash,
        )


def _with_view(watch: Callable[[CommittedBlock, View], None], view: View, block: CommittedBlock) -> None:
    watch(block, view)


@contextmanager
def _whole_batches(engine: EmbeddedEngine) -> Iterator[None]:
    """Whatever interrupts a run, a batch is in a block as a whole or not at all."""
    try:
        yield
    except BaseException:
        engine.abandon()
        raise


def remembered(setting: Setting) -> Memory:
    """What a member's learner has in memory when it begins."""
    bench = Bench(setting.plan, setting.learner, setting.plan.task.measure, setting.runner)
    return setting.learner.remember(InstalledScheme(setting.protocol, bench).blank)


def _key(seed: int, name: str) -> SigningKey:
    return SigningKey(digest(b"simulated key", str(seed).encode(), name.encode()))


def validator_of(setting: Setting) -> SigningKey:
    """The key that signs the blocks of a simulated ledger."""
    return _key(setting.seed, "validator")


def genesis_of(setting: Setting) -> Genesis:
    """The ledger's first state: everybody with tokens, the requester with the reward."""
    return _genesis(setting, {name: _key(setting.seed, name) for name in setting.taking_part})


def _genesis(setting: Setting, keys: Mapping[str, SigningKey]) -> Genesis:
    founders = []
    for name, key in keys.items():
        balance = setting.reward if name == REQUESTER else setting.balance
        sealed = digest(b"encryption", key.public)
        roles: tuple[Role, ...] = ("analyst",) if name == ANALYST else ("owner", "requester", "worker")
        founders.append(Founder(name, key.public, sealed, roles, balance))
    return Genesis(CHAIN, START, 2**50, tuple(founders))


def _nodes(
    setting: Setting, sessions: Mapping[str, Session], shared: payloads.PayloadsInMemory
) -> dict[str, Node]:
    protocol = with_parts(setting.protocol, setting.parts)

    def scheme() -> InstalledScheme:
        measure = setting.plan.task.measure
        return InstalledScheme(
            protocol, Bench(setting.plan, setting.learner, measure, setting.runner, simulated=True)
        )

    shared_by_all = scheme()

    def node(name: str, holding: Holding) -> Node:
        def secret(duty: Duty) -> bytes:
            where = (str(setting.seed), name, duty.request, str(duty.round), duty.phase)
            return digest(b"simulated secret", *(part.encode() for part in where))

        own = scheme() if setting.apart else shared_by_all
        worker = Worker(name, holding, shared, holdings.WorkInMemory(), lambda request: own, secret)
        return Node(sessions[name], worker)

    return {name: node(name, _holding(setting, name)) for name in sessions}


def _holding(setting: Setting, name: str) -> Holding:
    """A member's own rows; who is no member has the requester's test rows at most, and trains on nothing."""
    if name in setting.members:
        brought = setting.members[name]
        trained = training_rows(name, brought.training, setting.plan.task, setting.parts)
        return Holding(trained, brought.judging)
    some = next(iter(setting.members.values())).judging
    none = Rows(some.x[:0], some.y[:0])
    return Holding(none, none if setting.test is None else setting.test)


def _send(sent: Sequence[Doing]) -> None:
    """Submit a batch; what is refused here is a mistake of the simulation."""
    under_way = [node.session.submit(body) for node, body in sent]
    for (node, body), pending in zip(sent, under_way, strict=True):
        answer = node.session.wait(pending)
        if not answer.accepted:
            what = type(body).__name__
            raise ValueError(f"{what} of {node.member} was refused: {answer.receipt.detail}")


def _do(setting: Setting, world: World, diary: Diary, wanted: Sequence[Doing]) -> None:
    """Send what is to be sent, as the parts have it."""
    if not wanted:
        return
    given = [(node, altered(world, setting.parts, node, body)) for node, body in wanted]
    diary.write(world)
    _send([(node, body) for node, body in given if body is not None])
    diary.turn(world)


def _begin(setting: Setting, world: World, diary: Diary) -> str:
    """Units, grants, the request with its first model, applications: whatever the ledger does not have yet.

    Everybody's first transactions have the same numbers in every run, so that ids are known beforehand.
    """
    owners = [world.nodes[name] for name in setting.members]
    units = {node.member: derived_id("unit", node.member, 0) for node in owners}
    grants = {node.member: derived_id("grant", node.member, 1) for node in owners}
    _first(setting, world, diary, 0, [(node, _unit(setting, node.member)) for node in owners])
    until = START + 10 * LONGEST
    given = [(node, tx.GiveGrant(units[node.member], ANYONE, PURPOSE, 100, until)) for node in owners]
    _first(setting, world, diary, 1, given)
    requester, rules = world.nodes[REQUESTER], rules_for(setting)
    _first(setting, world, diary, 0, [(requester, _request(setting, world, requester, rules))])
    name = derived_id("request", REQUESTER, 0)
    applications: list[Doing] = []
    for node in owners:
        use = tx.UnitUse(units[node.member], grants[node.member])
        amount = len(setting.members[node.member].training.y)
        sealed = _commitment(node, name, rules)
        applications.append((node, tx.Apply(name, amount=amount, units=(use,), commitment=sealed)))
    _first(setting, world, diary, 2, applications)
    if setting.analyst:
        hired = world.nodes[ANALYST]
        apply = tx.Apply(name, analyst=True, commitment=_commitment(hired, name, rules))
        _first(setting, world, diary, 0, [(hired, apply)])
    return name


def _first(setting: Setting, world: World, diary: Diary, number: int, wanted: Sequence[Doing]) -> None:
    """Send the transactions with which everybody begins, unless that was done before the run was cut off."""
    left = [(node, body) for node, body in wanted if _low(world.engine, node.member) <= number]
    if left:
        _do(setting, world, diary, left)


def _unit(setting: Setting, member: str) -> tx.RegisterUnit:
    brought = setting.members[member]
    schema = digest(b"schema", setting.plan.task.target.name.encode())
    profile = tx.Profile("simulated", "rows", len(brought.training.y) + len(brought.judging.y), schema)
    terms, address = tx.Terms(unaccounted=setting.unaccounted), f"node://{member}"
    budget = setting.budget or BUDGET
    return tx.RegisterUnit("rows", profile, *brought.roots, address, tx.Sketch(1, b""), terms, budget)


def _request(setting: Setting, world: World, requester: Node, rules: Rules) -> tx.PostRequest:
    scheme = requester.worker.scheme_of(None)  # type: ignore[arg-type]
    plan = setting.plan.digest()
    bound = payload.PayloadHeader(REQUESTER, "initial", 0, plan.hex())
    initial = world.payloads.put(payload.encode(bound, scheme.blank))
    return tx.PostRequest("simulated", PURPOSE, plan, setting.reward, rules, plan, initial=initial)


def _commitment(node: Node, request: str, rules: Rules) -> bytes | None:
    """What an applicant commits to where chance draws: its salt."""
    if not draws(rules):
        return None
    return tx.salt_commitment(request, node.member, salt_for(node.worker, request))


def rules_for(setting: Setting) -> Rules:
    """What the ledger enforces of this request."""
    if setting.rules is not None:
        return setting.rules
    stopping = Stopping(setting.rounds, time_enough(setting.protocol, setting.rounds), setting.quality)
    return rules_of(setting.protocol, setting.plan.task.measure, stopping)


def _low(engine: EmbeddedEngine, member: str) -> int:
    account = views.find(engine, ACCOUNTS, member)
    return account.low if account else 0


def _serve(setting: Setting, world: World, diary: Diary) -> Progress:
    """Step all nodes until the request has ended; when nobody has anything to do, time moves on."""
    serving = [node for member, node in world.nodes.items() if member != REQUESTER]
    engine, clock = world.engine, world.clock

    def alter(node: Node, body: tx.Transaction) -> tx.Transaction | None:
        changed = altered(world, setting.parts, node, body)
        diary.write(world)
        return changed if changed is None or setting.alter is None else setting.alter(node, changed)

    while True:
        diary.turn(world)
        progress = world.progress
        if progress is None or progress.stage not in LIVE:
            break
        acted = acts(world, setting.parts)
        _do(setting, world, diary, acted)
        resting = {node.member: rests(world, setting.parts, node) for node in serving}
        running = [node for node in serving if resting[node.member] is None]
        batches = [[node] for node in running] if setting.apart else [running]
        answered = [step(engine, batch, clock.now, alter, fail_fast=True).answers for batch in batches]
        if not any(answered) and not acted:
            wakes = [until for until in resting.values() if until is not None]
            clock.now = max(clock.now + 1, min([_next_time(world, progress), *wakes]))
            diary.turn(world)
            diary.write(world)
        engine.tick()
    if progress is None:
        raise LookupError(f"request {world.request} is gone")
    return progress


def _next_time(world: World, progress: Progress) -> int:
    phase = world.open_phase
    return phase.deadline if phase else progress.deadline
