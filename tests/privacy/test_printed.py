"""The printed forms do what is printed, and say that it guarantees nothing."""

import numpy as np
import pytest
from scipy import stats

from tallystick.base.events import Unaccounted
from tallystick.privacy.accounting import total
from tallystick.privacy.mechanisms import Mechanism
from tallystick.privacy.printed import boosting_as_printed, mutual_as_printed, relay_as_printed
from tallystick.privacy.randomness import seeded


@pytest.mark.parametrize(
    "mechanism", [relay_as_printed(20.0), mutual_as_printed(1.0, 20.0), boosting_as_printed(20.0)]
)
def test_scale_is_as_printed_and_nothing_is_promised(mechanism: Mechanism) -> None:
    """Lap(1/20) on each number; the total is no epsilon but a sentence."""
    apply, event = mechanism
    out = apply(np.zeros(100_000), seeded("printed"))

    assert stats.kstest(out * 20, stats.laplace.cdf).pvalue > 1e-4
    assert isinstance(event, Unaccounted)
    assert event.note.startswith("no formal guarantee")
    cost = total([event, event], 1e-5, "record")
    assert cost.epsilon == np.inf
    assert str(cost).count(event.note) == 1 and "ε" not in str(cost)


def test_bpcv_clips_every_gradient_first() -> None:
    """g / max(1, |g| / C)."""
    apply, _ = mutual_as_printed(2.0, 1e9)

    assert apply([[30.0, 40.0], [0.3, 0.4]]) == pytest.approx(np.array([[1.2, 1.6], [0.3, 0.4]]), abs=1e-6)


def test_epsilon_must_be_a_number() -> None:
    """Zero and infinity are no privacy budgets."""
    for bad in (0.0, -1.0, np.inf, np.nan):
        with pytest.raises(ValueError, match="epsilon"):
            relay_as_printed(bad)
