"""What goes wrong is caught and named; whoever interrupts the process is not."""

from __future__ import annotations

import pytest

from tallystick.node.trouble import NotAtHand, attempt, reason_of


def raising(error: BaseException) -> None:
    raise error


def test_work_or_what_went_wrong():
    assert attempt(lambda: 3) == 3
    error = attempt(lambda: raising(KeyError("temp")))
    assert isinstance(error, KeyError)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1)])
def test_an_interruption_goes_through(error: BaseException):
    with pytest.raises(type(error)):
        attempt(lambda: raising(error))


def test_a_reason_is_a_line_for_a_person():
    assert reason_of(ValueError("odd rows")) == "ValueError: odd rows"
    assert reason_of(ValueError()) == "ValueError"
    assert reason_of(NotAtHand("its plan is not to be had")) == "its plan is not to be had"
