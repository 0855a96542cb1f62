"""Every preset, found by its file: it fits a learner or says why not, its rules hold, it has its page."""

import inspect
from dataclasses import replace

import numpy as np
import pytest

from tallystick.base.task import task
from tallystick.learning.trees.learner import boosted_trees
from tallystick.ledger.rules import Stopping, all_phases, flaw
from tallystick.protocols.composing import composed
from tallystick.protocols.noise import dp_sgd, noised_update, per_hop, printed_laplace
from tallystick.protocols.parts.share import combine, robust
from tallystick.protocols.presets import names, preset
from tallystick.protocols.vocabulary import Unfit, ensure_fit, rules_of
from tests.architecture.source import ROOT
from tests.protocols.bench import MLP, SMALL, SOFTMAX, bench, first_model, job, ran, small

PROTECTIONS = {
    "none": {},
    "dp_sgd": {"least_rows": 250, **dp_sgd(8, 1e-5).asked},
    "per_hop": per_hop(8, 1e-5).asked,
    "noised_update": noised_update(8, 1e-5, bound=1.0).asked,
    "printed_laplace": printed_laplace(10).asked,
}
STOP = Stopping(2, 10**9)


@pytest.mark.parametrize("learner", [SOFTMAX, MLP], ids=["softmax", "mlp"])
@pytest.mark.parametrize("name", names())
def test_every_preset_serves_every_network(tmp_path, name, learner):
    ended = ran(small(name), tmp_path, rounds=1, learner=learner)
    assert ended.progress.stage == "settled"
    assert ended.progress.completed == 1


@pytest.mark.parametrize("protection", PROTECTIONS)
@pytest.mark.parametrize("name", names())
def test_its_rules_contradict_nothing(name, protection):
    protect = PROTECTIONS[protection]
    for made in (composed(name, protect).protocol, small(name, **protect)):
        rules = rules_of(made, task(["a"], "b", [1, 2]).measure, STOP)
        assert flaw(rules, 1_000) is None
        # Whatever names an event says it of private rows, and no other phase of rows names one.
        named = {phase.name for phase in all_phases(rules) if phase.event is not None}
        trained = {phase.name for phase in all_phases(rules) if phase.rows == "training"}
        assert named == (trained if protect else set())


@pytest.mark.parametrize("name", names())
def test_trees_are_refused_by_name(name):
    with pytest.raises(Unfit, match="parameters"):
        ensure_fit(small(name), boosted_trees())
    blind = replace(SOFTMAX, capabilities=replace(SOFTMAX.capabilities, per_example_gradients=False))
    ensure_fit(small(name), blind)
    ensure_fit(small(name, **PROTECTIONS["noised_update"]), blind)
    with pytest.raises(Unfit, match="per_example_gradients"):
        ensure_fit(small(name, **PROTECTIONS["dp_sgd"]), blind)


@pytest.mark.parametrize("name", names())
def test_it_is_short_and_has_its_page(name):
    source = inspect.getsource(inspect.getmodule(preset(name)))
    assert len(source.splitlines()) < 60
    assert "eq." in source.lower() or "§" in source, "it cites what it follows"
    page = (ROOT / "docs" / "papers" / f"{name}.md").read_text()
    assert f"presets/{name}.py" in page
    assert preset(name)().name == name


def test_the_small_trials_name_presets_that_exist():
    assert set(SMALL) <= set(names())


def test_an_unknown_preset_is_named_with_the_known_ones():
    with pytest.raises(LookupError, match="averaging"):
        preset("avergaing")


def test_mutual_combines_by_the_named_rule_and_as_printed_by_the_mean():
    models = {f"site-{n}": {k: p + n for k, p in first_model().items()} for n in range(4)}
    models["attacker"] = {name: part + 1000 for name, part in first_model().items()}
    serve = {
        "robust": small("mutual").phases[-1].do.serve,
        "median": small("mutual", rule="median").phases[-1].do.serve,
        "printed": small("mutual", as_printed=True).phases[-1].do.serve,
    }
    where = {}
    for name, serving in serve.items():
        (made,) = serving(bench(), [job(0, inbox={"train": models})])
        where[name] = float(np.mean([np.mean(p - first_model()[k]) for k, p in made.model.items()]))
    assert where["median"] == pytest.approx(2, abs=1e-3)
    assert 1 < where["robust"] < 4
    assert where["printed"] > 150


@pytest.mark.parametrize("name", ["trust_root", "drop_worst", "meen"])
def test_rules_that_need_more_than_models_are_refused(name):
    with pytest.raises(Unfit, match="geometric_median"):
        small("mutual", rule=name)


def test_too_few_for_a_rule_is_nothing_to_post():
    do = combine("train", robust("krum", 1))
    (made,) = do.serve(bench(), [job(0, inbox={"train": {"site-1": first_model()}})])
    assert made.model is None
