"""Rounds of mutual without a ledger: its own phases, one by one."""

import numpy as np
import pytest

from experiments.mutual.rounds import Loop, local_accuracy, play
from experiments.mutual.team import members
from tallystick.learning import fixed_point
from tallystick.learning.learner import vector_of
from tallystick.protocols.plans import plan_for
from tallystick.protocols.presets.mutual import mutual
from tests.experiments.mutual.drawn_rows import DATA, LEARNER, NUMBERS


def test_a_round_as_printed_is_federated_averaging() -> None:
    own = members(DATA, 4, 3, "0.5")
    loop = Loop(plan_for("mutual", LEARNER, 2), own, 5, mutual(as_printed=True))
    made = loop.step()
    mean = fixed_point.mean([vector_of(one.model or {}) for one in made], [one.rows for one in made])
    np.testing.assert_array_equal(vector_of(loop.model), mean)
    assert len({one.rows for one in made}) > 1  # unequal members, or the weights would not show


def test_a_course_repeats_and_learns() -> None:
    own = members(DATA, 4, 3)
    one, other = (play(Loop(plan_for("mutual", LEARNER, 3), own, 5), DATA, 3) for _ in range(2))
    assert one == other
    assert len(one.test) == len(one.local) == 3
    assert one.test[-1] > 0.15  # one in ten is chance


def test_local_accuracy_is_the_mean_over_members_not_over_rows() -> None:
    own = members(DATA, 3, 3, "0.5")
    model = {"head/weight": np.zeros((NUMBERS, 10), np.float32), "head/bias": np.eye(10, dtype=np.float32)[0]}
    shares = [np.mean(np.concatenate([one.training.y, one.judging.y]) == 0) for one in own.brought.values()]
    assert local_accuracy(LEARNER, model, own) == pytest.approx(np.mean(shares))
