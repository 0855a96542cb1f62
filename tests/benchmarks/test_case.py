"""Cases, their figures and their targets."""

import pytest

from benchmarks.case import Case, Measured, at_least, at_most, exactly, find_cases


@pytest.mark.parametrize(
    "target, value, met",
    [
        (at_least(10), 10, True),
        (at_least(10), 9.999, False),
        (at_most(0.2), 0.2, True),
        (at_most(0.2), 0.21, False),
        (exactly(0), 0, True),
        (exactly(0), 1, False),
    ],
)
def test_a_verdict_follows_from_the_figure(target, value, met):
    assert Measured(value=value, unit="", target=target).met is met


def test_without_a_target_there_is_no_verdict():
    assert Measured(value=1, unit="s").met is None


@pytest.mark.parametrize("figures", [{"value": float("nan")}, {"value": 1, "spread": (0, float("inf"))}])
def test_a_figure_is_a_number(figures):
    with pytest.raises(ValueError, match="no figure"):
        Measured(unit="s", **figures)


def test_a_case_names_a_suite_that_exists():
    with pytest.raises(ValueError, match="there are bench, faults, papers"):
        Case("speed", "x", "nothing", lambda smoke, progress: Measured(value=1, unit=""))


def test_a_case_has_a_name_that_can_be_a_file():
    with pytest.raises(ValueError, match="small letters"):
        Case("bench", "../x", "nothing", lambda smoke, progress: [])


def test_every_module_of_cases_can_be_read():
    assert [f"{row.module}: {row.trouble}" for row in find_cases() if row.trouble] == []


def test_no_two_cases_share_a_name():
    names = [f"{row.case.suite}/{row.case.name}" for row in find_cases() if row.case]
    assert len(names) == len(set(names))
