"""A simulated run on its way: its nodes, how it begins on the ledger, what is sent beside nodes' turns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ..base.ids import ANYONE, derived_id, digest
from ..engines.engine import Engine
from ..engines.session import Session
from ..learning import payload
from ..learning.learner import Rows
from ..ledger import transactions as tx
from ..ledger import views
from ..ledger.rules import Rules, draws
from ..ledger.state import ACCOUNTS
from ..node import work as holdings
from ..node.loop import Node
from ..node.payloads import store as payloads
from ..node.work import Duty
from ..node.worker import InstalledScheme, Worker, salt_for
from ..protocols.vocabulary import Bench, Holding
from .behaviours import Conduct, Doing, LiveRun, training_rows, with_behaviours
from .checkpoint import Checkpoint
from .setting import ANALYST, BUDGET, LONGEST, PURPOSE, REQUESTER, START, Setting, blank_of, rules_for

Show: TypeAlias = Callable[[], None]


@dataclass(frozen=True, eq=False)
class Course:
    """A run on its way: what it is, how it stands, who does otherwise, what is on disk, who watches."""

    setting: Setting
    run: LiveRun
    conduct: Conduct
    checkpoint: Checkpoint
    show: Show  # hand on what has happened since the last look

    def save(self) -> None:
        """Make what was made durable before it is sent."""
        self.checkpoint.save(self.run)

    def send(self, batch: Sequence[Doing]) -> None:
        """Send what nobody's node does by itself, as the behaviours have it; a refusal is a mistake here."""
        if not batch:
            return
        altered = [(node, self.conduct.behave(node, body)) for node, body in batch]
        self.save()
        sent = [(node, body, node.session.submit(body)) for node, body in altered if body is not None]
        for node, body, pending in sent:
            answer = node.session.wait(pending)
            if not answer.accepted:
                kind = type(body).__name__
                raise ValueError(f"{kind} of {node.member} was refused: {answer.receipt.detail}")
        self.checkpoint.begin_turn(self.run)
        self.show()


def nodes_of(
    setting: Setting, sessions: Mapping[str, Session], shared: payloads.PayloadsInMemory
) -> dict[str, Node]:
    protocol = with_behaviours(setting.protocol, setting.behaviours)

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
        trained = training_rows(name, brought.training, setting.plan.task, setting.behaviours)
        return Holding(trained, brought.judging)
    some = next(iter(setting.members.values())).judging
    none = Rows(some.x[:0], some.y[:0])
    return Holding(none, none if setting.test is None else setting.test)


def begin(course: Course) -> None:
    """Units, grants, the request with its first model, applications: whatever the ledger does not have yet.

    Everybody's first transactions have the same numbers in every run, so that ids are known beforehand.
    """
    setting, run = course.setting, course.run
    owners = [run.nodes[name] for name in setting.members]
    units = {node.member: derived_id("unit", node.member, 0) for node in owners}
    grants = {node.member: derived_id("grant", node.member, 1) for node in owners}
    _first(course, 0, [(node, _unit(setting, node.member)) for node in owners])
    until = START + 10 * LONGEST
    given = [(node, tx.GiveGrant(units[node.member], ANYONE, PURPOSE, 100, until)) for node in owners]
    _first(course, 1, given)
    requester, rules = run.nodes[REQUESTER], rules_for(setting)
    _first(course, 0, [(requester, _request(setting, run, rules))])
    name = derived_id("request", REQUESTER, 0)
    applications: list[Doing] = []
    for node in owners:
        use = tx.UnitUse(units[node.member], grants[node.member])
        amount = len(setting.members[node.member].training.y)
        sealed = _commitment(node, name, rules)
        applications.append((node, tx.Apply(name, amount=amount, units=(use,), commitment=sealed)))
    _first(course, 2, applications)
    if setting.analyst:
        hired = run.nodes[ANALYST]
        apply = tx.Apply(name, analyst=True, commitment=_commitment(hired, name, rules))
        _first(course, 0, [(hired, apply)])


def _first(course: Course, number: int, batch: Sequence[Doing]) -> None:
    """Send the transactions with which everybody begins, unless that was done before the run was cut off."""
    course.send([(node, body) for node, body in batch if _low(course.run.engine, node.member) <= number])


def _unit(setting: Setting, member: str) -> tx.RegisterUnit:
    brought = setting.members[member]
    schema = digest(b"schema", setting.plan.task.target.name.encode())
    profile = tx.Profile("simulated", "rows", len(brought.training.y) + len(brought.judging.y), schema)
    terms, address = tx.Terms(unaccounted=setting.unaccounted), f"node://{member}"
    budget = setting.budget or BUDGET
    return tx.RegisterUnit("rows", profile, *brought.roots, address, tx.Sketch(1, b""), terms, budget)


def _request(setting: Setting, run: LiveRun, rules: Rules) -> tx.PostRequest:
    plan = setting.plan.digest()
    bound = payload.PayloadHeader(REQUESTER, "initial", 0, plan.hex())
    initial = run.payloads.put(payload.encode(bound, blank_of(setting)))
    return tx.PostRequest("simulated", PURPOSE, plan, setting.reward, rules, plan, initial=initial)


def _commitment(node: Node, request: str, rules: Rules) -> bytes | None:
    """What an applicant commits to where chance draws: its salt."""
    if not draws(rules):
        return None
    return tx.salt_commitment(request, node.member, salt_for(node.worker, request))


def _low(engine: Engine, member: str) -> int:
    account = views.find(engine, ACCOUNTS, member)
    return account.low if account else 0
