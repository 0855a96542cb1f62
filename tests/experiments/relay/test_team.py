"""Teams of bp2p outside the ledger: hops in one program are the learner's own trainings, one by one."""

import numpy as np
import pytest

from experiments.relay.team import (
    MOST,
    Team,
    accuracies,
    accuracy,
    all_rows,
    edges,
    epoch_of,
    passes,
)
from tallystick.learning.batches import batches
from tallystick.learning.cohort import train
from tallystick.learning.learner import Rows, vector_of
from tallystick.learning.models import linear
from tallystick.protocols.parts.protect import per_hop

LEARNER = linear(rate=0.5)


@pytest.fixture(scope="module")
def team():
    chance = np.random.default_rng(1)
    counts = np.array([MOST - 1, 0, 7])
    x = chance.normal(size=(3, MOST, 12)).astype(np.float32)
    y = chance.integers(0, 10, (3, MOST)).astype(np.int32)
    return Team(x, y, counts, (x[0], y[0]), 1)


def test_hops_are_the_learners_own_training(team):
    (hops,) = passes(team, LEARNER, 1, keep=True)
    index, real = epoch_of(team, 0)
    model = {name: np.asarray(part) for name, part in team.start(LEARNER).items()}
    for place, member in enumerate(hops.order):
        given = batches(Rows(team.x[member], team.y[member]), index[member][: real[member]])
        model = train(LEARNER, model, (), given, np.zeros(2, np.uint32)).model
        np.testing.assert_allclose(hops.models[place], vector_of(model), atol=1e-6)
    assert accuracies(LEARNER, hops.models[-1:], model, team.test) == [
        accuracy(LEARNER, hops.last, team.test)
    ]


def test_who_holds_nothing_hands_on_what_it_got(team):
    protect = per_hop(20, 1e-5, rounds=1, steps=1, usual=90)
    hook = protect.hook(protect.rule.most, True)
    (hops,) = passes(team, LEARNER, 1, gradient=hook, steps=1, keep=True)
    moved = np.diff(np.vstack([vector_of(team.start(LEARNER)), hops.models]), axis=0)
    assert [bool(step.any()) for step in moved] == [member != 1 for member in hops.order]


def test_every_row_is_taken_once_an_epoch_and_in_every_step(team):
    index, real = epoch_of(team, 0)
    assert real.tolist() == [2, 0, 1]
    for member, count in enumerate(team.counts):
        taken = index[member][index[member] >= 0]
        assert sorted(taken) == list(range(count))
    whole, steps = all_rows(team, 3)
    assert steps.tolist() == [3, 0, 3]
    assert (whole[2] >= 0).sum(axis=1).tolist() == [7, 7, 7]


def test_histograms_tell_directions_apart():
    picture = np.zeros((3, 28, 28), np.uint8)
    picture[0, :, 14:] = 255  # an upright edge
    picture[1, 14:] = 255  # a level one
    rows = edges(picture)
    assert rows.shape == (3, 7 * 7 * 8)
    np.testing.assert_allclose(np.linalg.norm(rows[:2], axis=1), 1, rtol=1e-5)
    upright, level = rows[0].reshape(-1, 8).sum(axis=0), rows[1].reshape(-1, 8).sum(axis=0)
    assert upright.argmax() == 0
    assert level.argmax() == 4
    assert not rows[2].any()
