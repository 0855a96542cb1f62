"""Members with pictures of their own, and whose rows they judge by."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from experiments.pictures import Pictures
from tallystick.base.ids import digest
from tallystick.data import partition
from tallystick.learning.learner import Rows
from tallystick.simulation.members import Members
from tallystick.simulation.setting import Brought

JUDGING = 200  # rows of each member: with fewer it would abstain


def members(data: Pictures, number: int, seed: int, split: str = "iid", rows: int = 0) -> Members:
    """All rows dealt evenly, or by label in shares drawn from Dirichlet(split); `rows` to train on at most.

    The test set stays whole: nobody holds any of it.
    """
    count = len(data.train.y)
    if split == "iid":
        parts = partition.iid(count, number, seed)
    else:
        parts = partition.dirichlet(data.train.y, number, float(split), seed, least=JUDGING + 32)
    chance = np.random.default_rng(seed)
    brought = {}
    for place, part in enumerate(parts, 1):
        own = chance.permutation(part)
        judging, training = own[:JUDGING], own[JUDGING : JUDGING + rows if rows else None]
        roots = [digest(b"rows", np.sort(places).tobytes()) for places in (training, judging)]
        held = [Rows(data.train.x[places], data.train.y[places]) for places in (training, judging)]
        brought[f"member-{place:02}"] = Brought(held[0], held[1], (roots[0], roots[1]))
    return Members(data.task, brought)


@cache
def held(own: Members) -> Rows:
    """All members' own rows, those by which they judge among them."""
    return together([rows for member in own.brought.values() for rows in (member.training, member.judging)])


def judged_by(own: Members) -> Rows:
    """All members' judging rows: of the training set, trained on by nobody; settings were chosen by these."""
    return together([member.judging for member in own.brought.values()])


def together(parts: Sequence[Rows]) -> Rows:
    return Rows(np.concatenate([part.x for part in parts]), np.concatenate([part.y for part in parts]))


def attackers(own: Members, number: int) -> Sequence[str]:
    """The last of the members."""
    return tuple(own.brought)[-number:] if number else ()
