"""Five sites as members, and a run among them that all tests of results share."""

from __future__ import annotations

import pytest

import tallystick as ts
from tests.simulation.digit_sites import LEARNER, TASK, digits


@pytest.fixture(scope="session")
def members():
    return ts.members_of(digits(), TASK, by="site", judging=0.3, subject="person")


@pytest.fixture(scope="session")
def mutual(members, tmp_path_factory):
    """Five sites, one malicious, one that leaves in round 3."""
    moments = []
    run = ts.simulate(
        ts.presets.mutual(LEARNER, rounds=4, epochs=2),
        members,
        attacks={"site-b": ts.attacks.sign_flip(5)},
        faults=[ts.faults.leave("site-c", round=3)],
        store=tmp_path_factory.mktemp("kept") / "run",
        watch=moments.append,
    )
    return run, moments
