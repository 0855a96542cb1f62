"""Short requests among five sites in which somebody misbehaves, and what their ledgers said of it."""

from __future__ import annotations

import jax

from tallystick.learning import payload
from tallystick.simulation import attacks
from tallystick.simulation.run import simulate
from tests.simulation.digits import LEARNER, setting

MINUTE = 60_000
BLANK = LEARNER.init(setting("mutual").plan, jax.random.key(0))


def ran(folder, *behaviours, name="mutual", rounds=2, deposit=300, **more):
    return simulate(setting(name, rounds, deposit, behaviours=tuple(behaviours), **more), folder)


def notices_of(ended, kind):
    return [notice for _, notice in ended.notices if type(notice).__name__ == kind]


def missed(ended):
    return [
        (notice.member, notice.round, notice.phase, notice.reason)
        for notice in notices_of(ended, "TurnMissed")
    ]


def attacked(folder, attack, *who, **more):
    return ran(folder, *attacks.behaviours(dict.fromkeys(who or ("site-1",), attack)), **more)


def posted(ended):
    """What each member posted first; what the leader combined comes after."""
    first = {}
    for data in ended.payloads.values():
        first.setdefault(author_of(data), data)
    return {author: data for author, data in first.items() if author.startswith("site")}


def author_of(data):
    return payload.decode(data, payload.specs_of(BLANK))[0].member
