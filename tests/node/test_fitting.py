"""Which requests a node serves: rows, learners and grants must fit, and why they do not is said."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from tallystick.base.ids import ANYONE
from tallystick.base.task import task
from tallystick.data.table import Table
from tallystick.data.unit import divide
from tallystick.learning.models import linear, mlp
from tallystick.ledger import views
from tallystick.ledger.records import Request
from tallystick.node.fitting import Budget, NotServed, OfferedUnit, Offers
from tallystick.protocols.plans import Plan, ResolvedPlan

TASK = task(["vib"], "fault", [0, 1])
PLAN = Plan(TASK, "averaging", linear(), members=3, least_rows=10).resolved()


def table(rows: int, *columns: str) -> Table:
    return Table({name: np.arange(rows) % 2 for name in columns})


def offered(unit: str, rows: int = 20, *columns: str) -> OfferedUnit:
    return OfferedUnit(unit, divide(table(rows, *(columns or ("vib", "fault"))), 0.2, 0), TASK)


def grant(unit: str, to: str = ANYONE, purpose: str = "research") -> views.GrantView:
    return views.GrantView(f"grant-of-{unit}", unit, "bob", to, purpose, 2**50, 5, 5, False, "open")


def posted(resolved: ResolvedPlan = PLAN, **more: Any) -> Request:
    plan = resolved.plan.digest()
    made = Request(
        "request-1", "ada", "models", "research", plan, 300, resolved.rules(), plan, b"", "", b"", 0
    )
    return msgspec.structs.replace(made, **more)


def offers(*units: OfferedUnit) -> Offers:
    made = Offers()
    for unit in units or (offered("unit-1"),):
        made.offer(unit)
    made.allow(linear(), ["averaging"], 100)
    return made


def test_the_first_unit_that_fits_with_its_grant():
    served = offers(offered("small", 9), offered("other", 20, "temp", "fault"), offered("large", 50))
    fit = served.fit(posted(), PLAN, [grant("other"), grant("large"), grant("small")])
    amount = len(served.units["large"].rows.training)
    assert (fit.unit, fit.grant, fit.amount) == ("large", "grant-of-large", amount) and amount > 30


@pytest.mark.parametrize(
    "given", [grant("unit-1", to="cleo"), grant("unit-1", purpose="resale"), grant("unit-2")]
)
def test_without_a_grant_that_permits_it_nothing_fits(given: views.GrantView):
    with pytest.raises(NotServed, match="no unit with 10 rows of fault, vib and a grant for research"):
        offers().fit(posted(), PLAN, [given])
    assert offers().fit(posted(), PLAN, [given, grant("unit-1", to="ada")]).grant == "grant-of-unit-1"


def test_rules_must_be_the_plans():
    stopping = msgspec.structs.replace(PLAN.rules().stopping, rounds=99)
    other = msgspec.structs.replace(PLAN.rules(), stopping=stopping)
    with pytest.raises(NotServed, match="its rules are not those of its plan"):
        offers().fit(posted(rules=other), PLAN, [grant("unit-1")])


def test_only_what_was_allowed_runs():
    assert offers().ensure_allowed(PLAN.plan, 100).learner == linear()
    with pytest.raises(NotServed, match="preset averaging for 99 tokens is not allowed here"):
        offers().ensure_allowed(PLAN.plan, 99)
    foreign = Plan(TASK, "averaging", mlp(3), members=3).resolved().plan
    with pytest.raises(NotServed, match="learner mlp@1 is not allowed here"):
        offers().ensure_allowed(foreign, 100)
    relay = Plan(TASK, "relay", linear(), members=3).resolved().plan
    with pytest.raises(NotServed, match="preset relay"):
        offers().ensure_allowed(relay, 100)


def test_a_budget_in_whole_numbers():
    budget = Budget(1.5, 1e-6, "subject").on_ledger()
    assert (budget.epsilon_nano, budget.delta_e12, budget.protects) == (1_500_000_000, 1_000_000, "subject")
