"""Updates: lengths, angles (bp2p eq. 7), and who copied, replayed or did nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tallystick.learning import updates as u


def honest(members: int = 10, numbers: int = 3000, seed: int = 0) -> np.ndarray:
    """Updates that agree in half of what they say."""
    chance = np.random.default_rng(seed)
    common = chance.normal(size=numbers)
    return (common + chance.normal(size=(members, numbers))).astype(np.float32)


def test_angles_are_those_of_the_formula() -> None:
    given = np.array([[2, 0], [0, 3], [-1, 0], [1, 1], [0, 0]], np.float32)
    want = [0, math.pi / 2, math.pi, math.pi / 4, u.RIGHT]

    np.testing.assert_allclose(u.angles(given, np.array([5.0, 0])), want, atol=1e-12)
    np.testing.assert_allclose(u.angles(given, np.zeros(2)), u.RIGHT)
    np.testing.assert_allclose(u.norms(given), [2, 3, 1, math.sqrt(2), 0])
    assert u.micro_radians(math.pi / 4) == 785_398
    assert u.micro_radians(math.nan) == u.micro_radians(math.pi) == 3_141_593


def test_honest_members_are_not_taken_for_copiers() -> None:
    for seed in range(5):
        given = honest(seed=seed)
        assert u.copies(given) == ()
        assert len(u.unchanged(given)) == 0
        assert len(u.replays(given, given.mean(axis=0))) == 0


@pytest.mark.parametrize("noise", [0.0, 0.05])
@pytest.mark.parametrize("numbers", [40, 3000])
def test_a_copy_is_found_with_its_victim(noise: float, numbers: int) -> None:
    given = honest(numbers=numbers)
    chance = np.random.default_rng(7)
    given[6] = given[2] * (1 + noise * chance.normal(size=numbers))

    (found,) = u.copies(given)

    assert (found.first, found.second) == (2, 6)
    assert found.distance == pytest.approx(noise * math.sqrt(2), rel=0.3, abs=1e-6)


def test_two_members_can_copy_and_one_cannot() -> None:
    given = honest(2)
    assert u.copies(given) == ()
    assert len(u.copies(given[[0, 0]])) == 1
    assert u.copies(given[:1]) == ()


def test_who_did_nothing_and_who_replayed_are_named() -> None:
    given = honest()
    last = given[9].copy()
    given[3] = 0
    given[5] = last * 0.7 + 0.01 * np.random.default_rng(1).normal(size=len(last))
    given[9] = given[8]

    assert u.unchanged(given).tolist() == [3]
    assert u.replays(given, last).tolist() == [5]


def test_a_replay_repeats_the_last_step() -> None:
    start, before = np.array([1.0, 2.0], np.float32), np.array([0.5, 3.0], np.float32)

    assert u.replay(start, before).tolist() == [1.5, 1.0]


def test_the_later_of_two_that_agree_is_the_copy_and_one_huge_update_hides_none() -> None:
    chance = np.random.default_rng(5)
    steps = chance.normal(size=(8, 200)).astype(np.float32)
    steps[6] = steps[1]
    steps[3] *= 1000

    assert u.later_copies(steps).tolist() == [6]
    assert u.later_copies(steps[:6]).tolist() == []
