"""A run on a screen of 80 columns, in a notebook, and as one page; what others wrote is shown as text."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

import tallystick as ts
from tallystick.history import figures
from tallystick.history.moments import Moment
from tallystick.history.statements import Charged, Evidence
from tallystick.simulation.behaviours import Behaviour
from tallystick.simulation.pages import page_of, screen, summary
from tests.simulation.digit_sites import LEARNER, TASK, digits


def test_a_run_fits_one_screen_and_says_what_happened(mutual):
    run, _ = mutual
    shown = repr(run)
    assert max(map(len, shown.splitlines())) <= 80
    assert len(shown.splitlines()) <= 50
    for word in ("alone", "pooled", "site-b sign-flip ×5", "site-c left", "fined", "no formal guarantee"):
        assert word in shown
    assert run.score > figures.mean_of(run.compared.alone) - 0.1
    assert 0.5 < run.score <= 1


def test_the_report_holds_everything_it_shows(mutual, tmp_path):
    run, _ = mutual
    made = run.report(tmp_path / "run.html").read_text()
    for heading in ("How good it became", "Who scored whom", "Privacy", "Pay", "How to verify this"):
        assert f"<h2>{heading}</h2>" in made
    assert run.history.head.hex() in made
    assert "site-c left" in made and "is elected to record" in made and "the record stands" in made
    assert made.count("<svg") >= 4
    assert not re.search(r"(src|href)=\"http", made)


@pytest.mark.parametrize("first", [1, 12])
def test_many_members_fit_the_screen_too(first):
    """Where the leader, the first to apply, is among the silent, no round counts and the money returns."""
    many = ts.members_of(digits(), TASK, partition=20)
    gone = [ts.faults.silent(f"member-{number:02}") for number in range(first, first + 8)]
    run = ts.simulate(ts.presets.averaging(LEARNER, rounds=2, epochs=2), many, 1, faults=gone, compare=False)
    shown = repr(run)
    assert "8 members kept silent" in shown and "… and 8 more" in shown
    assert ("there is no model" in shown) == (first == 1) == np.isnan(run.score)
    assert len(shown.splitlines()) <= 50 and max(map(len, shown.splitlines())) <= 80
    assert len(run.pay) == 20


def test_what_a_member_calls_itself_is_no_markup(mutual):
    run, _ = mutual
    evil = "<script>alert(1)</script>"
    setting = replace(run.setting, behaviours=(Behaviour("x", (evil,), evil),))
    hostile = replace(run, setting=setting, preset=evil, notes=(evil,))
    for made in (page_of(hostile), summary(hostile)):
        assert "<script>" not in made and "&lt;script&gt;" in made


def test_epsilon_stands_at_the_top_with_what_it_protects(mutual):
    run, _ = mutual
    stated = Charged("training", 7.25, 1e-5, "record", "somebody", 7_300_000_000, 8 * 10**9)
    shown = replace(run)
    vars(shown)["privacy"] = (stated, run.privacy[1])
    made = page_of(shown)
    terms = "at δ = 1e-05 for one record (add or remove one), by somebody"
    assert f"<dt>ε of training rows</dt><dd>7.25<small>{terms}</small></dd>" in made
    assert "<dt>privacy of training rows</dt><dd>none stated<small>no formal guarantee" in page_of(run)


def test_the_screen_says_by_which_scores_somebody_was_sent_away(mutual):
    run, _ = mutual
    evidence = Evidence(2, 0.2, 0.8, 0.85, 0.7)
    sent = Moment(0, "site-c was expelled", member="site-c", evidence=evidence)
    history = replace(run.history, moments=(*run.history.moments, sent))
    shown = " ".join(screen(replace(run, history=history)).split())
    assert "site-c: left (in the middle they gave it 0.200, the others 0.800 to 0.850); fined" in shown
