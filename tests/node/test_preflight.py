"""A try before anybody depends on it: what a learner cannot do with these rows is said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tallystick.engines.errors import ClientError
from tallystick.learning.learner import Trained
from tallystick.learning.models import linear
from tallystick.node.preflight import preflight
from tests.learning.cohorts import invented_rows, invented_task

TASK = invented_task((3,), 2)


def test_two_steps_and_a_figure():
    assert preflight(linear(), TASK, invented_rows(40, (3,), 2, 0)).startswith("linear trains (")


@pytest.mark.parametrize("count", [0])
def test_no_rows(count: int):
    with pytest.raises(ClientError, match="there are no rows to train on"):
        preflight(linear(), TASK, invented_rows(count, (3,), 2, 0))


def test_a_learner_that_raises_or_makes_no_numbers():
    def raising(*_: Any) -> Any:
        raise ValueError("odd shape\nand a page of advice")

    def infinite(model: Any, *rest: Any) -> Trained:
        return Trained({name: np.asarray(part) * np.nan for name, part in model.items()}, (), {"loss": 0.0})

    rows = invented_rows(40, (3,), 2, 0)
    for train, why in ((raising, "odd shape"), (infinite, "NaN or infinite")):
        with pytest.raises(ClientError, match=why) as refused:
            preflight(replace(linear(), train=train, traced=False), TASK, rows)
        assert "\n" not in str(refused.value)
