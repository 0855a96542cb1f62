"""Members with pictures of their own: MNIST, or the 20,000 pictures of CIFAR-10 that there are here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from tallystick.base.ids import digest
from tallystick.base.task import Task, task
from tallystick.data import partition
from tallystick.data.datasets import load
from tallystick.data.pictures import oriented
from tallystick.learning.learner import Rows
from tallystick.simulation.members import Members
from tallystick.simulation.run import Brought

JUDGING = 200  # rows of each member: with fewer it would abstain
LABELS = 10


@dataclass(frozen=True, eq=False)
class Pictures:
    """A data set as learners see it."""

    train: Rows
    test: Rows

    @property
    def task(self) -> Task:
        """Which of ten kinds of thing a picture shows."""
        return task(["picture"], "label", range(LABELS), shape=self.train.x.shape[1:])


@cache
def pictures(name: str, form: str) -> Pictures:
    """A data set in one of these forms: edges (`data/pictures.py`), or MNIST with 2 × 2 pixels made one."""
    make = {"edges": oriented, "pooled": pooled}[form]
    parts = {
        part: Rows(make(np.asarray(table["image"])), np.asarray(table["label"]).astype(np.int32))
        for part, table in load(name).items()
    }
    return Pictures(parts["train"], parts["test"])


def pooled(images: Any) -> Any:
    """Each 2 × 2 pixels one: a quarter of the work."""
    number, side = len(images), images.shape[1] // 2
    means = images.reshape(number, side, 2, side, 2).mean(axis=(2, 4))
    return np.rint(means).astype(np.uint8).reshape(number, side * side)


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
    return together([rows for one in own.brought.values() for rows in (one.training, one.judging)])


def judged_by(own: Members) -> Rows:
    """All members' judging rows: of the training set, trained on by nobody; settings were chosen by these."""
    return together([one.judging for one in own.brought.values()])


def together(parts: Sequence[Rows]) -> Rows:
    return Rows(np.concatenate([part.x for part in parts]), np.concatenate([part.y for part in parts]))


def attackers(own: Members, number: int) -> Sequence[str]:
    """The last of the members."""
    return tuple(own.brought)[-number:] if number else ()
