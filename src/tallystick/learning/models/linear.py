"""Softmax regression for labels, linear regression for a number."""

from functools import cache

from ..learner import Learner
from .network import Weights
from .neural import HEAD, Optimiser, neural


@cache
def linear(rate: float = 0.1, optimiser: str | Optimiser = "sgd") -> Learner:
    """One layer: the outputs are weighted sums of a row's numbers."""
    return neural("linear", lambda outputs: (Weights(HEAD, outputs),), rate, optimiser, {})
