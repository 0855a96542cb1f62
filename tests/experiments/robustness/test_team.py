"""A team with malicious members: what each kind of ill will does, and who is paid."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.pictures import Pictures
from experiments.robustness import team as fifty
from experiments.robustness.team import LABELS, MEMBERS, PIXELS, pay, play, scores, team_of, turned
from tallystick.learning import attacks
from tallystick.learning.combine import RULES
from tallystick.learning.learner import Rows, vector_of


def drawn(number: int, seed: int) -> Rows:
    """As many pictures as MNIST has, made here: ten patterns under noise."""
    chance = np.random.default_rng(seed)
    patterns = np.random.default_rng(0).integers(0, 200, (LABELS, PIXELS), np.uint8)
    labels = chance.integers(0, LABELS, number).astype(np.int32)
    return Rows(patterns[labels] // 2 + chance.integers(0, 120, (number, PIXELS), np.uint8), labels)


@pytest.fixture(scope="module")
def team():
    made = Pictures(drawn(60_000, 1), drawn(10_000, 2))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fifty, "pictures", lambda name, form: made)
        team_of.cache_clear()
        yield team_of("iid", 1, 40)
    team_of.cache_clear()


def test_nobody_trains_on_rows_that_attacks_are_tuned_on_or_that_judges_hold(team) -> None:
    used = [rows.x.tobytes() for part in (team.cohort, team.judges) for rows in part.members]

    assert team.cohort.counts == (40,) * MEMBERS + (100,)
    assert len(set(used)) == len(used)
    assert len(team.hold_out.y) == 5_000 and len(team.test.y) == 10_000
    uneven = team_of("0.1", 1, 40)
    assert np.mean([len(set(rows.y.tolist())) for rows in uneven.cohort.members[:-1]]) < 6


def test_only_the_malicious_turn_their_labels_around(team) -> None:
    for place, (rows, other) in enumerate(zip(team.cohort.members, turned(team, 3).members, strict=True)):
        wicked = MEMBERS - 3 <= place < MEMBERS
        assert (other.y == (LABELS - 1 - rows.y if wicked else rows.y)).all()


def test_a_mean_learns_and_is_broken_by_what_a_robust_rule_withstands(team) -> None:
    clean = play(team, RULES["mean"](5), rounds=6).test
    broken = play(team, RULES["mean"](5), attacks.sign_flip(10.0), 5, rounds=6).test
    kept = play(team, RULES["multi_krum"](5), attacks.sign_flip(10.0), 5, rounds=6).test

    assert clean > 0.5
    assert broken < 0.3
    assert kept > clean - 0.05


def test_a_model_that_is_no_longer_finite_counts_as_guessing(team) -> None:
    assert play(team, RULES["mean"](5), attacks.sign_flip(1e6), 5, rounds=3).test == 0.1


def test_colluding_judges_praise_one_another(team) -> None:
    start = vector_of(team.start)
    posted = np.tile(start, (MEMBERS, 1))
    fair, rigged = scores(team, posted, start, 0, 1), scores(team, posted, start, 30, 1)

    np.testing.assert_allclose(fair, fair[0], atol=0.3)
    assert (rigged[MEMBERS - 30 : MEMBERS] == 20).sum() > 20


def test_a_later_copy_earns_nothing_and_what_others_earn_is_capped() -> None:
    chance = np.random.default_rng(3)
    steps = chance.normal(size=(MEMBERS, 300)).astype(np.float32)
    said = np.linspace(1, 2, MEMBERS + 1)
    said[-1] = 0
    assert pay(steps, said, 5) == pytest.approx(said[45:50].sum() / said[:50].sum())
    steps[45:] = steps[:5]
    assert pay(steps, said, 5) == 0
