"""A member's vector and its weight as words for the masked sum, and the mean back out of it.

The words are those of `learning/fixed_point.py`, so the masked mean has the bits of the plain one.
"""

from typing import Any

import numpy as np

from ...learning.fixed_point import DEFAULT, FixedPoint, Floats, Overflow, Words, decode, encode


def ensure_fits(members: int, most_weight: int, form: FixedPoint = DEFAULT) -> None:
    """Refuse a round whose sum might wrap: nobody could see it afterwards."""
    if members < 1 or most_weight < 1 or members * most_weight > form.capacity:
        raise Overflow(
            f"{members} weights up to {most_weight} may pass {form.capacity}, the most for values "
            f"within ±{form.bound} in steps of 2^-{form.bits}: use fewer bits, a lower bound or lower weights"
        )


def words_of(values: Any, weight: int, most_weight: int, form: FixedPoint = DEFAULT) -> Words:
    """weight x values, then the weight itself: it stays as hidden as the values."""
    if not 0 <= weight <= most_weight:
        raise Overflow(f"weight {weight} is not between 0 and {most_weight}")
    return np.append(encode(np.ravel(values), weight, form), np.array([weight], form.dtype))


def mean_of(total: Words, form: FixedPoint = DEFAULT) -> tuple[Floats, int]:
    """The weighted mean and the whole weight that a sum of `words_of` stands for."""
    weight = int(total[-1])
    return decode(total[:-1], weight, form), weight
