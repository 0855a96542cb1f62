"""Invented posts of a round, for tests of what combines them."""

from __future__ import annotations

import numpy as np

from tallystick.learning.posted import PostedModels


def posted(members: int = 9, numbers: int = 700, seed: int = 0, **more) -> PostedModels:
    chance = np.random.default_rng(seed)
    start = chance.normal(size=numbers).astype(np.float32)
    models = start + chance.normal(0.3, 0.5, (members, numbers)).astype(np.float32)
    given = {
        "weights": chance.integers(1, 50, members),
        "scores": chance.normal(size=members),
        "root": start + np.float32(0.2),
    } | more
    return PostedModels(models, start, **given)


def with_models(given: PostedModels, models: np.ndarray) -> PostedModels:
    return PostedModels(models.astype(np.float32), given.start, given.weights, given.scores, given.root)
