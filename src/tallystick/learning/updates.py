"""What a member's update looks like beside the others: length, angle, whether it is a copy or a replay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Vectors: TypeAlias = npt.NDArray[np.float32]  # [members, numbers]
Floats: TypeAlias = npt.NDArray[np.float64]

RIGHT = np.pi / 2  # the angle of an update that does not move: it points nowhere
FAR = 3.0  # updates this much longer than the median one are not looked at for copies
SKETCH = 64  # numbers that stand for a vector when near pairs are looked for


@dataclass(frozen=True)
class Likeness:
    """Two members whose updates are nearly the same, and how far apart they are."""

    first: int
    second: int
    distance: float  # of the updates, in lengths of the shorter one's part that is not common to all


def norms(updates: Vectors) -> Floats:
    """The length of each update."""
    return np.sqrt(np.array([np.dot(row, row) for row in map(_wide, updates)], np.float64))


def angles(updates: Vectors, direction: Any) -> Floats:
    """θ = arccos(⟨update, direction⟩ / (‖update‖·‖direction‖)), between 0 and π (bp2p eq. 7).

    A relay's update is the model after a member's hop minus the model before it, the direction is the final
    model minus the first one.
    """
    aim = _wide(direction)
    lengths = norms(updates) * np.sqrt(np.dot(aim, aim))
    products = np.array([np.dot(_wide(row), aim) for row in updates], np.float64)
    cosines = np.divide(products, lengths, out=np.zeros_like(products), where=lengths > 0)
    angles: Floats = np.arccos(np.clip(cosines, -1, 1))
    return angles


def micro_radians(angle: float) -> int:
    """An angle as the ledger's integer; what is not finite counts as opposite."""
    return round(angle * 10**6) if np.isfinite(angle) else round(np.pi * 10**6)


def replay(start: Vectors, before: Vectors) -> Vectors:
    """The model of one who trains nothing and repeats the last step: start + (start - before).

    An update is worth what it scores above this (`gain` in `base/measure.py`), not above the start alone.
    """
    again: Vectors = start + (start - before)
    return again


def unchanged(updates: Vectors, tolerance: float = 1e-6) -> npt.NDArray[np.int64]:
    """Members whose update is shorter than `tolerance` times the median one's: they did not train."""
    lengths = norms(updates)
    return np.flatnonzero(lengths <= tolerance * np.median(lengths))


def replays(updates: Vectors, last: Any, tolerance: float = 0.1) -> npt.NDArray[np.int64]:
    """Members whose update points along the last step of all, within `tolerance` radians."""
    return np.flatnonzero(angles(updates, last) <= tolerance)


def copies(updates: Vectors, tolerance: float = 0.2) -> tuple[Likeness, ...]:
    """Pairs of members whose updates differ by less than `tolerance` of what sets them apart from the mean.

    Honest members agree on much; a copier also agrees with its victim on the rest.
    """
    if len(updates) < 2:
        return ()
    # Two members differ from their own mean in opposite ways: nothing is common to two.
    middle = updates.mean(axis=0, dtype=np.float64) if len(updates) > 2 else 0.0
    apart = np.array([_length(_wide(row) - middle) for row in updates])
    pairs = []
    for first, second in _near_pairs(updates, apart * tolerance):
        distance = _length(_wide(updates[first]) - _wide(updates[second]))
        reach = min(apart[first], apart[second])
        share = distance / reach if reach > 0 else 0.0
        if share <= tolerance:
            pairs.append(Likeness(first, second, share))
    return tuple(pairs)


def later_copies(updates: Vectors) -> npt.NDArray[np.int64]:
    """Members that came later with what another had posted; members stand in the order in which they came."""
    # One huge update would draw the middle to itself and make all others look alike.
    lengths = norms(updates)
    usual = np.flatnonzero((lengths > 0) & (lengths <= FAR * np.median(lengths)))
    return np.unique(usual[[max(pair.first, pair.second) for pair in copies(updates[usual])]])


def _near_pairs(updates: Vectors, reach: Floats) -> list[tuple[int, int]]:
    """Pairs that may be near: distances of short random sketches, with room for their error."""
    chance = np.random.Generator(np.random.Philox(len(updates)))
    size = updates.shape[1]
    if size > SKETCH:
        signs = chance.integers(0, 2, (size, SKETCH), dtype=np.int8).astype(np.float32) * 2 - 1
        sketch = (updates @ (signs / np.float32(np.sqrt(SKETCH)))).astype(np.float64)
    else:
        sketch = updates.astype(np.float64)
    pairs = []
    for first in range(len(updates) - 1):
        distances = np.sqrt(((sketch[first + 1 :] - sketch[first]) ** 2).sum(axis=1))
        near = distances <= 2 * np.minimum(reach[first], reach[first + 1 :]) + 1e-9
        pairs += [(first, first + 1 + int(place)) for place in np.flatnonzero(near)]
    return pairs


def _wide(row: Any) -> Floats:
    return np.asarray(row, np.float64)


def _length(row: Floats) -> float:
    return float(np.sqrt(np.dot(row, row)))
