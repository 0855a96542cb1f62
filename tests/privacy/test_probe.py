"""A way to train, attacked: what is found with and without privacy, and defects that lift the bound."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tallystick.learning.learner import Rows, clipped
from tallystick.learning.models import mlp
from tallystick.privacy.audit import curve_of
from tallystick.privacy.hooks import simulated_noise
from tallystick.privacy.probe import bound, dp_sgd, memberships, probe, recovery, unprotected

CANARIES = 600
QUIET = dp_sgd(4000, 0.9, 4)  # ε below 2


def rows(count: int = 120, inputs: int = 12) -> Rows:
    """Labels that follow from nothing: whoever knows them has seen them."""
    chance = np.random.default_rng(2)
    x = chance.random((count, inputs)).astype(np.float32)
    return Rows(x, chance.integers(0, 3, count).astype(np.int32))


def test_noise_holds_the_bound_down_and_without_it_canaries_are_told_apart() -> None:
    assert QUIET.theory is not None
    assert bound(QUIET, 1, CANARIES) < QUIET.theory.epsilon < 2 < bound(unprotected(0.9, 4), 1, CANARIES)


def test_a_missing_clip_and_a_missing_sample_are_found() -> None:
    unclipped = replace(QUIET, gradient=lambda rows: clipped(1e6, rows * 0.9, simulated_noise(1.0, 4000)))
    drawn = dp_sgd(1700, 0.1, 40)
    everybody = replace(drawn, order=lambda rows, words: np.tile(np.arange(rows, dtype=np.int32), (40, 1)))

    for wrong in (unclipped, everybody):
        assert wrong.theory is not None
        assert bound(wrong, 1, CANARIES) > wrong.theory.epsilon


def test_every_row_is_in_half_of_the_models_and_membership_shows_without_privacy() -> None:
    given, learner = rows(), mlp(16, rate=0.5)
    scores, inside, _ = memberships(unprotected(0.3, 400), learner, given, 3, 1, 7)
    found = inside.reshape(8, 120)

    assert (found.sum(axis=0) == 4).all()
    assert scores[inside].mean() > scores[~inside].mean() + 0.5


def test_a_step_without_noise_gives_rows_away_and_one_with_noise_none() -> None:
    given, learner = rows(), mlp(64, rate=0.1)

    assert recovery(unprotected(0.1, 10), learner, given, 3, 1) > 0.2
    assert recovery(QUIET, learner, given, 3, 1) == 0


def test_the_layer_that_is_inverted_is_the_first_also_where_another_is_as_wide_as_a_row() -> None:
    given = rows(inputs=16)
    assert recovery(unprotected(0.1, 10), mlp(16, rate=0.1), given, 3, 1) > 0


def test_all_findings_stand_together() -> None:
    found = probe(QUIET, mlp(8), rows(), 3, 1, shadows=5, canaries=CANARIES)

    assert found.sound and found.recovered == 0
    assert 0 <= found.members.protection <= 1 and 0 <= found.accuracy <= 1
    assert not replace(found, bound=50.0).sound
    assert replace(found, theory=None, bound=50.0).sound


def test_a_curve_ends_where_all_are_found() -> None:
    chance = np.random.default_rng(1)
    inside = np.arange(4000) % 2 == 0
    alarms, hits = curve_of(chance.normal(size=4000) + 2 * inside, inside)

    assert (alarms[0], alarms[-1]) == (pytest.approx(0.001), pytest.approx(1))
    assert hits == sorted(hits) and hits[-1] > 0.99
    assert hits[10] == pytest.approx(0.38, abs=0.06)  # at 1 %: 1 - Φ(2.33 - 2)
