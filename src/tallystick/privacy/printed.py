"""The papers' noise as printed: kept to reproduce figures, with no formal guarantee (errata 4, 5, 14)."""

import numpy as np
import numpy.typing as npt

from ..base.events import Unaccounted, checked
from .clipping import Floats, clipped, finite
from .mechanisms import Mechanism
from .randomness import Words, system

NO_GUARANTEE = "no formal guarantee"


def relay_as_printed(epsilon: float, sensitivity: float = 1.0) -> Mechanism:
    """bp2p eq. 5: the global model plus Lap(sensitivity / epsilon), the sensitivity taken to be 1."""
    note = f"{NO_GUARANTEE}: bp2p eq. 5 as printed, Laplace noise of scale {sensitivity:g}/{epsilon:g}"
    return _printed(sensitivity / _positive(epsilon), note)


def mutual_as_printed(clip: float, epsilon: float) -> Mechanism:
    """bpcv eq. 1-3: each gradient clipped to L2 norm `clip`, plus Lap(clip / epsilon), every step anew."""
    note = f"{NO_GUARANTEE}: bpcv eq. 3 as printed, Laplace noise of scale {clip:g}/{epsilon:g}"
    scale = clip / _positive(epsilon)

    def apply(gradients: npt.ArrayLike, words: Words | None = None) -> Floats:
        return _with_laplace(clipped(gradients, clip, "l2"), scale, words)

    return Mechanism(apply, checked(Unaccounted(note)))


def boosting_as_printed(epsilon: float, sensitivity: float = 1.0) -> Mechanism:
    """poq eq. 4: vectors, and again the local model, plus Lap(s / epsilon), the sensitivity s assumed."""
    note = f"{NO_GUARANTEE}: poq eq. 4 as printed, Laplace noise of scale {sensitivity:g}/{epsilon:g}"
    return _printed(sensitivity / _positive(epsilon), note)


def float_laplace(count: int, scale: float, words: Words) -> Floats:
    """Laplace noise in plain doubles: fit for drawing figures, its low-order bits give inputs away."""
    uniform = ((words(count) >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53 - 0.5
    noise: Floats = -scale * np.sign(uniform) * np.log1p(-2 * np.abs(uniform))
    return noise


def _printed(scale: float, note: str) -> Mechanism:
    def apply(values: npt.ArrayLike, words: Words | None = None) -> Floats:
        return _with_laplace(finite(values), scale, words)

    return Mechanism(apply, checked(Unaccounted(note)))


def _with_laplace(values: Floats, scale: float, words: Words | None) -> Floats:
    noise = float_laplace(values.size, scale, system() if words is None else words)
    return values + noise.reshape(values.shape)


def _positive(epsilon: float) -> float:
    if not 0 < epsilon < float("inf"):
        raise ValueError(f"epsilon {epsilon} must be finite and above 0")
    return epsilon
