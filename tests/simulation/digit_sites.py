"""scikit-learn's digits as a table of five sites, with the person who wrote each."""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_digits

import tallystick as ts
from tallystick.data.table import Table

LEARNER = ts.mlp(32)
COLUMNS = [f"p{number}" for number in range(64)]
TASK = ts.Task(COLUMNS, target="digit", labels=range(10))


def digits():
    x, y = load_digits(return_X_y=True)
    columns = {name: x[:, number] for number, name in enumerate(COLUMNS)}
    sites = np.array(["Site A", "Site B", "Site C", "Site D", "Site E"])[np.arange(len(y)) % 5]
    return Table({**columns, "digit": y, "site": sites, "person": np.arange(len(y)) // 9})
