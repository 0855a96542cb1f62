"""Who holds which rows."""

import numpy as np
import pytest

from experiments.mutual.team import JUDGING, members
from tests.experiments.mutual.drawn_rows import DATA


@pytest.mark.parametrize("split", ["iid", "0.5"])
def test_every_row_has_one_holder_and_one_use(split: str) -> None:
    own = members(DATA, 4, 3, split)
    parts = [rows for one in own.brought.values() for rows in (one.training, one.judging)]
    held = np.concatenate([part.x for part in parts])
    assert len(held) == 1200 and len(np.unique(held, axis=0)) == 1200
    assert all(len(one.judging.y) == JUDGING for one in own.brought.values())
    few = members(DATA, 4, 3, split, rows=30)
    assert {len(one.training.y) for one in few.brought.values()} == {30} or split != "iid"
