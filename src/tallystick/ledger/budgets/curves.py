"""From events to Renyi curves and back to (epsilon, delta), in integers that anyone can recompute.

Gaussian and Laplace: Mironov 2017. Poisson-subsampled Gaussian at integer orders, add/remove adjacency:
Mironov, Talwar and Zhang 2019. Pure: randomised response, which dominates every epsilon-private mechanism.
Conversion: Canonne, Kamath and Steinke 2020, proposition 12. Everything is rounded up.
"""

from collections.abc import Callable
from decimal import MAX_EMAX, MIN_EMIN, ROUND_CEILING, Context, Decimal, localcontext
from functools import lru_cache
from math import comb
from typing import TypeAlias

from ...base.events import (
    Event,
    Gaussian,
    Laplace,
    Pure,
    SubsampledGaussian,
    Unaccounted,
    checked,
)

ORDERS = (2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64, 128)
NANO = 10**9
PICO = 10**12

# One event counts at most this much at an order (epsilon 100,000); an order whose sum reaches it bounds
# nothing and is passed over. Sums of 90,000 such events still fit into 63 bits, and adding and
# subtracting stay exact.
CEILING = 10**14
UNBOUNDED = 2**63 - 1  # epsilon where no order bounds anything: above every budget

Curve: TypeAlias = tuple[int, ...]
ZERO: Curve = (0,) * len(ORDERS)

_CONTEXT = Context(prec=40, rounding=ROUND_CEILING, Emin=MIN_EMIN, Emax=MAX_EMAX)


class NoCurve(ValueError):
    """The event has no curve, because it comes with no formal guarantee."""


def curve(event: Event) -> Curve:
    """Nano-units of Renyi divergence at `ORDERS`; refuses unknown events (`BadEvent`) and `NoCurve`."""
    if isinstance(event, Unaccounted):
        raise NoCurve(f"no formal guarantee: {event.note}")
    return _curve(checked(event))


def add(first: Curve, second: Curve) -> Curve:
    """The curve of both together."""
    return tuple(a + b for a, b in zip(first, second, strict=True))


def subtract(total: Curve, part: Curve) -> Curve:
    """The curve of what remains when a part that was added before never happened."""
    rest = tuple(a - b for a, b in zip(total, part, strict=True))
    if min(rest) < 0:
        raise ValueError("cannot take back more privacy cost than was charged")
    return rest


def times(single: Curve, count: int) -> Curve:
    """The curve of `count` repetitions."""
    if count < 0:
        raise ValueError(f"cannot repeat a step {count} times")
    return tuple(value * count for value in single)


def epsilon(total: Curve, delta_pico: int) -> int:
    """Nano-units of epsilon at delta (parts per 10^12): 0 for nothing done, `UNBOUNDED` past the ceiling."""
    offsets = _offsets(delta_pico)
    if not any(total):
        return 0
    bounds = [value + offset for value, offset in zip(total, offsets, strict=True) if value < CEILING]
    return max(0, min(bounds)) if bounds else UNBOUNDED


@lru_cache(maxsize=4096)
def _curve(event: Event) -> Curve:
    steps, divergence = _parts(event)
    with localcontext(_CONTEXT):
        return tuple(min(CEILING, _ceiling(divergence(order) * steps * NANO)) for order in ORDERS)


def _parts(event: Event) -> tuple[int, Callable[[int], Decimal]]:
    match event:
        case Gaussian():
            sigma = event.sigma_milli
            return event.steps, lambda order: Decimal(order * 10**6) / (2 * sigma * sigma)
        case Laplace():
            return event.steps, lambda order: _laplace(order, event.scale_milli)
        case SubsampledGaussian():
            return event.steps, lambda order: _subsampled(order, event.rate_nano, event.sigma_milli)
        case Pure():
            return event.steps, lambda order: _pure(order, event.epsilon_nano)
        case _:
            raise NoCurve(f"no formal guarantee: {event.note}")


def _laplace(order: int, scale_milli: int) -> Decimal:
    """ln(a/(2a-1) e^((a-1)/b) + (a-1)/(2a-1) e^(-a/b)) / (a-1), and never above 1/b."""
    with_gain = order * _exp(Decimal((order - 1) * 1000) / scale_milli)
    with_loss = (order - 1) * _exp(Decimal(-order * 1000) / scale_milli)
    moment = (with_gain + with_loss) / (2 * order - 1)
    return min(_ln(moment) / (order - 1), Decimal(1000) / scale_milli)


def _pure(order: int, epsilon_nano: int) -> Decimal:
    """ln((e^(a eps) + e^((1-a) eps)) / (1 + e^eps)) / (a-1), and never above eps."""
    eps = Decimal(epsilon_nano) / NANO
    least_sum = (1 + eps.exp().next_minus()).next_minus()
    moment = (_exp(order * eps) + _exp((1 - order) * eps)) / least_sum
    return min(_ln(moment) / (order - 1), eps)


def _subsampled(order: int, rate_nano: int, sigma_milli: int) -> Decimal:
    """ln(sum_k C(a,k) (1-q)^(a-k) q^k e^((k^2-k)/(2 sigma^2))) / (a-1)."""
    powers_in, powers_out, growths = _powers(rate_nano, sigma_milli)
    moment = sum(
        (comb(order, k) * powers_in[k] * powers_out[order - k] * growths[k] for k in range(order + 1)),
        Decimal(0),
    )
    return _ln(moment) / (order - 1)


@lru_cache(maxsize=64)
def _powers(rate_nano: int, sigma_milli: int) -> tuple[list[Decimal], list[Decimal], list[Decimal]]:
    """q^k, (1-q)^k and e^((k^2-k)/(2 sigma^2)) for every k up to the highest order."""
    rate = Decimal(rate_nano) / NANO
    with localcontext(_CONTEXT):
        step = _exp(Decimal(10**6) / (sigma_milli * sigma_milli))
        inside, outside, growths, factor = [Decimal(1)], [Decimal(1)], [Decimal(1)], Decimal(1)
        for _ in range(ORDERS[-1]):
            inside.append(inside[-1] * rate)
            outside.append(outside[-1] * (1 - rate))
            growths.append(growths[-1] * factor)
            factor *= step
    return inside, outside, growths


@lru_cache(maxsize=256)
def _offsets(delta_pico: int) -> Curve:
    """ln(1 - 1/a) - ln(delta a) / (a-1) at every order: what the conversion adds."""
    if not 1 <= delta_pico < PICO:
        raise ValueError(f"delta of {delta_pico} parts per 10^12 is not between 0 and 1")
    with localcontext(_CONTEXT):
        return tuple(
            _ceiling(
                (_ln(Decimal(order - 1) / order) + _ln(Decimal(PICO) / (delta_pico * order)) / (order - 1))
                * NANO
            )
            for order in ORDERS
        )


def _exp(value: Decimal) -> Decimal:
    # `exp` and `ln` round to nearest whatever the context says: one unit more is never too little.
    return value.exp().next_plus()


def _ln(value: Decimal) -> Decimal:
    return value.ln().next_plus()


def _ceiling(value: Decimal) -> int:
    return int(value.to_integral_value(rounding=ROUND_CEILING))
