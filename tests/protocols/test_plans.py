"""From a plan to its rules: one way for simulations and requests, for every preset, setting and team."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

import msgspec
import numpy as np
import pytest

import tallystick
from tallystick.base.codec import encode
from tallystick.base.ids import digest
from tallystick.base.measure import named
from tallystick.base.task import Column, task
from tallystick.cli.main import run
from tallystick.learning.learner import Rows
from tallystick.learning.models import linear, mlp
from tallystick.ledger.rules import Rules, SealedTest, all_phases, flaw
from tallystick.protocols.composing import composed, read_settings, settings_of
from tallystick.protocols.noise import dp_sgd
from tallystick.protocols.options import text
from tallystick.protocols.plans import Plan, plan_for, presets, resolve, source_of
from tallystick.protocols.presets import names
from tallystick.protocols.request_plan import decode_plan
from tallystick.protocols.settings import SHARED, PlanSettings
from tallystick.protocols.vocabulary import Unfit
from tallystick.simulation.members import Members
from tallystick.simulation.setting import Brought, rules_for
from tallystick.simulation.study import setting_of

TASK = task(["vib", "temp"], "fault", [0, 1])
LEARNER = mlp(4)
SIZES = (2, 3, 5, 70)
TRAINING, JUDGING = 120, 40
# What of a plan follows from who takes part: a simulation knows it, a requester says it.
STATED = ("size", "minimum", "least_rows", "fewest", "usual")
# A value of each setting that is no preset's own, with what it cannot be had without.
SAMPLES: dict[str, dict[str, Any]] = {
    "size": {"size": 4},
    "minimum": {"minimum": 4},
    "bench": {"bench": 2},
    "answer": {"answer": "30s"},
    "candidates": {"candidates": "listed"},
    "team": {"team": "crew"},
    "order": {"order": "listed", "candidates": "listed"},
    "ability": {"ability": "graded", "named": "bob"},
    "leader": {"leader": "named", "named": "cleo"},
    "named": {"named": "bob"},
    "amount": {"amount": 500},
    "deposit": {"deposit": 70},
    "leader_deposit": {"leader_deposit": 90},
    "minimum_credit": {"minimum_credit": 5},
    "units": {"units": False},
    "rounds": {"rounds": 4},
    "time": {"time": "3h"},
    "quality": {"quality": 0.9},
    "patience": {"patience": 3},
    "improvement": {"improvement": 0.01},
    "wait": {"wait": "10min"},
    "quorum": {"quorum": 0.75},
    "test_wait": {"test_wait": "2h"},
    "rule": {"rule": "median"},
    "attackers": {"attackers": 2},
    "as_printed": {"as_printed": True},
    "least_rows": {"least_rows": 64},
    "protect": {"protect": "per_hop", "epsilon": 12},
    "epsilon": {"epsilon": 20},
    "delta": {"delta": 1e-6, "epsilon": 20},
    "protects": {"protects": "subject", "epsilon": 20},
    "clip": {"clip": 0.5, "epsilon": 20},
    "steps": {"steps": 3, "epsilon": 20},
    "noisier": {"noisier": 4, "epsilon": 20},
    "bound": {"bound": 0.5, "protect": "noised_update", "epsilon": 20},
    "usual": {"usual": 80, "protect": "per_hop", "epsilon": 20},
    "release": {"release": "as_printed", "release_epsilon": 20},
    "release_epsilon": {"release": "members", "release_epsilon": 8},
    "release_bound": {"release": "members", "release_epsilon": 8, "release_bound": 0.5},
    "judges": {"judges": 1},
    "fewest": {"fewest": 31},
    "loss_gain": {"loss_gain": True},
    "scores": {"scores": "trimmed"},
    "evict": {"evict": "worst"},
    "evict_bound": {"evict_bound": 9},
    "expel": {"expel": False, "evict": "outlier"},
    "elect": {"elect": "drawn"},
    "elect_wait": {"elect_wait": "5min"},
    "approve_wait": {"approve_wait": "6min"},
    "common": {"common": True},
    "tolerance": {"tolerance": 0.3},
    "unanimous": {"unanimous": True},
    "pay": {"pay": "per_amount"},
    "weight": {"weight": "amount"},
    "leader_share": {"leader_share": True, "pay": "lump"},
    "schedule": {"schedule": (300, 200, 100), "rounds": 3},
    "price": {"price": 3},
    "recorder_fee": {"recorder_fee": 7},
    "analyst_fee": {"analyst_fee": 11},
    "quality_share": {"quality_share": 0.4, "quality": 0.8},
    "penalties": {"penalties": "as_printed"},
    "reuse_fee": {"reuse_fee": 13},
    "purchase_limit": {"purchase_limit": 100, "leader": "analyst"},
}
# Fields of the rules that no setting sets: what a phase is and does is its preset's, the rest is the task's
# and the test set's own.
BY_CONSTRUCTION = {
    *("phases.name", "phases.content", "phases.of", "phases.sealed", "phases.rows"),
    *("result", "opening", "closing", "higher_is_better", "test.commitment"),
}
EVERY = [(preset, name) for preset in names() for name in settings_of(preset)]


def members(count: int, training: int = TRAINING) -> Members:
    """So many with a few rows each, the first with the fewest of both kinds."""
    brought = {}
    for number in range(count):
        sizes = (training, JUDGING) if number == 0 else (training + 30, JUDGING + 20)
        parts = [
            Rows(np.zeros((size, 2), np.float32), np.zeros(size, np.int32), np.arange(size)) for size in sizes
        ]
        roots = [digest(b"rows", bytes([number, kind])) for kind in (0, 1)]
        brought[f"site-{number:02}"] = Brought(parts[0], parts[1], (roots[0], roots[1]))
    return Members(TASK, brought)


def simulated(plan: Plan, count: int) -> tuple[Any, Rules]:
    setting = setting_of(plan, members(count), plan.seed, {}, (), None)
    return setting.plan, rules_for(setting)


def served(plan: Plan, stated: dict[str, str]) -> tuple[Any, Rules]:
    """As a requester asks, and as a node that reads the frozen plan understands it."""
    asked = replace(plan, task=TASK, settings={**stated, **plan.settings}).resolved(LEARNER)
    understood = resolve(decode_plan(encode(asked.plan)))
    assert understood.agrees(asked.rules())
    assert understood.rules() == asked.rules()
    return understood.plan, understood.rules()


def outcome(make: Any, *given: Any) -> Any:
    """What comes of it, or in which words it is refused."""
    try:
        return make(*given)
    except Unfit as refusal:
        return str(refusal)


@pytest.mark.parametrize(("preset", "name"), EVERY)
def test_simulated_rules_are_served_rules(preset: str, name: str) -> None:
    refused = 0
    for count in SIZES:
        plan = plan_for(preset, LEARNER, **SAMPLES[name])
        ours = outcome(simulated, plan, count)
        least = {key: value for key, value in stated_for(preset, plan, count).items() if key in STATED}
        theirs = outcome(served, plan, least)
        assert ours == theirs, count
        refused += isinstance(ours, str)
    assert refused < len(SIZES)


def stated_for(preset: str, plan: Plan, count: int) -> dict[str, str]:
    """What a requester says who expects these members: the numbers that a simulation takes from them."""
    size = int(str(plan.asked.get("size", count)))
    least = settings_of(preset)["minimum"].default
    assert isinstance(least, int)
    enough = max(least, size - size // 3 - 1)
    stated = {"size": str(count), "minimum": str(enough), "least_rows": str(TRAINING)}
    if "fewest" in settings_of(preset):
        stated["fewest"] = str(JUDGING)
    if plan.asked.get("protect") == "per_hop":
        stated["usual"] = str(TRAINING + 30 if count > 2 else TRAINING + 15)
    return stated


@pytest.mark.parametrize("preset", names())
def test_every_setting_has_a_sample_that_is_not_its_default(preset: str) -> None:
    assert set(SAMPLES) == {part.name for part in fields(PlanSettings)} == set(SHARED)
    for name, option in settings_of(preset).items():
        read = option.read(SAMPLES[name][name])
        assert read == option.read(text(read)), "what is spelled is read again"
    differing = {name for name, option in settings_of(preset).items()
                 if option.read(SAMPLES[name][name]) != option.default}  # fmt: skip
    assert set(settings_of(preset)) - differing <= {"leader_share", "expel"}


@pytest.mark.parametrize("preset", names())
def test_plans_that_differ_in_anything_have_different_digests(preset: str) -> None:
    plain = Plan(TASK, preset, LEARNER, members=5)
    differing = {"plain": plain}
    for name in settings_of(preset):
        differing[name] = replace(plain, settings=SAMPLES[name])
    differing |= {
        "learner": replace(plain, learner=mlp(5)),
        "another learner": replace(plain, learner=linear()),
        "task": replace(plain, task=task(["vib"], "fault", [0, 1])),
        "epochs": replace(plain, epochs=2),
        "batch": replace(plain, batch=16),
        "seed of all": replace(plain, seed=9),
        "readers": replace(plain, readers="team"),
        "more rounds": replace(plain, rounds=50),
        "noise": replace(plain, epsilon=8),
    }
    found = {name: plan.resolved().plan.digest() for name, plan in differing.items()}
    alike = [(one, other) for one in found for other in found if one < other and found[one] == found[other]]
    own = {("leader_share", "plain"), ("plain", "weight")}  # where a sample is the preset's own choice
    assert {tuple(sorted(pair)) for pair in alike} <= own | {("leader_share", "weight")}
    assert plain.resolved().plan.digest() == replace(plain).resolved().plan.digest()


@pytest.mark.parametrize("preset", names())
def test_a_plan_says_every_setting_that_its_preset_knows(preset: str) -> None:
    resolved = Plan(TASK, preset, LEARNER, members=5).resolved()
    stated = dict(resolved.plan.settings)
    unset = {"team", "named", "time", "quality", "test_wait", "schedule", "epsilon", "release_epsilon"}
    assert set(stated) == set(settings_of(preset)) - unset
    again = composed(preset, stated, TASK)
    assert {name: text(value) for name, value in again.values.items()} == stated


def rule_fields(record: Any = Rules, within: str = "") -> set[str]:
    """The fields of the rules, those of the records inside by their path."""
    inner = {"forming", "stopping", "evicting", "electing", "paying", "test", "phases"}
    found = set()
    for part in msgspec.structs.fields(record):
        if not within and part.name in inner:
            found |= rule_fields(_record_of(part.name), f"{part.name}.")
        else:
            found.add(within + part.name)
    return found


def _record_of(name: str) -> Any:
    made = Plan(TASK, "mutual", LEARNER).resolved().rules(SealedTest(b"c" * 32, 1))
    value = getattr(made, name)
    return type(value[0] if isinstance(value, tuple) else value)


def test_every_field_of_the_rules_is_reached_by_a_setting() -> None:
    reached = {option.about.sets for option in SHARED.values()} - {""}
    assert reached | BY_CONSTRUCTION == rule_fields()
    assert not reached & BY_CONSTRUCTION
    for name, option in SHARED.items():
        if option.about.sets:
            assert any(_changes(preset, name, option.about.sets) for preset in names()), name


def _changes(preset: str, name: str, path: str) -> bool:
    if name not in settings_of(preset):
        return False
    beside = {key: value for key, value in SAMPLES[name].items() if key != name and key != "named"}
    plan = Plan(TASK, preset, LEARNER, members=5)
    changed = outcome(replace(plan, settings=SAMPLES[name]).resolved)
    usual = outcome(replace(plan, settings=beside).resolved)
    if isinstance(changed, str) or isinstance(usual, str):
        usual = plan.resolved()
    return not isinstance(changed, str) and _at(changed, path) != _at(usual, path)


def _at(resolved: Any, path: str) -> Any:
    rules = resolved.rules(resolved.sealed_test(b"c" * 32))
    part, _, name = path.partition(".")
    value = getattr(rules, part)
    if part == "phases":
        return [getattr(phase, name) for phase in all_phases(rules)]
    return getattr(value, name) if name else value


@pytest.mark.parametrize("preset", names())
def test_a_setting_that_a_preset_does_not_know_is_refused_with_those_it_knows(preset: str) -> None:
    known = ", ".join(settings_of(preset))
    for ask in (
        lambda: read_settings(preset, {"k": 3}),
        lambda: plan_for(preset, LEARNER, k=3),
        lambda: Plan(TASK, preset, LEARNER, settings={"k": 3}).resolved(),
    ):
        with pytest.raises(Unfit, match="no setting 'k'; choose among") as refusal:
            ask()
        assert known in str(refusal.value)
    for name in sorted(set(SHARED) - set(settings_of(preset))):
        with pytest.raises(Unfit, match=f"the preset {preset} has no setting {name!r}"):
            Plan(TASK, preset, LEARNER, settings={name: SAMPLES[name][name]}).resolved()


def test_what_the_command_prints_is_what_can_be_set(capsys: pytest.CaptureFixture[str]) -> None:
    for preset in names():
        assert run(["--json", "presets", preset]) == 0
        printed = json.loads(capsys.readouterr().out)["settings"]
        assert list(printed) == list(settings_of(preset))
        assert run(["presets", preset]) == 0
        shown = capsys.readouterr().out
        assert all(f"\n{name} " in shown for name in printed)
        for name, said in printed.items():
            if said["default"]:
                plan_for(preset, LEARNER, **{name: said["default"]})


@pytest.mark.parametrize(
    "plan",
    [
        Plan(TASK, "mutual", "mlp@1"),
        Plan(TASK, "relay", "mlp@1", 3, 0.9, "team", 8.0, 1e-6, "subject", 7, 3, 50, 2, 16, 4, 0.3, 900),
        Plan(TASK, "averaging", "linear@1", settings={"price": 3, "schedule": None}),
        Plan(TASK, "mutual", "mlp@1", settings={"schedule": (1, 2), "rounds": 2, "tolerance": 0.25}),
        Plan(TASK, "mutual", "mlp@1", settings={"wait": "10min", "units": False, "quorum": 0.5}),
        Plan(task(["a", "é b"], Column("rul", "cycles", "5", "2.25"), measure="rmse"), learner="linear@1"),
        Plan(task(["a"], Column("y", "m"), measure=named("mae", "m", 500)), learner="linear@1"),
        Plan(None, "mutual", "mlp@1"),
        *(Plan(TASK, preset, "mlp@1", settings=SAMPLES[name]) for preset, name in EVERY),
    ],
)
def test_a_plan_in_a_file_is_the_same_plan(plan: Plan) -> None:
    back = Plan.read(plan.written())
    assert back.written() == plan.written()
    assert back == replace(plan, settings={k: v for k, v in plan.settings.items() if v is not None})
    if plan.task is not None:
        resolving = lambda one: one.resolved(LEARNER).plan  # noqa: E731
        assert outcome(resolving, back) == outcome(resolving, plan)


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("members = ", "not a plan in TOML"),
        ("member = 3", "a plan has no 'member'; it has task, preset"),
        ('batch = "many"', "batch is a whole number, not 'many'"),
        ("[task]\ncolumns = []", "the plan's task: a task needs columns and target"),
    ],
)
def test_a_file_that_is_no_plan_is_refused_in_words(written: str, words: str) -> None:
    with pytest.raises(Unfit, match=words):
        Plan.read(written)


def test_a_learner_is_known_by_its_own_version_and_settings_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    before = source_of(LEARNER)
    monkeypatch.setattr(tallystick, "__version__", "9.9.9")
    assert source_of(LEARNER) == before
    others = [replace(LEARNER, version="2"), mlp(5), replace(LEARNER, source=b"x"), linear()]
    assert len({before, *map(source_of, others)}) == 5


def test_above_64_members_judges_are_drawn_and_below_five_nobody_is_evicted() -> None:
    for preset in ("mutual", "relay"):
        many = Plan(TASK, preset, LEARNER, members=70).resolved()
        (judging,) = [rule for rule in many.rules().phases if rule.content == "scores"]
        assert judging.turn == "drawn:train:16" and flaw(many.rules(), 10_000) is None
        few = Plan(TASK, preset, LEARNER, members=64).resolved()
        assert {rule.turn for rule in few.rules().phases if rule.content == "scores"} == {"everyone"}
    kinds = {n: Plan(TASK, "mutual", LEARNER, members=n).resolved().rules().evicting for n in (3, 4, 5)}
    assert [(one.kind, one.expel) for one in kinds.values()] == [
        ("none", False), ("none", False), ("outlier", True),
    ]  # fmt: skip
    asked = {"evict": "outlier", "expel": True}
    assert Plan(TASK, "mutual", LEARNER, members=3, settings=asked).resolved().rules().evicting.expel


def test_judging_is_on_for_units_as_small_as_a_plan_allows() -> None:
    def fewest(**more: Any) -> int:
        return Plan(TASK, "mutual", LEARNER, **more).resolved().asked.fewest

    assert fewest(least_rows=100) == 25
    assert fewest(least_rows=100, judging=0.5) == 100
    assert fewest(least_rows=5_000) == 200
    assert fewest(least_rows=100, settings={"fewest": 60}) == 60


def test_a_number_stays_the_number_that_was_written() -> None:
    """An int was forced on every setting once: a tolerance of a tenth became none."""
    resolved = Plan(TASK, "mutual", LEARNER, settings={"tolerance": 0.15, "attackers": "2"}).resolved()
    assert resolved.rules().electing.tolerance == 150_000
    assert dict(resolved.plan.settings)["tolerance"] == "0.15"
    degrees = task(["a"], Column("t", "K", spread="2.5"))
    apart = Plan(degrees, "averaging", LEARNER, settings={"tolerance": 0.1}).resolved()
    assert apart.rules().electing.tolerance == 250_000


def test_a_node_serves_no_plan_that_is_not_installed_here() -> None:
    plan = Plan(TASK, "mutual", LEARNER).resolved().plan
    for other, words in (
        ({"preset_version": "7"}, "mutual@7 is not installed here, mutual@1 is"),
        ({"preset": "swarm"}, "no preset 'swarm'"),
        ({"settings": (("k", "3"),)}, "no setting 'k'"),
        ({"settings": (("rounds", "many"),)}, "rounds is a whole number of at least 1"),
    ):
        with pytest.raises(Unfit, match=words):
            resolve(msgspec.structs.replace(plan, **other))


def test_rules_that_are_not_the_plans_are_seen() -> None:
    resolved = Plan(TASK, "mutual", LEARNER, settings={"test_wait": "1h"}).resolved()
    assert resolved.agrees(resolved.rules())
    assert resolved.agrees(resolved.rules(resolved.sealed_test(b"a" * 32)))
    assert not resolved.agrees(resolved.rules(SealedTest(b"a" * 32, 5)))
    rules = resolved.rules()
    for other in (
        {"stopping": msgspec.structs.replace(rules.stopping, rounds=11)},
        {"stopping": msgspec.structs.replace(rules.stopping, time=1)},
        {"forming": msgspec.structs.replace(rules.forming, deposit=1)},
        {"purchase_limit": 1},
    ):
        assert not resolved.agrees(msgspec.structs.replace(rules, **other))


def test_what_cannot_be_had_is_refused_before_anything_is_posted() -> None:
    for plan, words in (
        (Plan(None, "mutual", LEARNER), "names no task"),
        (Plan(TASK, "mutual", "mlp@1"), "needs the learner itself"),
        (Plan(TASK, "mutual", LEARNER, readers="all"), "no readers 'all'"),
        (Plan(TASK, "mutual", LEARNER, judging=1.5), "between 0 and 1"),
        (Plan(TASK, "mutual", LEARNER, batch=0), "cannot be posted"),
        (Plan(TASK, "averaging", LEARNER, settings={"weight": "gain"}), "averaging cannot be had like this"),
        (Plan(TASK, "secure_averaging", LEARNER, members=2), "larger than the team"),
        (Plan(TASK, "mutual", LEARNER, reward=5, settings={"recorder_fee": 6}), "more than the reward 5"),
        (Plan(TASK, "mutual", LEARNER, settings={"protect": "dp_sgd"}), "set epsilon"),
        (
            Plan(task(["a"], "b"), "mutual", LEARNER, settings={"loss_gain": True}),
            "loss gain is better higher",
        ),
    ):
        with pytest.raises(Unfit, match=words):
            plan.resolved()


def test_the_forms_that_pages_teach_go_through_the_same_door() -> None:
    private = presets.mutual(LEARNER, rounds=3, epochs=2, combine="median", protect=dp_sgd(8, steps=2))
    asked = replace(private, task=TASK).resolved()
    assert (asked.asked.rule, asked.asked.protect, asked.asked.steps) == ("median", "dp_sgd", 2)
    assert asked.plan.epochs == 2 and asked.asked.rounds == 3
    same = Plan(TASK, "mutual", LEARNER, 3, epsilon=8, epochs=2, settings={"rule": "median", "steps": 2})
    assert same.resolved().plan == asked.plan
    fee = replace(presets.secure_averaging(LEARNER, fee=50), task=TASK).resolved()
    assert fee.rules().paying.analyst_fee == 50
