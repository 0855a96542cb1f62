"""Pictures as experiments use them: MNIST, or the 20,000 pictures of CIFAR-10 that there are here."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from tallystick.base.task import Task, task
from tallystick.data.datasets import load
from tallystick.data.pictures import oriented
from tallystick.learning.learner import Rows

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
