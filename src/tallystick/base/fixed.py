"""Integer mathematics of the ledger: shares that add up, medians, and bp2p eq. 8-9 in parts per million."""

from collections.abc import Sequence
from decimal import MAX_EMAX, MIN_EMIN, ROUND_HALF_EVEN, Context, Decimal, localcontext
from math import isqrt

PPM = 1_000_000
WEIGHT_SCALE = 10**12  # one in `softmax_weights`
MAD_TO_SIGMA_PPM = 1_482_602  # a normal sample's standard deviation over its median absolute deviation

_CONTEXT = Context(prec=40, rounding=ROUND_HALF_EVEN, Emin=MIN_EMIN, Emax=MAX_EMAX)

__all__ = [
    "MAD_TO_SIGMA_PPM",
    "PPM",
    "WEIGHT_SCALE",
    "capped_weights",
    "deviation",
    "exp_ppm",
    "isqrt",
    "median",
    "mul_div",
    "one_minus_exp_ppm",
    "outlier_bounds",
    "share_ppm",
    "softmax_ppm",
    "softmax_weights",
    "split",
]


def mul_div(value: int, numerator: int, denominator: int) -> int:
    """floor(value * numerator / denominator)."""
    if denominator <= 0:
        raise ValueError(f"denominator {denominator} is not positive")
    return value * numerator // denominator


def share_ppm(part: int, whole: int) -> int:
    """`part` in parts per million of `whole`, rounded down; 0 of nothing."""
    return 0 if whole == 0 else mul_div(part, PPM, whole)


def _exp(exponent_ppm: int, scale: int) -> int:
    """round(scale * e^(exponent_ppm / 10^6))."""
    with localcontext(_CONTEXT):
        return int((Decimal(scale) * (Decimal(exponent_ppm) / PPM).exp()).to_integral_value())


def exp_ppm(theta_micro: int) -> int:
    """e^(-theta) in parts per million for an angle of `theta_micro` micro-radians (bp2p eq. 8, erratum 1)."""
    if theta_micro < 0:
        raise ValueError(f"angle {theta_micro} is negative")
    return _exp(-theta_micro, PPM)


def one_minus_exp_ppm(theta_micro: int) -> int:
    """1 - e^(-theta) in parts per million: bp2p eq. 8 as printed."""
    return PPM - exp_ppm(theta_micro)


def softmax_weights(values_ppm: Sequence[int]) -> tuple[int, ...]:
    """Integer weights in proportion to e^value; the largest is `WEIGHT_SCALE` (bp2p eq. 9)."""
    top = max(values_ppm, default=0)
    return tuple(_exp(value - top, WEIGHT_SCALE) for value in values_ppm)


def softmax_ppm(values_ppm: Sequence[int]) -> tuple[int, ...]:
    """bp2p eq. 9 in parts per million, adding up to a million; the remainder goes to the first."""
    return split(PPM, softmax_weights(values_ppm)) if values_ppm else ()


def median(values: Sequence[int]) -> int:
    """The middle value; of an even number, the mean of the two middle ones rounded down."""
    if not values:
        raise ValueError("the median of no values")
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) // 2


def deviation(values: Sequence[int]) -> int:
    """The median absolute deviation from the median."""
    middle = median(values)
    return median([abs(value - middle) for value in values])


def outlier_bounds(values: Sequence[int], multiple_milli: int = 3000) -> tuple[int, int]:
    """Lowest and highest value within a multiple (in thousandths) of the robust standard deviation."""
    if multiple_milli < 0:
        raise ValueError(f"multiple {multiple_milli} is negative")
    middle = median(values)
    width = mul_div(deviation(values) * MAD_TO_SIGMA_PPM, multiple_milli, 1000 * PPM)
    return middle - width, middle + width


def split(total: int, weights: Sequence[int], remainder_to: int = 0) -> tuple[int, ...]:
    """Shares of `total` in proportion to the weights, rounded down; what is left goes to one index.

    Weights that are all 0 share equally. The shares add up to `total` exactly.
    """
    if total < 0 or not weights or min(weights) < 0:
        raise ValueError(f"cannot split {total} by {len(weights)} weights, lowest {min(weights, default=0)}")
    if not 0 <= remainder_to < len(weights):
        raise ValueError(f"remainder index {remainder_to} is not one of {len(weights)}")
    whole = sum(weights)
    parts = (
        [total * weight // whole for weight in weights] if whole else [total // len(weights)] * len(weights)
    )
    parts[remainder_to] += total - sum(parts)
    return tuple(parts)


def capped_weights(weights: Sequence[int], cap: int = 2) -> tuple[int, ...]:
    """Weights whose shares never pass cap/n; what is cut off is split equally among the others.

    Weights that are all 0 become equal. The result is exact: integers over one common denominator, their
    own sum, ready for `split`.
    """
    count, whole = len(weights), sum(weights)
    if cap < 2 or (count and min(weights) < 0):
        raise ValueError(f"cap {cap} is below 2 or a weight is negative")
    if whole == 0:
        return (1,) * count
    capped = [False] * count
    while True:
        free = capped.count(False)
        taken = sum(weight for weight, full in zip(weights, capped, strict=True) if full)
        extra = count * taken - cap * (count - free) * whole
        shares = [
            cap * whole * free if full else count * free * weight + extra
            for weight, full in zip(weights, capped, strict=True)
        ]
        above = [not full and share > cap * whole * free for full, share in zip(capped, shares, strict=True)]
        if True not in above:
            return tuple(shares)
        capped = [full or new for full, new in zip(capped, above, strict=True)]
