"""The page about a scheme of one's own: its code runs as it stands there, and the scheme learns."""

import re

import numpy as np

from tallystick.learning.learner import vector_of
from tests.architecture.source import ROOT
from tests.protocols.bench import bench, first_model, job, ran

PAGE = ROOT / "docs" / "how-to" / "new-scheme.md"


def built() -> dict:
    """What the page's code defines, run from top to bottom."""
    names: dict = {"__name__": "page"}
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL):
        exec(compile(block, str(PAGE), "exec"), names)
    return names


def test_the_fifth_scheme_learns_and_settles(tmp_path):
    ended = ran(built()["proximal"](), tmp_path, rounds=3)
    assert ended.progress.stage == "settled"
    assert ended.record is not None and ended.record.figure > 400_000


def test_a_stronger_pull_keeps_a_member_nearer():
    names, start = built(), first_model()
    tool, one = bench(), job(0, secret=b"s" * 32, start=start)
    lengths = []
    for mu in (0.0, 0.5, 5.0):
        (made,) = names["train_near_start"](mu).serve(tool, [one])
        lengths.append(float(np.linalg.norm(vector_of(made.model) - vector_of(start))))
    assert lengths[0] > lengths[1] > lengths[2] > 0
