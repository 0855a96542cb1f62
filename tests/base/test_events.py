"""Events: one encoding, stated limits, repetition, and the range an applicant may name."""

import msgspec
import pytest

from tallystick.base.events import (
    PROTECTS,
    BadEvent,
    Event,
    Gaussian,
    Laplace,
    Pure,
    SubsampledGaussian,
    Unaccounted,
    checked,
    scaled,
    within,
)

EVENTS = [
    (Gaussian(1420, 3), ["gaussian", 1420, 3]),
    (Laplace(1000, 1), ["laplace", 1000, 1]),
    (SubsampledGaussian(64_000_000, 1420, 16), ["subsampled_gaussian", 64_000_000, 1420, 16]),
    (Pure(500_000_000, 2), ["pure", 500_000_000, 2]),
    (Unaccounted("printed form of bp2p eq. 5"), ["unaccounted", "printed form of bp2p eq. 5"]),
]


@pytest.mark.parametrize(("event", "plain"), EVENTS)
def test_encoding_is_stable_and_comes_back(event: Event, plain: list[object]) -> None:
    """The byte string is part of every chain: the tag first, then the integers in order."""
    encoded = msgspec.msgpack.encode(event)

    assert encoded == msgspec.msgpack.encode(plain)
    assert msgspec.msgpack.decode(encoded, type=Event) == event
    assert checked(event) == event


@pytest.mark.parametrize(
    "plain",
    [
        ["gaussian", 49, 1],
        ["gaussian", 10**9 + 1, 1],
        ["gaussian", 1000, 0],
        ["gaussian", 1000, 10**7 + 1],
        ["gaussian", 1000],
        ["gaussian", 1000, 1, 1],
        ["gaussian", 1000.5, 1],
        ["gaussian", True, 1],
        ["laplace", 9, 1],
        ["subsampled_gaussian", 0, 1000, 1],
        ["subsampled_gaussian", 10**9 + 1, 1000, 1],
        ["pure", 0, 1],
        ["pure", 10**12 + 1, 1],
        ["pure", -5, 1],
        ["unaccounted", ""],
        ["unaccounted", "x" * 201],
        ["zero_noise", 1, 1],
        [],
        [1, 2],
    ],
)
def test_out_of_range_or_unknown_is_refused_on_decoding(plain: list[object]) -> None:
    """No integer outside the stated limits reaches the ledger's arithmetic."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.msgpack.decode(msgspec.msgpack.encode(plain), type=Event)


def test_checked_refuses_what_was_built_out_of_range() -> None:
    """Constructing does not check; `checked` does, and names the value."""
    with pytest.raises(BadEvent, match="sigma_milli=3"):
        checked(Gaussian(3, 1))
    with pytest.raises(BadEvent):
        checked("gaussian")
    with pytest.raises(BadEvent):
        checked(object())


def test_scaled_repeats_steps_and_leaves_the_unaccounted() -> None:
    """Repeating multiplies the steps, within their limit."""
    assert scaled(Gaussian(1000, 3), 4) == Gaussian(1000, 12)
    assert scaled(Unaccounted("no noise"), 4) == Unaccounted("no noise")
    with pytest.raises(BadEvent):
        scaled(Gaussian(1000, 10**7), 2)
    with pytest.raises(BadEvent):
        scaled(Gaussian(1000, 1), 0)


def test_within_compares_every_number_of_one_kind() -> None:
    """An applicant's own event must lie in the range that the rules give."""
    least, most = SubsampledGaussian(1, 1000, 1), SubsampledGaussian(10**7, 9000, 50)

    assert within(SubsampledGaussian(10**7, 1000, 50), least, most)
    assert not within(SubsampledGaussian(10**7 + 1, 1000, 50), least, most)
    assert not within(SubsampledGaussian(10, 999, 50), least, most)
    assert not within(Gaussian(1000, 1), least, most)


def test_what_can_be_protected_is_closed() -> None:
    """Three granularities, as in the units' budgets."""
    assert PROTECTS == ("record", "subject", "member")
