"""The phases of a secure sum: posts that fit the ledger, and nothing where others' bytes are of no use."""

from dataclasses import replace
from functools import partial

import pytest

from tallystick.base.codec import encode
from tallystick.protocols.parts.masked import Arrived, deal_shares, post_keys, unmask
from tests.protocols.bench import bench, job


@pytest.mark.parametrize("count", [40, 41, 120])
def test_posts_of_many_owners_fit_the_ledger(count):
    """Keys, shares and reveals travel inline, in at most 4,096 bytes; every owner's training is the same."""
    team = tuple(f"owner-{number:03}" for number in range(count))
    jobs = [replace(job(0), member=name, team=team, secret_of=partial(_secret, name)) for name in team]
    inbox: dict[str, dict[str, bytes]] = {}
    for phase, do in (("keys", post_keys()), ("shares", deal_shares()), ("unmask", unmask())):
        asked = [replace(one, inbox=inbox, secret=one.secret_of(phase)) for one in jobs]
        made = do.serve(bench(), asked)
        inbox[phase] = dict(zip(team, [one.inline for one in made], strict=True))
        # Three do not train: the others give shares of their keys.
        inbox["arrived"] = {"analyst": encode(Arrived(tuple(range(count - 3))))}
        served = [one.inline for one in made[: count - 3]]
        assert all(post is not None and len(post) <= 4096 for post in served)
    assert made[-1].inline is None  # whose bytes did not arrive has nothing to unmask


def _secret(member, phase):
    return f"{member} {phase}".encode()
