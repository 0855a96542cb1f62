"""What a run came to is plain records, read out of its ledger's blocks."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from tallystick.history import figures
from tallystick.history.statements import NoGuarantee
from tallystick.simulation.result import Compared, RunResult, document


def result(run, **changed):
    """The records alone, without what a person does with a run."""
    fields = ("setting", "preset", "notes", "history", "compared", "folder", "arrays")
    return RunResult(**({name: getattr(run, name) for name in fields} | changed))


def test_what_a_round_shows_is_what_was_opened_on_the_ledger(mutual):
    """Who scored whom comes out of the reveals: its medians are the figures that the ledger went by."""
    run, _ = mutual
    scores = [one for one in run.history.scores if one.round == 2 and one.author == ""]
    middle = float(np.median([one.figure for one in scores])) / 1e6
    assert abs(run.each_round[0].figure - middle) < 1e-5
    grid = figures.score_grid(run.history, 1)
    assert list(grid.judges) == sorted(run.setting.members)
    assert grid.authors == ("start", *grid.judges)
    place = grid.authors.index("site-b")
    seen = [row[place] for row, judge in zip(grid.values, grid.judges, strict=True) if judge != "site-b"]
    assert None not in seen and grid.values[grid.judges.index("site-b")][place] is None


def test_money_is_conserved_and_told(mutual):
    run, _ = mutual
    assert sum(one.net for one in run.pay) == run.setting.reward - run.history.balances["requester"]
    assert all(one.net == one.reward + one.fees + one.compensation - one.fined for one in run.pay)
    (leaver,) = [one for one in run.pay if one.member == "site-c"]
    assert leaver.fined > 0 and leaver.why.startswith("left")


def test_the_score_is_the_last_models_and_not_the_firsts(mutual):
    run, _ = mutual
    given = result(run, compared=Compared({0: 0.1, 1: 0.5, 2: 0.7}, {}, float("nan"), ""))
    assert given.score == 0.7
    assert np.isnan(result(run, compared=Compared({0: 0.1}, {}, float("nan"), "")).score)


def test_without_a_model_there_is_none_to_use(mutual):
    run, _ = mutual
    assert result(run).model.arrays is run.arrays
    for changed in ({"arrays": None}, {"history": replace(run.history, models={})}):
        with pytest.raises(LookupError, match="ended without a model: settled"):
            _ = result(run, **changed).model


def test_privacy_is_stated_in_records(mutual):
    run, _ = mutual
    assert run.privacy == (NoGuarantee("training", ("train",)), NoGuarantee("judging", ("judge",)))


def test_a_document_is_json_whatever_is_missing(mutual):
    run, _ = mutual
    bare = document(result(run, compared=Compared({}, {}, float("nan"), "")))
    assert json.loads(json.dumps(bare, allow_nan=False))["pooled"] is None
    assert bare["score"] is None and {each["score"] for each in bare["rounds"]} == {None}
    whole = document(run)
    assert whole["added"] == ["site-b sign-flip ×5", "site-c leaves in round 3"]
    assert whole["privacy"][0].startswith("training rows: no formal guarantee")
    assert whole["head"] == run.history.head.hex()
