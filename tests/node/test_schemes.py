"""A request's plan becomes a scheme once, of what its member installed, allowed and has at hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from tallystick.base.task import task
from tallystick.learning.cohort import loop
from tallystick.learning.learner import Learner, Rows
from tallystick.learning.models import linear
from tallystick.ledger.records import Request
from tallystick.node.fitting import NotServed, Offers
from tallystick.node.schemes import Schemes
from tallystick.node.shelf import Shelf
from tallystick.node.trouble import NotAtHand
from tallystick.protocols.plans import Plan, ResolvedPlan
from tallystick.protocols.request_plan import RequestPlan
from tallystick.protocols.vocabulary import Holding

TASK = task(["vib"], "fault", [0, 1])
NONE = Rows(np.zeros((0, 1), np.float32), np.zeros(0, np.int32))
HELD = Holding(NONE, NONE)


def resolved(learner: Learner | None = None) -> ResolvedPlan:
    return Plan(TASK, "averaging", learner or linear(), members=3, least_rows=10).resolved()


def posted(plan: bytes, name: str = "request-1", reward: int = 300) -> Request:
    rules = resolved().rules()
    return Request(name, "ada", "models", "research", plan, reward, rules, plan, b"", "", b"", 0)


def schemes(
    folder: Path,
    *plans: RequestPlan,
    learner: Learner | None = None,
    requests: Sequence[str] = ("request-1",),
) -> Schemes:
    """What a node serves with, where these plans lie on its shelf and it holds the rows of these requests."""
    shelf, offers = Shelf(folder), Offers()
    for plan in plans:
        shelf.keep_plan(plan)
    offers.allow(learner or linear(), ["averaging"], 100)
    return Schemes(shelf, offers, dict.fromkeys(requests, HELD))


def test_a_plan_is_read_once_and_a_scheme_made_once_a_request(tmp_path: Path):
    plan = resolved().plan
    made = schemes(tmp_path, plan, requests=("request-1", "request-2"))
    request = posted(plan.digest())
    scheme = made.of(request)
    (tmp_path / "plans" / plan.digest().hex()).unlink()
    assert made.of(request) is scheme and scheme.protocol is made.resolved(request).protocol
    other = made.of(posted(plan.digest(), "request-2"))
    assert other is not scheme and other.session is not scheme.session
    assert other.protocol is scheme.protocol


def test_a_plan_that_is_not_there_cannot_be_served(tmp_path: Path):
    with pytest.raises(NotServed, match="not to be had"):
        schemes(tmp_path).of(posted(resolved().plan.digest()))


@pytest.mark.parametrize(("changes", "reason"), [
    ({"settings": (("nonsense", "1"),)}, "cannot be served here: .*nonsense"),
    ({"preset_version": "99"}, "cannot be served here: averaging@99 is not installed"),
    ({"preset": "relay"}, "preset relay for 300 tokens is not allowed"),
    ({"source": bytes(32)}, "is not allowed here"),
])  # fmt: skip
def test_a_plan_that_does_not_fit_what_is_here_says_why(tmp_path: Path, changes: dict[str, Any], reason: str):
    plan = msgspec.structs.replace(resolved().plan, **changes)
    made = schemes(tmp_path, plan)
    with pytest.raises(NotServed, match=reason):
        made.of(posted(plan.digest()))
    assert not made.plans and not made.installed


def test_a_reward_below_what_the_owner_asks_is_not_served(tmp_path: Path):
    plan = resolved().plan
    with pytest.raises(NotServed, match="99 tokens"):
        schemes(tmp_path, plan).of(posted(plan.digest(), reward=99))
    assert schemes(tmp_path, plan).of(posted(plan.digest(), reward=100))


def test_without_its_rows_a_request_waits_and_is_served_once_they_are_there(tmp_path: Path):
    plan = resolved().plan
    held: dict[str, Holding] = {"request-9": HELD}
    made = replace(schemes(tmp_path, plan), held=held)
    with pytest.raises(NotAtHand, match="the rows with which request request-1 is served are not here"):
        made.of(posted(plan.digest()))
    held["request-1"] = HELD
    assert made.of(posted(plan.digest()))


def test_a_learner_that_its_owner_takes_back_serves_no_further_request(tmp_path: Path):
    plan = resolved().plan
    made = schemes(tmp_path, plan, requests=("request-1", "request-2"))
    made.of(posted(plan.digest()))
    made.offers.learners.clear()
    with pytest.raises(NotAtHand, match="names a learner that is not allowed here"):
        made.of(posted(plan.digest(), "request-2"))


@pytest.mark.parametrize("traced", [True, False])
def test_only_a_learner_of_jax_functions_is_scanned(tmp_path: Path, traced: bool):
    learner = replace(linear(), traced=traced)
    plan = resolved(learner).plan
    scheme = schemes(tmp_path, plan, learner=learner).of(posted(plan.digest()))
    assert (scheme.bench.run is loop) == (not traced)
    assert scheme.bench.plan == plan and scheme.bench.measure == TASK.measure


def test_what_belonged_to_an_ended_request_is_let_go(tmp_path: Path):
    plan = resolved().plan
    made = schemes(tmp_path, plan, requests=("request-1", "request-2"))
    ended, live = made.of(posted(plan.digest())), made.of(posted(plan.digest(), "request-2"))
    made.forget({"request-2"})
    assert made.of(posted(plan.digest(), "request-2")) is live
    assert made.of(posted(plan.digest())) is not ended
