"""What an attack came to: who was paid, and who was dropped."""

import pytest

from experiments.mutual.attacks import gone, share


def test_what_the_malicious_were_paid_and_who_was_dropped() -> None:
    one = {"ill": ["d"], "gone": ["d", "a"], "paid": {"a": 10, "b": 40, "c": 40, "d": 30}}
    assert share(one) == pytest.approx(1.0)
    assert share({**one, "paid": dict.fromkeys("abcd", 0)}) == 0
    assert gone([one]) == "dropped: 1 of 1 malicious and 1 others"
