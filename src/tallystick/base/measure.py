"""How good is measured: a name, which way is better, its dimension, and the integer that the ledger keeps."""

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta

from .codec import Record
from .ids import Figure, Name

MILLION = 10**6
MAX_FIGURE = 10**12

Bound: TypeAlias = Annotated[int, Meta(ge=-(10**12), le=10**12)]
Dimension: TypeAlias = Annotated[str, Meta(max_length=32)]
Direction: TypeAlias = Literal["higher", "lower"]


class BadMeasure(ValueError):
    """This measure contradicts itself."""


class Measure(Record, frozen=True):
    """Values lie between `lower` and `upper`, counted in `of`; `scale` is what the ledger calls a million."""

    name: Name
    direction: Direction  # which values are better
    of: Dimension  # "" for a share
    scale: Annotated[int, Meta(ge=1, le=10**12)]
    lower: Bound
    upper: Bound


# Losses are bounded because probabilities below 10^-7 count as 10^-7: ln(10^7) < 20.
MEASURES: dict[str, Measure] = {
    "accuracy": Measure("accuracy", "higher", "", 1, 0, 1),
    "macro_f1": Measure("macro_f1", "higher", "", 1, 0, 1),
    "auc": Measure("auc", "higher", "", 1, 0, 1),
    "loss_gain": Measure("loss_gain", "higher", "", 1, -20, 20),
    "mae": Measure("mae", "lower", "", 1, 0, 1000),
    "rmse": Measure("rmse", "lower", "", 1, 0, 1000),
}
CLASSIFYING = ("accuracy", "macro_f1", "auc")
REGRESSING = ("mae", "rmse")


def named(name: str, of: str = "", upper: int | None = None) -> Measure:
    """The known measure of this name; errors may say what they are counted in and where they are cut off."""
    if name not in MEASURES:
        raise BadMeasure(f"there is no measure {name!r}; choose one of {', '.join(MEASURES)}")
    known = MEASURES[name]
    if name not in REGRESSING:
        if of or upper is not None:
            raise BadMeasure(f"{name} is a share or a loss: it has no dimension or bound of its own")
        return known
    bound = known.upper if upper is None else upper
    measure = Measure(name, known.direction, of, known.scale if upper is None else max(1, upper), 0, bound)
    reason = flaw(measure)
    if reason:
        raise BadMeasure(f"measure {name}: {reason}")
    return measure


def flaw(measure: Measure) -> str | None:
    """The first way in which this measure contradicts itself, or None."""
    if measure.lower >= measure.upper:
        return f"its lower bound {measure.lower} is not below its upper bound {measure.upper}"
    if max(abs(measure.lower), abs(measure.upper)) * MILLION > MAX_FIGURE * measure.scale:
        return f"its bounds are more than a million times its scale {measure.scale}"
    return None


def figure_of(measure: Measure, numerator: int, denominator: int = 1) -> Figure:
    """The ledger's integer of an exact value: clipped, × 10^6 / scale, rounded half to even."""
    if denominator < 1:
        raise BadMeasure(f"a value is a fraction with a positive denominator, not {denominator}")
    numerator = min(max(numerator, measure.lower * denominator), measure.upper * denominator)
    whole, rest = divmod(numerator * MILLION, denominator * measure.scale)
    twice = 2 * rest - denominator * measure.scale
    return whole + (twice > 0 or (twice == 0 and whole % 2 == 1))


def worst(measure: Measure) -> Figure:
    """The figure of the worst value: what NaN counts as."""
    return figure_of(measure, measure.lower if measure.direction == "higher" else measure.upper)


def best(measure: Measure) -> Figure:
    """The figure of the best value."""
    return figure_of(measure, measure.upper if measure.direction == "higher" else measure.lower)


def better(measure: Measure, figure: Figure, reference: Figure) -> bool:
    """Whether the first figure is strictly better than the second."""
    return figure > reference if measure.direction == "higher" else figure < reference


def gain(measure: Measure, figure: Figure, start: Figure) -> int:
    """By how much a figure is better than the one it started from; negative where it is worse."""
    return figure - start if measure.direction == "higher" else start - figure
