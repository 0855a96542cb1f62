"""The clinics' demo tells the truth, is kept where it is asked to be, and needs the learning parts."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tallystick.cli.run import demo
from tallystick.engines.export import verify
from tests.cli.desk import Bare, Desk, looked_around


def test_the_clinics_learn_together(clinics: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    start = time.process_time()
    told = clinics.does("demo --keep look")
    assert time.process_time() - start < 60
    assert "west was expelled" in told
    assert "east left" in told
    assert " alone " in told and " pooled" in told
    assert "all true" in told and "NOT SOUND" not in told
    assert "round 6 of 6" in told
    assert Path("look/report.html").read_text().count("<svg") >= 3
    for command in looked_around(told, monkeypatch):
        clinics.does(command)
    assert verify(Path("look/run.tally")).sound
    assert "look exists already" in clinics.fails("demo --keep look")


def test_programs_get_the_clinics_as_a_document(clinics: Desk) -> None:
    found = clinics.finds("demo")
    assert found["outcome"].startswith("settled")
    assert found["score"] > sum(found["alone"].values()) / len(found["alone"])
    assert found["verified"]["problem"] == ""
    assert {one["member"]: one["fined"] > 0 for one in found["pay"]}["east"]
    assert [path.name for path in clinics.folder.iterdir()] == [found["report"]] == [demo.PAGE]


def test_without_the_learning_parts_it_is_the_ledger_by_itself(bare: Bare) -> None:
    said = bare("demo")
    assert (said.code, said.err) == (0, "")
    assert "pip install 'tallystick[learn]'" in said.out
    assert "refused: it is revoked" in said.out
