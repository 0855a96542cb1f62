"""What is read out of a pass's curve."""

from experiments.relay.learning import first_at


def test_the_first_hop_that_is_good_enough():
    assert first_at([0.1, 0.9, 0.5], 0.9) == 2
    assert first_at([0.1, 0.2], 0.9) == 2
