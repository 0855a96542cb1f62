"""The Python face: a table becomes members, a scheme runs among them, the run tells what happened."""

import json
import re
from collections import Counter
from dataclasses import replace
from typing import cast

import jax
import numpy as np
import pytest

import tallystick as ts
from tallystick.history.statements import privacy_sentence
from tallystick.learning.learner import Batch, Loss
from tallystick.learning.trees.learner import boosted_trees
from tallystick.ledger import transition
from tallystick.ledger.budgets.curves import NANO
from tallystick.protocols.noise import protection
from tallystick.protocols.vocabulary import Unfit
from tallystick.simulation.plans import among, notes
from tests.simulation.digit_sites import LEARNER, TASK, digits


def averaging(**more):
    return ts.presets.averaging(LEARNER, rounds=2, epochs=2, **more)


def test_watchers_hear_of_it_as_it_happens(mutual):
    _, moments = mutual
    ended = [moment for moment in moments if type(moment.notice).__name__ == "RoundEnded"]
    assert [moment.round for moment in ended] == [1, 2, 3, 4]
    assert "it started from accuracy" in ended[0].text
    assert any(moment.text == "site-c left" for moment in moments)
    assert moments[-1].text.startswith("the same training once more")


def test_a_finished_run_is_loaded_and_another_is_refused(mutual, members):
    run, _ = mutual
    moments, given = [], {"faults": [ts.faults.leave("site-c", round=3)], "store": run.folder}
    scheme = ts.presets.mutual(LEARNER, rounds=4, epochs=2)
    again = ts.simulate(scheme, members, attacks={"site-b": "sign-flip:5"}, watch=moments.append, **given)
    assert repr(again) == repr(run)
    assert [moment.text.endswith("is not run again") for moment in moments] == [True]
    with pytest.raises(ValueError, match="other settings"):
        ts.simulate(scheme, members, seed=8, attacks={"site-b": "sign-flip:5"}, **given)


def test_a_run_that_was_cut_off_goes_on(members, tmp_path):
    def interrupt(moment):
        if moment.round == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ts.simulate(averaging(), members, store=tmp_path / "run", watch=interrupt, compare=False)
    assert not json.loads((tmp_path / "run" / "run.json").read_text())["finished"]
    moments = []
    run = ts.simulate(averaging(), members, store=tmp_path / "run", watch=moments.append, compare=False)
    assert "it goes on" in moments[0].text
    assert not (tmp_path / "run" / "work.db").exists()
    assert run.history.progress.stage == "settled" and run.verify().sound


def test_a_finished_run_executes_its_ledger_once_more(members, tmp_path, monkeypatch):
    """Once as it runs, once to read what happened; `verify` is an act of its own, and loading reads once."""
    executed = []
    apply_block = transition.apply_block

    def counted(reader, transactions, block, verify):
        executed.append(block.height)
        return apply_block(reader, transactions, block, verify)

    monkeypatch.setattr(transition, "apply_block", counted)
    store = tmp_path / "run"
    run = ts.simulate(averaging(), members, store=store)
    repr(run), run.rounds, run.pay, run.privacy, run.report(tmp_path / "x.html")
    assert Counter(executed) == dict.fromkeys(range(1, run.history.height + 1), 2)
    executed.clear()
    assert ts.simulate(averaging(), members, store=store).history.head == run.history.head
    assert executed == list(range(1, run.history.height + 1))
    executed.clear()
    assert run.verify().sound
    assert executed == list(range(1, run.history.height + 1))


def test_a_comparison_that_was_cut_off_is_made_up_for(members, tmp_path):
    without = ts.simulate(averaging(), members, store=tmp_path / "run", compare=False)
    assert not without.compared.alone and "alone" not in repr(without)
    moments = []
    run = ts.simulate(averaging(), members, store=tmp_path / "run", watch=moments.append)
    assert [moment.text.split(":")[0] for moment in moments[1:]] == ["the same training once more"]
    assert run.compared.alone.keys() == set(members)
    assert run.history.head == without.history.head


def test_a_folder_with_something_else_is_left_alone(members, tmp_path):
    (tmp_path / "diary.txt").write_text("dear diary")
    with pytest.raises(ValueError, match="holds other files"):
        ts.simulate(averaging(), members, store=tmp_path)
    assert (tmp_path / "diary.txt").exists()


def test_epsilon_is_told_with_whose_it_is_and_by_which_account(members):
    scheme = averaging(protect=ts.dp_sgd(8, 1e-5))
    run = ts.simulate(scheme, members, compare=False)
    (training, judging) = map(privacy_sentence, run.privacy)
    assert re.match(
        r"training rows: ε = [\d.]+ at δ = 1e-05 for one record \(add or remove one\), by dp-accounting",
        training,
    )
    assert "nothing that depends on them is published" in judging
    assert 7 < run.each_round[-1].epsilon <= 8
    assert run.history.request.rules.phases[0].event is not None
    assert max(one.budget.epsilon_nano for one in run.history.privacy.values()) == 8 * NANO


def test_noise_at_a_hop_is_divided_by_the_usual_number_of_rows(members):
    """By three rows of its own, a small member's noise would drown the model that it hands on."""

    class Flat:
        @staticmethod
        def clipped_sum(model, batch, clip):
            return np.float32(0), {"w": np.zeros(20_000, np.float32)}

    usual = sorted(len(one.training.y) for one in members.brought.values())[2]
    for settings, by in (({}, usual), ({"usual": 0}, 3)):
        protect = ts.per_hop(8, steps=1, **settings)
        plan = among(ts.presets.relay(LEARNER, rounds=1, protect=protect), members)
        made = protection(plan.resolved().asked, 32)
        batch = Batch(None, None, jax.numpy.ones(3), None)
        noise = made.hook(made.rule.most, True)(cast(Loss, Flat), {}, batch, jax.random.key(1))[1]["w"]
        assert noise.std() == pytest.approx(made.rule.most.sigma_milli / 1000 / by, rel=0.05)


def test_an_analyst_is_hired_where_the_preset_wants_one(members):
    run = ts.simulate(ts.presets.secure_averaging(LEARNER, rounds=1, fee=50), members, compare=False)
    fees = {one.member: one.fees for one in run.pay if one.fees}
    assert fees == {"analyst": 50}
    assert "all members' judging rows" in repr(run)


def test_few_members_evict_nobody(members):
    few = replace(members, brought={name: members.brought[name] for name in ("site-a", "site-b", "site-d")})
    scheme = ts.presets.mutual(LEARNER, rounds=1)
    assert among(scheme, members).resolved().protocol.evict.kind == "outlier"
    resolved = among(scheme, few).resolved()
    assert resolved.protocol.evict.kind == "none"
    assert "nobody is evicted" in " ".join(notes(resolved.plan))


def test_what_does_not_fit_is_refused_before_anything_runs(members):
    with pytest.raises(Unfit, match="no setting 'epoch'; choose among epochs"):
        ts.presets.mutual(LEARNER, epoch=3)
    with pytest.raises(AttributeError, match="no preset 'mutal'"):
        _ = ts.presets.mutal
    with pytest.raises(Unfit, match="at least one round"):
        ts.presets.mutual(LEARNER, rounds=0)
    with pytest.raises(Unfit, match="needs parameters"):
        ts.simulate(ts.presets.mutual(boosted_trees(), rounds=1), members)
    with pytest.raises(ValueError, match="needs models of one shape"):
        ts.simulate(ts.presets.mutual(boosted_trees()), members, attacks={"site-a": "alie"})
    with pytest.raises(ValueError, match="no member 'site-z'"):
        ts.simulate(averaging(), members, faults=[ts.faults.silent("site-z")])
    plain = ts.members_of(digits(), TASK, by="site")
    with pytest.raises(Unfit, match="say whose rows"):
        ts.simulate(averaging(protect=ts.dp_sgd(8, protects="subject")), plain)
