"""Options: what a person writes becomes one value with one spelling, or one clear refusal."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest

from tallystick.protocols.options import About, Option, option, text, time_text
from tallystick.protocols.vocabulary import Unfit


def made(annotation: object, **about: object) -> Option:
    return option("it", Annotated[annotation, About("what it does", **about)], None)  # type: ignore[arg-type]


WHOLE = made(int | None, least=1, most=9)
NUMBER = made(float, least=0)
SHARE = made(float | None, least=0, most=1, kind="share")
TIME = made(int, least=1, most=10**9, kind="time")
FLAG = made(bool)
CHOICE = made(Literal["first", "named"] | None)
NAME = made(str)
WHOLES = made(tuple[int, ...], least=0)


@pytest.mark.parametrize(
    ("known", "said", "value", "spelled"),
    [
        (WHOLE, 3, 3, "3"),
        (WHOLE, "3", 3, "3"),
        (NUMBER, 0.1, 0.1, "0.1"),
        (NUMBER, "1e-5", 1e-5, "0.00001"),
        (NUMBER, 2, 2.0, "2"),
        (SHARE, "0.500001", 0.500001, "0.500001"),
        (TIME, "10min", 600_000, "600000"),
        (TIME, "1.5h", 5_400_000, "5400000"),
        (TIME, 250, 250, "250"),
        (TIME, "250", 250, "250"),
        (FLAG, "true", True, "true"),
        (FLAG, False, False, "false"),
        (CHOICE, "named", "named", "named"),
        (NAME, "site-1", "site-1", "site-1"),
        (WHOLES, "3,2,1", (3, 2, 1), "3,2,1"),
        (WHOLES, [3, 2], (3, 2), "3,2"),
        (WHOLES, (), (), ""),
    ],
)
def test_what_is_said_in_many_ways_is_spelled_in_one(
    known: Option, said: object, value: object, spelled: str
) -> None:
    read = known.read(said)
    assert read == value and type(read) is type(value)
    assert text(read) == spelled
    assert known.read(spelled) == read


@pytest.mark.parametrize(
    ("known", "said", "words"),
    [
        (WHOLE, 0, "it is a whole number of at least 1 and at most 9, not 0"),
        (WHOLE, 10, "not 10"),
        (WHOLE, True, "a whole number"),
        (WHOLE, 1.5, "a whole number"),
        (WHOLE, "many", "a whole number"),
        (NUMBER, -0.1, "a number of at least 0, not -0.1"),
        (NUMBER, "nan", "a number"),
        (NUMBER, True, "a number"),
        (SHARE, 1.1, "a share from 0 to 1, not 1.1"),
        (TIME, "soon", "a time such as 30s, 10min or 2h, or milliseconds, not 'soon'"),
        (TIME, 0, "a time"),
        (FLAG, 1, "true or false, not 1"),
        (FLAG, "yes", "true or false"),
        (CHOICE, "last", "one of first, named, not 'last'"),
        (NAME, "Site 1", "a name"),
        (NAME, 1, "a name"),
        (WHOLES, "3,x", "whole numbers such as"),
        (WHOLES, [-1], "whole numbers such as"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(known: Option, said: object, words: str) -> None:
    with pytest.raises(Unfit) as refusal:
        known.read(said)
    assert words in str(refusal.value)


def test_a_time_is_shown_in_its_largest_unit() -> None:
    assert [time_text(n) for n in (250, 30_000, 600_000, 3_600_000, 86_400_000, 5_400_000)] == [
        "250ms", "30s", "10min", "1h", "1d", "90min",
    ]  # fmt: skip


def test_a_default_is_shown_as_a_person_writes_it() -> None:
    assert TIME.having(3_600_000).shown() == "1h"
    assert FLAG.having(True).shown() == "true"
    assert WHOLE.shown() == ""


def test_a_parameter_may_say_what_it_does_in_plain_words() -> None:
    assert option("mu", Annotated[float, "how strongly"], 0.1).about.help == "how strongly"
    assert option("mu", float, 0.1).kind == "number"
    with pytest.raises(TypeError, match="no type that a person can write"):
        option("mu", dict[str, int], None)
