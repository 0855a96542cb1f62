"""Attacks: each does what its paper says, and the table's are all different."""

from __future__ import annotations

import numpy as np
import pytest

from tallystick.learning import attacks
from tallystick.learning.attacks import ATTACKS, Seen


def seen(honest: int = 12, attackers: int = 3, numbers: int = 50, seed: int = 0) -> Seen:
    chance = np.random.default_rng(seed)
    start = chance.normal(size=numbers).astype(np.float32)
    models = start + chance.normal(0.2, 0.4, (honest + attackers, numbers)).astype(np.float32)
    before = start - chance.normal(0.2, 0.1, numbers).astype(np.float32)
    return Seen(models[:honest], models[honest:], start, before, seed=4)


@pytest.mark.parametrize("name", ATTACKS)
def test_every_attack_gives_a_finite_model_for_each_attacker_and_repeats(name: str) -> None:
    posted = ATTACKS[name](1.0)(seen())

    assert posted.shape == (3, 50) and posted.dtype == np.float32 and np.isfinite(posted).all()
    assert posted.tobytes() == ATTACKS[name](1.0)(seen()).tobytes()
    assert posted.tobytes() != seen().own.tobytes()


@pytest.mark.parametrize("name", ATTACKS)
def test_strength_matters(name: str) -> None:
    assert ATTACKS[name](0.5)(seen()).tobytes() != ATTACKS[name](2.0)(seen()).tobytes()


def test_sign_flip_and_inner_product_step_the_other_way() -> None:
    given = seen()
    flipped = attacks.sign_flip(5.0)(given) - given.start
    np.testing.assert_allclose(flipped, -5 * (given.own - given.start), rtol=1e-3, atol=1e-5)

    against = attacks.inner_product(0.1)(given)[0] - given.start
    step = given.honest.mean(axis=0) - given.start
    np.testing.assert_allclose(against, -0.1 * step, atol=1e-6)


def test_a_boosted_step_is_so_many_times_as_long() -> None:
    given = seen()
    np.testing.assert_allclose(
        attacks.boost(3.0)(given) - given.start, 3 * (given.own - given.start), rtol=1e-3, atol=1e-5
    )


def test_alie_stays_within_the_deviation_that_the_majority_allows() -> None:
    # 12 honest, 3 attackers: 5 supporters are needed, so z is the quantile of (15 - 3 - 5) / 12.
    given = seen()
    mean, deviation = given.honest.mean(axis=0), given.honest.std(axis=0)
    posted = attacks.alie()(given)

    assert (posted == posted[0]).all()
    np.testing.assert_allclose((mean - posted[0]) / deviation, 0.2104, atol=1e-3)
    np.testing.assert_allclose((mean - attacks.alie(1.5)(given)[0]) / deviation, 1.5, atol=1e-3)


@pytest.mark.parametrize("toward", ["deviation", "step", "sign"])
def test_min_max_is_just_as_far_as_the_honest_are_apart(toward: str) -> None:
    given = seen()
    widest = max(np.linalg.norm(a - b) for a in given.honest for b in given.honest)
    posted = attacks.min_max(toward)(given)[0]
    furthest = max(np.linalg.norm(posted - model) for model in given.honest)

    assert furthest == pytest.approx(widest, rel=1e-5)
    with pytest.raises(ValueError, match="not 'up'"):
        attacks.min_max("up")


def test_min_max_of_members_that_agree_is_their_model() -> None:
    given = seen()
    agreed = Seen(np.tile(given.honest[0], (4, 1)), given.own, given.start, given.before)

    np.testing.assert_allclose(attacks.min_max()(agreed)[0], given.honest[0], atol=1e-6)


def test_copies_and_replays_are_what_they_say() -> None:
    given = seen()
    stolen = attacks.copy()(given)
    assert all((stolen[m] == given.honest).all(axis=1).any() for m in range(3))
    np.testing.assert_allclose(
        attacks.replay()(given)[1] - given.start, given.start - given.before, atol=1e-6
    )
    noisy = attacks.replay(0.05)(given)
    share = np.linalg.norm(noisy - attacks.replay()(given), axis=1) / np.linalg.norm(
        given.start - given.before
    )
    np.testing.assert_allclose(share, 0.05, rtol=0.4)


def test_labels_turn_around() -> None:
    assert attacks.flipped_labels([0, 3, 9], 10).tolist() == [9, 6, 0]
