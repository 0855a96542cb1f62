"""What a simulation knows of its members stands in the plan, where a requester would have to say it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tallystick.base.task import task
from tallystick.learning.learner import Rows
from tallystick.learning.models import mlp
from tallystick.protocols.noise import dp_sgd, noised_update, per_hop, printed_laplace
from tallystick.protocols.plans import Plan, presets
from tallystick.protocols.vocabulary import Unfit
from tallystick.simulation.members import Members
from tallystick.simulation.plans import among, budget_of, notes, offered
from tallystick.simulation.setting import Brought

TASK, LEARNER = task(["a", "b"], "c", [0, 1]), mlp(4)


def members(*sizes: tuple[int, int], subjects: int | None = None) -> Members:
    """Members with so many rows to train on and to judge by; their rows are of so many subjects."""
    brought = {}
    for number, (training, judging) in enumerate(sizes):
        whose = None if subjects is None else np.arange(training) % subjects
        parts = [
            Rows(np.zeros((count, 2), np.float32), np.zeros(count, np.int32), of)
            for count, of in ((training, whose), (judging, None))
        ]
        brought[f"m-{number}"] = Brought(parts[0], parts[1], (b"a" * 32, b"b" * 32))
    return Members(TASK, brought)


FIVE = members((300, 90), (200, 80), (250, 70), (210, 400), (900, 60))


def settings(plan: Plan, of: Members = FIVE) -> dict[str, Any]:
    return among(plan, of).asked


def test_the_smallest_member_sets_what_all_can_do() -> None:
    stated = settings(presets.mutual(LEARNER))
    assert {name: stated[name] for name in ("size", "minimum", "least_rows", "fewest")} == {
        "size": 5, "minimum": 3, "least_rows": 200, "fewest": 60,
    }  # fmt: skip
    assert "usual" not in stated
    assert settings(presets.relay(LEARNER, protect=per_hop(8)))["usual"] == 250
    assert "fewest" not in settings(presets.averaging(LEARNER))
    assert settings(presets.mutual(LEARNER), members((900, 700), (800, 600)))["fewest"] == 200


def test_what_the_plan_says_itself_stays() -> None:
    said = presets.mutual(LEARNER, fewest=10, minimum=2, size="3", least_rows=50)
    stated = among(said, FIVE).resolved().asked
    assert (stated.fewest, stated.minimum, stated.size, stated.least_rows) == (10, 2, 3, 50)
    assert among(presets.mutual(LEARNER, size=3), FIVE).resolved().asked.minimum == 2
    assert among(presets.secure_averaging(LEARNER), FIVE).resolved().asked.minimum == 3


def test_subjects_are_counted_where_subjects_are_protected() -> None:
    whole = members((300, 90), (200, 80), subjects=12)
    private = presets.averaging(LEARNER, batch=4, protect=dp_sgd(8, protects="subject"))
    assert settings(private, whole)["least_rows"] == 12
    assert settings(presets.averaging(LEARNER, protect=dp_sgd(8)), whole)["least_rows"] == 200
    with pytest.raises(Unfit, match="say whose rows they are"):
        among(private, FIVE)


def test_a_unit_may_spend_exactly_what_the_plan_asks_for() -> None:
    def budget(protect: Any) -> Any:
        found = budget_of(among(presets.averaging(LEARNER, protect=protect), FIVE).resolved())
        return found and (found.epsilon_nano, found.delta_e12, found.protects)

    assert budget(None) is None
    assert budget(dp_sgd(8)) == (8 * 10**9, 10**7, "record")
    assert budget(noised_update(4, 1e-6)) == (4 * 10**9, 10**6, "member")
    assert budget(printed_laplace(10)) is None


def test_notes_tell_what_a_reader_should_know() -> None:
    def told(plan: Plan, of: Members = FIVE) -> str:
        return " ".join(notes(among(plan, of).resolved().plan))

    assert "members judge by 60 rows at least" in told(presets.mutual(LEARNER))
    assert told(presets.averaging(LEARNER)) == ""
    assert "without noise" in told(presets.averaging(LEARNER, protect=dp_sgd(8)))
    three = members((300, 290), (300, 290), (300, 290))
    assert (
        told(presets.mutual(LEARNER), three) == "3 members are too few to tell an outlier: nobody is evicted"
    )
    assert told(presets.mutual(LEARNER, evict="outlier"), three) == ""


def test_a_reward_is_named_or_enough_for_whole_tokens() -> None:
    assert offered(presets.mutual(LEARNER, reward=70), FIVE, 10) == 70
    assert offered(presets.mutual(LEARNER), FIVE, 10) == 1_000
    assert offered(presets.mutual(LEARNER), FIVE, 100) == 5_000
