"""The arithmetic of the books, written a second time, with fractions, so that it shares no slip."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction
from statistics import median_high, median_low

PPM = 10**6


def middle(values: Sequence[int]) -> int:
    """The median, rounded down between two."""
    return (median_low(values) + median_high(values)) // 2


def shared(total: int, weights: Sequence[Fraction | int], first: int = 0) -> list[int]:
    """Whole shares in proportion, equal where all weights are 0; the rest goes to that of `first`."""
    whole = sum(weights)
    exact = [Fraction(weight, 1) / whole if whole else Fraction(1, len(weights)) for weight in weights]
    parts = [int(total * part) for part in exact]
    parts[first] += total - sum(parts)
    return parts


def capped(weights: Sequence[int]) -> list[Fraction]:
    """Shares of which none passes 2/n; what is cut off goes to the others in equal parts."""
    count, whole = len(weights), sum(weights)
    if not whole:
        return [Fraction(1, max(1, count))] * count
    most = Fraction(2, count)
    own = [Fraction(weight, whole) for weight in weights]
    full: list[int] = []
    while True:
        free = [place for place in range(count) if place not in full]
        cut = sum((own[place] - most for place in full), Fraction(0))
        shares = [most if place in full else own[place] + cut / len(free) for place in range(count)]
        over = [place for place in free if shares[place] > most]
        if not over:
            return shares
        full += over


def e_to(exponent_ppm: int, scale: int) -> int:
    """e to a power in parts per million, times a scale, to the nearest whole."""
    with localcontext() as context:
        context.prec, context.rounding = 60, ROUND_HALF_EVEN
        return int((Decimal(scale) * (Decimal(exponent_ppm) / PPM).exp()).to_integral_value())


def angle_weights(angles: Sequence[int], as_printed: bool) -> list[int]:
    """bp2p eq. 8-9: softmax of e^-theta, or of 1 - e^-theta as printed."""
    near = [e_to(-max(0, angle), PPM) for angle in angles]
    values = [PPM - value for value in near] if as_printed else near
    top = max(values, default=0)
    return [e_to(value - top, 10**12) for value in values]
