"""The Python face: a table becomes members, a scheme runs among them, the run tells what happened."""

import json
import re
from dataclasses import replace

import jax
import numpy as np
import pytest
from sklearn.datasets import load_digits

import tallystick as ts
from tallystick.data.refusals import DataError
from tallystick.data.table import Table
from tallystick.engines.export import verify
from tallystick.history import figures
from tallystick.history.sentences import privacy_sentence
from tallystick.learning.learner import Batch
from tallystick.learning.trees.learner import boosted_trees
from tallystick.ledger.budgets.curves import NANO
from tallystick.protocols.noise import protection
from tallystick.protocols.vocabulary import Unfit
from tallystick.simulation.plans import among, notes

LEARNER = ts.mlp(32)
COLUMNS = [f"p{number}" for number in range(64)]
TASK = ts.Task(COLUMNS, target="digit", labels=range(10))


def digits():
    x, y = load_digits(return_X_y=True)
    columns = {name: x[:, number] for number, name in enumerate(COLUMNS)}
    sites = np.array(["Site A", "Site B", "Site C", "Site D", "Site E"])[np.arange(len(y)) % 5]
    return Table({**columns, "digit": y, "site": sites, "person": np.arange(len(y)) // 9})


@pytest.fixture(scope="module")
def members():
    return ts.members_of(digits(), TASK, by="site", judging=0.3, subject="person")


@pytest.fixture(scope="module")
def mutual(members, tmp_path_factory):
    """Five sites, one malicious, one that leaves in round 3."""
    moments = []
    run = ts.simulate(
        ts.presets.mutual(LEARNER, rounds=4, epochs=2),
        members,
        attacks={"site-b": ts.attacks.sign_flip(5)},
        faults=[ts.faults.leave("site-c", round=3)],
        store=tmp_path_factory.mktemp("kept") / "run",
        watch=moments.append,
    )
    return run, moments


def averaging(**more):
    return ts.presets.averaging(LEARNER, rounds=2, epochs=2, **more)


def test_a_table_becomes_members(members):
    assert list(members) == ["site-a", "site-b", "site-c", "site-d", "site-e"]
    together = np.concatenate([one.training.x for one in members.brought.values()])
    assert abs(together.mean(axis=0)).max() < 0.1
    assert "site-a" in repr(members)
    people = [set(part.subject) for part in (members.brought["site-a"].training,)]
    assert len(people[0]) > 10


def test_who_cannot_be_a_member_is_refused():
    table = digits()
    with pytest.raises(DataError, match="at least two members"):
        ts.members_of(table.replace(site=np.array(["x"] * len(table))), TASK, by="site")
    with pytest.raises(DataError, match="by=<column>"):
        ts.members_of(table, TASK)
    named = np.where(table["site"] == "Site A", "requester", "other")
    with pytest.raises(DataError, match="cannot be called 'requester'"):
        ts.members_of(table.replace(site=named), TASK, by="site")
    with pytest.raises(DataError, match="same name"):
        ts.members_of(table.replace(site=np.where(np.arange(len(table)) % 2, "A b", "a B")), TASK, by="site")
    assert len(ts.members_of(table, TASK, partition=7)) == 7


def test_a_run_fits_one_screen_and_says_what_happened(mutual):
    run, _ = mutual
    shown = repr(run)
    assert max(map(len, shown.splitlines())) <= 80
    assert len(shown.splitlines()) <= 50
    for word in ("alone", "pooled", "site-b sign-flip ×5", "site-c left", "fined", "no formal guarantee"):
        assert word in shown
    assert run.score > figures.mean_of(run.compared.alone) - 0.1
    assert 0.5 < run.score <= 1


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


def test_the_report_holds_everything_it_shows(mutual, tmp_path):
    run, _ = mutual
    made = run.report(tmp_path / "run.html").read_text()
    for heading in ("How good it became", "Who scored whom", "Privacy", "Pay", "How to verify this"):
        assert f"<h2>{heading}</h2>" in made
    assert run.history.head.hex() in made
    assert "site-c left" in made and "is elected to record" in made and "the record stands" in made
    assert made.count("<svg") >= 4
    assert not re.search(r"(src|href)=\"http", made)


def test_money_is_conserved_and_told(mutual):
    run, _ = mutual
    assert sum(one.net for one in run.pay) == run.setting.reward - run.history.balances["requester"]
    assert all(one.net == one.reward + one.fees + one.compensation - one.fined for one in run.pay)
    (leaver,) = [one for one in run.pay if one.member == "site-c"]
    assert leaver.fined > 0 and leaver.why.startswith("left")


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


def test_a_comparison_that_was_cut_off_is_made_up_for(members, tmp_path):
    without = ts.simulate(averaging(), members, store=tmp_path / "run", compare=False)
    assert not without.compared.alone and "alone" not in repr(without)
    moments = []
    run = ts.simulate(averaging(), members, store=tmp_path / "run", watch=moments.append)
    assert [moment.text.split(":")[0] for moment in moments[1:]] == ["the same training once more"]
    assert run.compared.alone.keys() == set(members)
    assert run.history.head == without.history.head


@pytest.mark.parametrize("first", [1, 12])
def test_many_members_fit_the_screen_too(first):
    """Where the leader, the first to apply, is among the silent, no round counts and the money returns."""
    many = ts.members_of(digits(), TASK, partition=20)
    gone = [ts.faults.silent(f"member-{number:02}") for number in range(first, first + 8)]
    run = ts.simulate(averaging(), many, 1, faults=gone, compare=False)
    shown = repr(run)
    assert "8 members kept silent" in shown and "… and 8 more" in shown
    assert ("there is no model" in shown) == (first == 1) == np.isnan(run.score)
    assert len(shown.splitlines()) <= 50 and max(map(len, shown.splitlines())) <= 80
    assert len(run.pay) == 20


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
        batch = Batch(None, None, np.ones(3, np.float32), None)
        noise = made.hook(made.rule.most, True)(Flat, {}, batch, jax.random.key(1))[1]["w"]
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
