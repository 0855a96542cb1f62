"""Curves are kept beside their picture."""

import json

from benchmarks.pictures import is_current, picture_of, save_picture
from benchmarks.results import load_all
from tallystick.report.plots import Curve, Panel

CURVE = Curve([1.0, 2.0], [1 / 3, 0.5], [0.3, 0.4], [0.4, 0.6])


def test_curves_and_picture_belong_together(tmp_path):
    save_picture(
        "papers/x", [Panel("round", "accuracy", {"a": CURVE}), Panel("ε", "accuracy", {"b": CURVE})], tmp_path
    )
    kept = tmp_path / "papers" / "x.curves.json"

    assert json.loads(kept.read_text())[0]["curves"]["a"]["y"] == [0.33333, 0.5]
    assert picture_of(kept).read_text().startswith("<svg")
    assert is_current(kept)
    assert load_all(tmp_path) == []

    kept.write_text(kept.read_text().replace("0.33333", "0.9"))
    assert not is_current(kept)
