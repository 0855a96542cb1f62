"""Invented rows and targets for trees, and a forest's way as bytes to another member."""

from __future__ import annotations

import numpy as np

from tallystick.learning.payload import PayloadHeader, decode, encode, specs_of
from tallystick.learning.trees.arrays import forest_of, tensors_of

HEADER = PayloadHeader("plant-7", "request-1", 0, "ab" * 32)
chance = np.random.default_rng(5)
X = chance.normal(size=(1500, 6))
X[chance.random(X.shape) < 0.1] = np.nan
X[chance.random(X.shape) < 0.1] = 0
X[:, 5] = np.round(X[:, 5])
CLEAN = np.nan_to_num(X)
Y = 2 * CLEAN[:, 0] + np.sin(3 * CLEAN[:, 1]) + CLEAN[:, 5] * CLEAN[:, 2]
TARGETS = {
    "l2": (1, Y),
    "l1": (1, Y),
    "binary": (1, (Y > 0.5).astype(float)),
    "multiclass": (3, np.digitize(Y, [-1, 1]).astype(float)),
}


def travelled(forest, blank):
    """A forest as bytes and back, checked as a node checks it: against the blank model of the task."""
    return forest_of(decode(encode(HEADER, tensors_of(forest)), specs_of(tensors_of(blank)), HEADER)[1])
