"""What serves a member's turns: phases in the ledger's order, one first model for all, rows by request."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from msgspec import structs

from tallystick.base.ids import digest
from tallystick.learning.models import mlp
from tallystick.ledger.rules import Stopping, all_phases
from tallystick.node.payloads.store import PayloadsInMemory
from tallystick.node.work import Duty, WorkInMemory
from tallystick.node.worker import InstalledScheme, Worker, salt_for
from tallystick.protocols.parts.share import reveal_salt
from tallystick.protocols.vocabulary import Bench, Holding, PhasePlan, rules_of
from tests.learning.cohorts import invented_rows
from tests.node.site import TASK, protocol, scheme


def holding(seed: int) -> Holding:
    return Holding(invented_rows(5, (3,), 2, seed), invented_rows(5, (3,), 2, seed + 1))


def worker() -> Worker:
    def secret(duty: Duty) -> bytes:
        return digest(b"node", duty.request.encode(), str(duty.round).encode(), duty.phase.encode()) * 2

    return Worker("bob", holding(0), PayloadsInMemory(), WorkInMemory(), lambda _: scheme(protocol()), secret)


def test_phases_are_counted_as_the_ledger_counts_them():
    salts = PhasePlan("draw", "everyone", reveal_salt())
    made = replace(protocol(judging=True), opening=(salts,), closing=(replace(salts, name="end"),))
    names = [phase.name for phase in scheme(made).phases]
    assert names == ["draw", "train", "judge", "combine", "end"]
    rules = rules_of(made, TASK.measure, Stopping(1, 1_000))
    assert names == [phase.name for phase in all_phases(rules)]


def test_everybody_begins_from_the_same_model_and_another_seed_is_another():
    def begun(seed: int) -> InstalledScheme:
        learner = mlp(4)
        plan = structs.replace(scheme(protocol(), seed).bench.plan, learner=learner.name)
        return InstalledScheme(protocol(), Bench(plan, learner, TASK.measure, scheme(protocol()).bench.run))

    mine, yours, other = begun(1).blank, begun(1).blank, begun(2).blank
    assert all(np.array_equal(mine[name], yours[name]) for name in mine)
    assert not all(np.array_equal(mine[name], other[name]) for name in mine)


def test_a_memory_begins_as_the_learners_own():
    asked = []

    def remember(model: Any) -> str:
        asked.append(model)
        return "begun"

    made = scheme(protocol())
    learner = replace(made.bench.learner, remember=remember)
    made = replace(made, bench=replace(made.bench, learner=learner))
    assert made.begun() == "begun" and asked == [made.blank]


def test_a_request_is_served_with_its_own_rows_where_it_has_some():
    bob, own = worker(), holding(7)
    bob.held["request-2"] = own
    assert bob.holds("request-1") is bob.holding
    assert bob.holds("request-2") is own


@pytest.mark.parametrize("request_", ["request-1", "request-2"])
def test_a_salt_is_of_one_request_and_of_no_phase(request_: str):
    bob = worker()
    assert (
        salt_for(bob, request_) == bob.secret(Duty(request_, 0, "salt"))[:32] == salt_for(worker(), request_)
    )
    assert len(salt_for(bob, request_)) == 32
    others = [salt_for(bob, "request-3"), bob.secret(Duty(request_, 1, "salt"))[:32]]
    assert salt_for(bob, request_) not in others
