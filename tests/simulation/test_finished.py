"""A finished run is a table, pictures and a page, is verified, and lies in its folder for later."""

from __future__ import annotations

import json

import pytest

from tallystick.engines.export import verify
from tallystick.simulation.finished import keep
from tallystick.simulation.layout import RESULT
from tallystick.simulation.result import document
from tests.simulation.digit_sites import digits


def test_rounds_are_a_table_and_plots_are_pictures(mutual, tmp_path):
    run, _ = mutual
    table = run.rounds
    assert table["round"].tolist() == [1, 2, 3, 4]
    assert "site-c (left)" in table["gone"].tolist()
    assert table.to_arrow().num_rows == 4
    for what in ("score", "pay", "judges", "epsilon"):
        assert run.plot(what).save(tmp_path / "x.svg").read_text().startswith("<svg")
    with pytest.raises(ValueError, match="no plot 'scores'; choose one of"):
        run.plot("scores")
    assert run._repr_html_().count("<table>") == 1


def test_the_run_verifies_and_a_changed_export_does_not(mutual):
    run, _ = mutual
    assert run.verify().sound
    file = run.folder / "run.tally"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    assert not verify(file).sound


def test_the_model_is_used_as_it_was_recorded(mutual):
    run, _ = mutual
    told = run.model.predict(digits())
    assert (told == digits()["digit"].astype(str)).mean() > 0.5
    assert 0.5 < run.model.evaluate(digits()) <= 1


def test_what_is_kept_is_the_document_with_its_screen_and_log(mutual):
    run, _ = mutual
    kept = json.loads((run.folder / RESULT).read_text())
    assert kept.pop("screen") == repr(run)
    assert kept.pop("log")[-1].endswith(f"the request is settled: {run.history.progress.outcome}")
    assert kept == json.loads(json.dumps(document(run)))


def test_what_is_kept_already_is_not_written_again(mutual):
    run, _ = mutual
    before = (run.folder / RESULT).stat().st_mtime_ns
    keep(run)
    assert (run.folder / RESULT).stat().st_mtime_ns == before
