"""The page about a scheme of one's own: its code runs as it stands there, and the scheme learns."""

import re

import numpy as np
import pytest

from tallystick.learning.learner import vector_of
from tallystick.protocols import presets
from tallystick.protocols.plans import Plan, resolve
from tallystick.protocols.vocabulary import Unfit
from tests.architecture.source import ROOT
from tests.protocols.bench import SOFTMAX, TASK, bench, first_model, job, ran

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


def test_the_file_alone_makes_it_a_preset_with_a_setting_of_its_own(tmp_path, monkeypatch):
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (tmp_path / "proximal.py").write_text("\n\n".join(blocks[:2]))
    monkeypatch.setattr(presets, "__path__", [*presets.__path__, str(tmp_path)])
    assert "proximal" in presets.names()
    plan = Plan(TASK, "proximal", SOFTMAX, settings={"mu": 0.5, "deposit": 50})
    resolved, usual = plan.resolved(), Plan(TASK, "proximal", SOFTMAX).resolved()
    assert dict(resolved.plan.settings)["mu"] == "0.5" and dict(usual.plan.settings)["mu"] == "0.1"
    assert resolve(resolved.plan).rules() == resolved.rules()
    assert resolved.rules().forming.deposit == 50
    assert resolved.plan.digest() != usual.plan.digest()
    with pytest.raises(Unfit, match="mu is a number of at least 0, not -1"):
        Plan(TASK, "proximal", SOFTMAX, settings={"mu": -1}).resolved()
    with pytest.raises(Unfit, match=r"no setting 'nu'; choose among .*, mu$"):
        Plan(TASK, "proximal", SOFTMAX, settings={"nu": 1}).resolved()


def test_a_stronger_pull_keeps_a_member_nearer():
    names, start = built(), first_model()
    tool, one = bench(), job(0, secret=b"s" * 32, start=start)
    lengths = []
    for mu in (0.0, 0.5, 5.0):
        (made,) = names["train_near_start"](mu).serve(tool, [one])
        lengths.append(float(np.linalg.norm(vector_of(made.model) - vector_of(start))))
    assert lengths[0] > lengths[1] > lengths[2] > 0
