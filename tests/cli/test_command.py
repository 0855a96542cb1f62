"""How a command reads what is typed: numbers, times, digests, which options come first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
import pytest

from tallystick.cli import command
from tallystick.cli.command import digest_of, exact, moment, whole
from tallystick.cli.context import Context


@pytest.mark.parametrize(
    "read, text, value",
    [
        (whole(), "10,000", 10_000),
        (whole(1), "1", 1),
        (exact(9), "1.5", 1_500_000_000),
        (exact(12), "1e-6", 1_000_000),
        (exact(0), "-7", -7),
        (moment, "1970-01-02", 86_400_000),
        (moment, "1970-01-01T01:00Z", 3_600_000),
        (moment, "1970-01-01T01:00+01:00", 0),
        (digest_of, "aB" * 32, b"\xab" * 32),
    ],
)
def test_what_is_typed_is_read(read: Callable[[str], object], text: str, value: object) -> None:
    assert read(text) == value


@pytest.mark.parametrize(
    "read, text, reason",
    [
        (whole(), "ten", "'ten' is not a whole number"),
        (whole(), "1.5", "'1.5' is not a whole number"),
        (whole(1), "0", "0 is less than 1"),
        (exact(9), "much", "'much' is not a number"),
        (exact(9), "inf", "more than 9 places"),
        (exact(2), "0.001", "more than 2 places"),
        (moment, "tomorrow", "'tomorrow' is no time such as 2027-06-30"),
        (digest_of, "ab", "'ab' is no digest"),
        (digest_of, "zz" * 32, "no digest of 64 hexadecimal digits"),
    ],
)
def test_what_cannot_be_read_is_said(read: Callable[[str], object], text: str, reason: str) -> None:
    with pytest.raises(click.BadParameter) as refused:
        read(text)
    assert reason in refused.value.message


def test_an_option_beside_the_command_comes_before_one_in_front_of_it() -> None:
    before = Context(ledger=Path("a"), key=Path("k"))
    assert command._context(before, {"ledger": Path("b"), "key": None, "json": False}) == Context(
        Path("b"), Path("k"), False
    )
    assert command._context(None, {"json": True}) == Context(json=True)
