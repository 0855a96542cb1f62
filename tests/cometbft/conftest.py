"""One network for the tests that change nothing others rely on."""

import pytest

from benchmarks.bft.net import write
from tallystick.base.keys import SigningKey
from tallystick.client import encryption_key
from tallystick.ledger.genesis import Founder, Genesis, Limits
from tests.cometbft.both import OPERATORS, VALIDATORS

MEMBERS = {name: SigningKey(bytes([n + 200]) * 32) for n, name in enumerate(OPERATORS)}


def genesis(time, **more):
    founders = tuple(
        Founder(
            name, key.public, encryption_key(key.public), ("operator", "owner", "requester", "worker"),
            10_000,
            VALIDATORS[name].validator.public,
        )
        for name, key in MEMBERS.items()
    )  # fmt: skip
    return Genesis(
        "works", time, 10**6, founders, validates="operator", limits=Limits(vote_wait=4_000), **more
    )


@pytest.fixture
def net(tmp_path):
    import time

    with write(tmp_path / "net", genesis(time.time_ns() // 10**6), list(VALIDATORS.values())) as made:
        yield made.start()
