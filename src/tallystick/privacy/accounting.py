"""The total (epsilon, delta) of events by `dp-accounting`, with what it protects; noise for a wanted total.

Two figures: "tight" is the better of the privacy-loss distribution and Renyi orders; "ledger" is Renyi at the
ledger's own 15 orders, which decides what may still be done. The tight figure is never the larger one.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, TypeAlias

import dp_accounting
import numpy as np
from dp_accounting.pld import PLDAccountant, common, privacy_loss_distribution
from dp_accounting.rdp import RdpAccountant
from msgspec import structs

from ..base.events import (
    PROTECTS,
    BadEvent,
    Event,
    Gaussian,
    Laplace,
    Protects,
    Pure,
    SubsampledGaussian,
    Unaccounted,
    checked,
    scaled,
)
from .mechanisms import NANO

Figure: TypeAlias = Literal["tight", "ledger"]
ADJACENCY = "add or remove one"
LEDGER_ORDERS = (2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64, 128)
_DENSE_ORDERS = (*range(2, 65), 128, 256, 512, 1024)
_LARGEST_FOR_PLD = 100.0  # above this epsilon the distribution is long, and nobody reads the third digit
_LEDGER_ROUNDING = 1e-5  # the ledger rounds up to nano-units at every charge


class BudgetExceeded(ValueError):
    """The event would take more than the budget holds."""


@dataclass(frozen=True)
class Total:
    """What a list of events costs whom; epsilon is infinite where there is no formal guarantee."""

    epsilon: float
    delta: float
    protects: Protects
    accountant: str
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.notes:
            return f"no formal guarantee for one {self.protects} ({'; '.join(self.notes)})"
        return (
            f"ε = {self.epsilon:.4g} at δ = {self.delta:g} for one {self.protects} ({ADJACENCY}), "
            f"by {self.accountant}"
        )


def total(events: Sequence[Event], delta: float, protects: Protects, figure: Figure = "tight") -> Total:
    """The cost of all events together; refuses events that it does not know (`BadEvent`)."""
    if not 0 < delta < 1 or protects not in PROTECTS:
        raise ValueError(f"need 0 < delta < 1 and protects in {PROTECTS}, got {delta} and {protects!r}")
    known = [checked(event) for event in events]
    notes = tuple(dict.fromkeys(event.note for event in known if isinstance(event, Unaccounted)))
    if notes:
        return Total(math.inf, delta, protects, "nothing", notes)
    steps = _together(known)
    if figure == "ledger":
        renyi = _epsilon(_Renyi(LEDGER_ORDERS), steps, delta)
        return Total(
            renyi + (_LEDGER_ROUNDING if steps else 0.0), delta, protects, "Renyi at the ledger's orders"
        )
    renyi = _epsilon(_Renyi(_DENSE_ORDERS), steps, delta)
    if renyi <= _LARGEST_FOR_PLD:
        distribution = _epsilon(_Distribution(), steps, delta)
        if distribution < renyi:
            return Total(distribution, delta, protects, "dp-accounting's privacy loss distribution")
    return Total(renyi, delta, protects, "dp-accounting's Renyi orders")


def peer_event(event: Event) -> dp_accounting.DpEvent:
    """Our event in dp-accounting's words."""
    match event:
        case Gaussian():
            single: dp_accounting.DpEvent = dp_accounting.GaussianDpEvent(event.sigma_milli / 1000)
        case Laplace():
            single = dp_accounting.LaplaceDpEvent(event.scale_milli / 1000)
        case SubsampledGaussian():
            noise = dp_accounting.GaussianDpEvent(event.sigma_milli / 1000)
            single = dp_accounting.PoissonSampledDpEvent(event.rate_nano / NANO, noise)
        case Pure():
            single = PureDpEvent(event.epsilon_nano / NANO)
        case _:
            raise BadEvent(f"{event!r} is not an event that can be accounted")
    return dp_accounting.SelfComposedDpEvent(single, event.steps)


@cache
def sigma_for(
    epsilon: float, delta: float, *, steps: int, rate_nano: int = NANO, figure: Figure = "ledger"
) -> int:
    """Least noise (sigma_milli) with which all steps together stay within (epsilon, delta)."""

    def event(sigma: int) -> Event:
        if rate_nano == NANO:
            return Gaussian(sigma, steps)
        return SubsampledGaussian(rate_nano, sigma, steps)

    return _least_noise(event, range(50, 10**9 + 1), epsilon, delta, figure)


def scale_for(epsilon: float, delta: float, *, steps: int, figure: Figure = "ledger") -> int:
    """Least Laplace scale (scale_milli) with which all steps together stay within (epsilon, delta)."""
    return _least_noise(lambda scale: Laplace(scale, steps), range(10, 10**9 + 1), epsilon, delta, figure)


def epsilon_for(epsilon: float, delta: float, *, steps: int, figure: Figure = "ledger") -> int:
    """Largest epsilon of one pure step (epsilon_nano) of which all together stay within (epsilon, delta)."""
    highest = 10**12

    def event(under: int) -> Event:
        return Pure(highest - under, steps)

    return highest - _least_noise(event, range(highest), epsilon, delta, figure)


@dataclass(frozen=True)
class LineageBudget:
    """What may be spent on one lineage, and what was: a value; `after` makes the next one."""

    epsilon: float
    delta: float
    protects: Protects
    spent: tuple[Event, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.epsilon < math.inf:
            raise ValueError(f"a budget's epsilon must be finite and above 0, not {self.epsilon}")
        total((), self.delta, self.protects)

    def total(self, figure: Figure = "ledger") -> Total:
        """What was spent."""
        return total(self.spent, self.delta, self.protects, figure)

    def left(self, figure: Figure = "ledger") -> float:
        """Epsilon that is left; an event takes less of it the more was spent before."""
        return max(0.0, self.epsilon - self.total(figure).epsilon)

    def fits(self, event: Event) -> bool:
        """Whether the ledger would still allow this event."""
        return total((*self.spent, event), self.delta, self.protects, "ledger").epsilon <= self.epsilon

    def after(self, event: Event) -> "LineageBudget":
        """The budget when the event is done; refuses one that does not fit."""
        if not self.fits(event):
            raise BudgetExceeded(
                f"{event} does not fit: {self.left():.4g} of ε = {self.epsilon:g} (δ = {self.delta:g}, "
                f"protects {self.protects}) is left; ask for {self.times_left(event)} or fewer, or more noise"
            )
        return LineageBudget(self.epsilon, self.delta, self.protects, (*self.spent, event))

    def times_left(self, event: Event) -> int:
        """How often the event can still be done."""
        if isinstance(event, Unaccounted) or not self.fits(event):
            return 0
        most = 10**7 // event.steps
        low, high = 1, 2
        while high <= most and self.fits(scaled(event, high)):
            low, high = high, 2 * high
        high = min(high, most + 1)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.fits(scaled(event, middle)) else (low, middle)
        return low


def _least_noise(
    event: Callable[[int], Event], limits: range, epsilon: float, delta: float, figure: Figure
) -> int:
    """The least noise parameter whose event fits: growing steps first, then halving."""

    def fits(noise: int, by: Figure) -> bool:
        return total([event(noise)], delta, "record", by).epsilon <= epsilon

    low, high, step = limits[0] - 1, limits[0], 64
    while not fits(high, "ledger"):
        if high == limits[-1]:
            raise ValueError(
                f"no noise within the events' limits brings {event(high)} down to ε = {epsilon:g}"
            )
        low, high, step = high, min(high + step, limits[-1]), 2 * step
    high = _halve(lambda noise: fits(noise, "ledger"), low, high)
    if figure == "ledger":
        return high
    # The tight figure takes a second and allows a little less: go down from here in eighths.
    low = limits[0] - 1
    while high - (step := max(1, high // 8)) > low and fits(high - step, "tight"):
        high -= step
    return _halve(lambda noise: fits(noise, "tight"), max(low, high - step), high)


def _halve(fits: Callable[[int], bool], low: int, high: int) -> int:
    """The least number above `low` that fits, where `high` does."""
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(middle) else (middle, high)
    return high


def _together(events: Sequence[Event]) -> list[dp_accounting.DpEvent]:
    """Equal steps of all events as one, so that a long history costs no more than a short one."""
    steps: dict[Event, int] = {}
    for event in events:
        if not isinstance(event, Unaccounted):
            step = structs.replace(event, steps=1)
            steps[step] = steps.get(step, 0) + event.steps
    return [dp_accounting.SelfComposedDpEvent(peer_event(step), count) for step, count in steps.items()]


def _epsilon(
    accountant: dp_accounting.PrivacyAccountant, steps: Sequence[dp_accounting.DpEvent], delta: float
) -> float:
    for step in steps:
        accountant.compose(step)
    return float(accountant.get_epsilon(delta))


@dataclass(frozen=True)
class PureDpEvent(dp_accounting.DpEvent):  # type: ignore[misc]
    """What dp-accounting has no word for under add/remove: any mechanism of pure epsilon."""

    epsilon: float


class _Renyi(RdpAccountant):  # type: ignore[misc]
    """dp-accounting's accountant, which also knows randomised response as the worst pure mechanism."""

    def _maybe_compose(self, event: Any, count: int, do_compose: bool) -> Any:
        if not isinstance(event, PureDpEvent):
            return super()._maybe_compose(event, count, do_compose)
        if do_compose:
            self._rdp += count * np.array([pure_renyi(event.epsilon, order) for order in self._orders])
        return None


class _Distribution(PLDAccountant):  # type: ignore[misc]
    """The same for privacy loss distributions."""

    _pld: Any

    def _maybe_compose(self, event: Any, count: int, do_compose: bool) -> Any:
        if not isinstance(event, PureDpEvent):
            return super()._maybe_compose(event, count, do_compose)
        if do_compose:
            single = privacy_loss_distribution.from_privacy_parameters(
                common.DifferentialPrivacyParameters(event.epsilon, 0.0), self._value_discretization_interval
            )
            self._pld = self._pld.compose(single.self_compose(count))
        return None


def pure_renyi(epsilon: float, order: float) -> float:
    """ln((e^(a eps) + e^((1-a) eps)) / (1 + e^eps)) / (a-1)."""
    moment = np.logaddexp(order * epsilon, (1 - order) * epsilon) - np.logaddexp(0.0, epsilon)
    return float(min(max(moment, 0.0) / (order - 1), epsilon))
