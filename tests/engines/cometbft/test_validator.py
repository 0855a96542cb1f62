"""What a validator says of itself: lines of JSON for its log, and figures for Prometheus."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tallystick.engines.cometbft.validator import log, measured
from tests.engines.cometbft.driver import Driver, pay


def test_the_figures_are_those_of_the_replica_and_each_is_explained(tmp_path: Path):
    driver = Driver(tmp_path)
    driver.begin()
    driver.check(pay(1))
    driver.block(pay(0))
    text = measured(driver.application, restarts=3)
    figures = {name: int(value) for name, value in re.findall(r"^tallystick_(\w+) (\d+)$", text, re.M)}
    assert figures["height"] == figures["blocks_total"] == figures["transactions_total"] == 1
    assert figures["checks_total"] == 1 and figures["waiting_transactions"] == 0
    assert figures["validators"] == len(driver.replica.validators())
    assert figures["engine_restarts_total"] == 3 and figures["faults_total"] == 0
    kinds = dict(re.findall(r"^# TYPE tallystick_(\w+) (\w+)$", text, re.M))
    assert kinds.keys() == figures.keys()
    assert all(name.endswith("_total") == (kind == "counter") for name, kind in kinds.items())
    driver.replica.close()


def test_a_line_of_the_log_is_json(capsys: pytest.CaptureFixture[str]):
    log("halted", reason="another genesis", height=3)
    line = json.loads(capsys.readouterr().err)
    assert (line["said"], line["reason"], line["height"], line["module"]) == (
        "halted", "another genesis", 3, "tally"
    )  # fmt: skip
