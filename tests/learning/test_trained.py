"""A recorded model predicts labels or numbers in their own dimension, and is measured on tables and rows."""

from __future__ import annotations

import numpy as np
import pytest

from tallystick.base.task import Column, task
from tallystick.data.table import Table
from tallystick.learning.models import linear
from tallystick.learning.rows import rows_of
from tallystick.learning.trained import TrainedModel

VALUES = Table(
    {"vib": np.array([-2.0, 3.0]), "fault": np.array(["no", "yes"]), "load": np.array([10.0, 90.0])}
)


def arrays(weights: list[list[float]], bias: list[float]) -> dict[str, np.ndarray]:
    return {"head/weight": np.array(weights, np.float32), "head/bias": np.array(bias, np.float32)}


def test_labels_are_predicted_by_their_names():
    aim = task(["vib"], "fault", ["no", "yes"])
    model = TrainedModel(linear().on(aim), aim, arrays([[-1.0, 1.0]], [0.0, 0.0]))
    assert model.predict(VALUES).tolist() == ["no", "yes"]
    assert model.predict(rows_of(VALUES, aim)).tolist() == ["no", "yes"]
    assert model.evaluate(VALUES) == 1.0
    assert model.evaluate(rows_of(VALUES.take(np.array([0])), aim)) == 1.0


def test_numbers_are_predicted_in_their_own_dimension():
    aim = task(["vib"], Column("load", centre="50", spread="20"))
    model = TrainedModel(linear().on(aim), aim, arrays([[1.0]], [0.0]))
    assert model.predict(VALUES).tolist() == pytest.approx([10.0, 110.0])
    assert model.evaluate(VALUES) == pytest.approx(10.0)  # mean of 0 and 20
