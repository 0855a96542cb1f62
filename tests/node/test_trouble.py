"""What goes wrong is caught and named; whoever interrupts the process is not."""

from __future__ import annotations

import pytest

from tallystick.node.trouble import Attempt, NotAtHand, reason_of


def test_what_went_wrong_ends_there_and_is_noted():
    with Attempt() as fine:
        pass
    with Attempt() as failed:
        raise KeyError("temp")
    assert fine.error is None
    assert isinstance(failed.error, KeyError)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1)])
def test_an_interruption_goes_through(error: BaseException):
    with pytest.raises(type(error)), Attempt():
        raise error


def test_a_reason_is_a_line_for_a_person():
    assert reason_of(ValueError("odd rows")) == "ValueError: odd rows"
    assert reason_of(ValueError()) == "ValueError"
    assert reason_of(NotAtHand("its plan is not to be had")) == "its plan is not to be had"
