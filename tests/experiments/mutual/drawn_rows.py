"""Members' rows as tests of mutual draw them: ten labels that six numbers give away a little."""

import numpy as np

from experiments.pictures import Pictures
from tallystick.learning.learner import Rows
from tallystick.learning.models import linear

LEARNER = linear(rate=0.5)
NUMBERS = 6


def drawn(count: int, seed: int) -> Rows:
    chance = np.random.default_rng(seed)
    y = chance.integers(0, 10, count).astype(np.int32)
    return Rows((chance.normal(size=(count, NUMBERS)) + y[:, None] / 3).astype(np.float32), y)


DATA = Pictures(drawn(1200, 1), drawn(300, 2))
