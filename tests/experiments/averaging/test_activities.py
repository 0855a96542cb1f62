"""fdc's schools: whole people in one place each, and what is measured of a minute."""

from dataclasses import replace

import numpy as np
import pytest

from experiments.averaging.activities import (
    PEOPLE,
    SCHOOLS,
    TESTERS,
    Minutes,
    outdoor_to_resting,
    schools,
    trained,
)


@pytest.fixture(scope="module")
def known():
    """Forty people with five minutes each."""
    chance = np.random.default_rng(3)
    subject = np.repeat(np.arange(40), 5)
    y = np.tile(np.arange(5) % 4, 40).astype(np.int32)
    x = chance.normal(size=(200, 180)).astype(np.float32) + y[:, None]
    return Minutes(x, y, subject)


def people(*rows):
    """Who the rows are of, where labels name people."""
    return {int(one) for part in rows for one in part.y}


def test_people_are_never_split(known):
    found = schools(replace(known, y=known.subject), 1)
    assert [len(people(one)) for one in found.training] == [PEOPLE // SCHOOLS] * SCHOOLS
    assert len(people(*found.training)) == PEOPLE
    assert len(people(found.test)) == TESTERS
    assert people(*found.training).isdisjoint(people(found.test))


def test_settings_are_chosen_without_the_test_people(known):
    named = replace(known, y=known.subject)
    chosen, shown = schools(named, 1, choosing=True), schools(named, 1)
    assert people(chosen.test) | people(*chosen.training) == people(*shown.training)
    assert people(chosen.test).isdisjoint(people(*chosen.training))


def test_both_ways_learn(known):
    found = schools(known, 1)
    for federated in (True, False):
        story = trained(found, federated, seed=1, rounds=4, rate=0.01)
        assert story[-1][0] < 0.9 * story[0][0]
        assert story[-1][1] > 0.5


def test_spreads_are_compared_within_a_person():
    subject, y = np.array([1, 1, 2, 2, 3]), np.array([3, 1, 3, 1, 3])
    found = Minutes(np.zeros((5, 180)), y, subject)
    assert outdoor_to_resting(found, np.array([4.0, 2.0, 9.0, 3.0, 1.0])).tolist() == [2.0, 3.0]
