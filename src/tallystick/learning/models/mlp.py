"""Multi-layer perceptron: MNIST's 784-128-10, fdc's 180-1024-128-softmax."""

from functools import cache

import jax

from ..learner import Learner
from .network import Layers, Weights
from .neural import HEAD, Optimiser, neural


@cache
def mlp(*hidden: int, rate: float = 0.1, optimiser: str | Optimiser = "sgd") -> Learner:
    """Hidden layers of these sizes with rectifiers between them."""
    if not hidden or min(hidden) < 1:
        raise ValueError(f"an MLP has hidden layers of at least one unit each, not {hidden}")

    def layers(outputs: int) -> Layers:
        made: Layers = ()
        for number, size in enumerate(hidden):
            made += (Weights(f"hidden{number}", size), jax.nn.relu)
        return (*made, Weights(HEAD, outputs))

    return neural("mlp", layers, rate, optimiser, {"hidden": "-".join(map(str, hidden))})
