"""Baselines train as long as members together do, each from the same first model."""

from __future__ import annotations

from dataclasses import replace

import jax
import numpy as np

from tallystick.simulation.baselines import baselines
from tallystick.simulation.study import judging_rows
from tests.simulation.digits import LEARNER, setting


def test_pooled_rows_beat_a_member_alone():
    given = setting("averaging", 2)
    first = LEARNER.init(given.plan, jax.random.key(0))
    test = judging_rows(given.members)
    made = baselines(given, first, test)
    assert list(made.alone) == list(given.members)
    assert made.pooled > max(made.alone.values()) > LEARNER.evaluate(first, test, given.plan.task.measure)


def test_who_else_takes_part_changes_nothing_for_a_member_alone():
    given = setting("averaging", 1)
    first = LEARNER.init(given.plan, jax.random.key(0))
    fewer = replace(given, members={name: given.members[name] for name in ("site-0", "site-3")})
    test = judging_rows(given.members)
    whole, part = (baselines(each, first, test).alone for each in (given, fewer))
    assert {name: whole[name] for name in part} == part
    assert not np.isclose(part["site-0"], part["site-3"])
