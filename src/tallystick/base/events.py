"""What a privacy step did, as integers that the ledger and `privacy/` read alike (errata rows 4, 5, 24).

An event says how much noise covers what one protected thing (a record, a subject, a member) can change.
Noise is always stated relative to that change: sensitivity 1 after clipping, add/remove adjacency.
Which rows it touched, training or judging, is said by the phase that names it.
"""

from typing import Annotated, Literal, TypeAlias

import msgspec

from .codec import Record

Protects: TypeAlias = Literal["record", "subject", "member"]
PROTECTS: tuple[Protects, ...] = ("record", "subject", "member")

# The limits keep every curve inside the fixed decimal context of `ledger/budgets/curves.py`.
Sigma: TypeAlias = Annotated[int, msgspec.Meta(ge=50, le=10**9)]
Scale: TypeAlias = Annotated[int, msgspec.Meta(ge=10, le=10**9)]
Rate: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=10**9)]
Epsilon: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=10**12)]
Steps: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=10**7)]
Note: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class Gaussian(Record, frozen=True, tag="gaussian"):
    """Gaussian noise, continuous or on a grid: standard deviation in thousandths of the L2 sensitivity."""

    sigma_milli: Sigma
    steps: Steps


class Laplace(Record, frozen=True, tag="laplace"):
    """Laplace noise: scale in thousandths of the L1 sensitivity."""

    scale_milli: Scale
    steps: Steps


class SubsampledGaussian(Record, frozen=True, tag="subsampled_gaussian"):
    """Gaussian noise on a Poisson sample: each thing is drawn by itself, rate in parts per 10^9."""

    rate_nano: Rate
    sigma_milli: Sigma
    steps: Steps


class Pure(Record, frozen=True, tag="pure"):
    """Any mechanism with pure differential privacy: its epsilon in parts per 10^9."""

    epsilon_nano: Epsilon
    steps: Steps


class Unaccounted(Record, frozen=True, tag="unaccounted"):
    """No noise, or noise without a guarantee; the note says which."""

    note: Note


Event: TypeAlias = Gaussian | Laplace | SubsampledGaussian | Pure | Unaccounted


class BadEvent(ValueError):
    """An event that is unknown, or whose numbers lie outside the stated limits."""


def checked(event: object) -> Event:
    """Return the event if every number lies inside its limits; constructing one alone does not check that."""
    try:
        known: Event = msgspec.convert(msgspec.to_builtins(event), Event)
    except (msgspec.ValidationError, TypeError) as error:
        raise BadEvent(f"{event!r} is not an event that can be accounted: {error}") from None
    return known


def scaled(event: Event, times: int) -> Event:
    """The same step done `times` as often; what has no guarantee stays as it is."""
    if isinstance(event, Unaccounted):
        return event
    return checked(msgspec.structs.replace(event, steps=event.steps * times))


def within(event: Event, least: Event, most: Event) -> bool:
    """Whether each number of the event lies between those of two events of its own kind."""
    if type(event) is not type(least) or type(event) is not type(most):
        return False
    return all(
        low <= value <= high
        for low, value, high in zip(
            msgspec.structs.astuple(least),
            msgspec.structs.astuple(event),
            msgspec.structs.astuple(most),
            strict=True,
        )
    )
