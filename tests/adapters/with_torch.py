"""PyTorch modules, plugged in as users write them; `make adapters` runs this with the real library."""

from __future__ import annotations

import sys
from typing import Any, cast

import jax
import numpy as np
import pytest
import torch
from torch import nn

import tallystick as ts
from tallystick.adapters.own import BadLearner
from tallystick.adapters.torch import learner, module
from tallystick.learning.batches import batches, poisson, shuffled
from tallystick.learning.cohort import train
from tallystick.learning.learner import CannotClipPerExample, Learner, clipped
from tallystick.learning.models import linear
from tallystick.protocols.vocabulary import Unfit
from tests.adapters import pages
from tests.adapters.battery import BATTERY, LARGEST, Row, a_team_learns, run, same, sites, work_of
from tests.learning.cohorts import Plan, invented_rows, invented_task

KEY = np.array([1, 9], np.uint32)
torch.set_num_threads(1)  # nets this small only wait for each other on more


def width(task: Any) -> int:
    return int(np.prod(task.shape))


@learner("pump-net", version="1", needs=["torch>=2.4"], rate=0.2)
class PumpNet:
    def build(self, task):
        return nn.Sequential(nn.Linear(width(task), 16), nn.ReLU(), nn.Linear(16, len(task.labels)))

    def loss(self, net, x, y):
        return nn.functional.cross_entropy(net(x), y)


@learner(needs=["torch>=2.4"])
class WithMomentum:
    def build(self, task):
        return nn.Linear(width(task), len(task.labels))

    def loss(self, net, x, y):
        return nn.functional.cross_entropy(net(x), y)

    def optimiser(self, net):
        return torch.optim.Adam(net.parameters(), lr=0.05)


@learner()
class Normed:
    """BatchNorm, dropout, pictures: running means travel, counts of batches stay."""

    def build(self, task):
        return nn.Sequential(
            nn.Flatten(), nn.Linear(width(task), 12), nn.BatchNorm1d(12), nn.ReLU(), nn.Dropout(0.1),
            nn.Linear(12, len(task.labels)),
        )  # fmt: skip

    def train(self, net, batches):
        descend = torch.optim.SGD(net.parameters(), lr=0.2, momentum=0.5)
        lost = []
        for x, y in batches:
            if len(x) > 1:
                descend.zero_grad()
                loss = nn.functional.cross_entropy(net(x), y)
                loss.backward()
                descend.step()
                lost.append(float(loss.detach()))
        if not lost:  # BatchNorm has nothing to say of a single row
            net[-1].bias.data[y] += 0.01
        return sum(lost) / max(len(lost), 1)


def one_output(task):
    """The log odds of the second label."""
    return nn.Sequential(nn.Linear(width(task), 1))


class OneOutput:
    def build(self, task):
        return one_output(task)

    def loss(self, net, x, y):
        return nn.functional.binary_cross_entropy_with_logits(net(x)[:, 0], y.float())


def net_of(task):
    return nn.Sequential(nn.Flatten(), nn.Linear(width(task), len(task.labels) or 1))


# What the decorator made of the classes, which type checkers still take for classes.
PUMP_NET, WITH_MOMENTUM, NORMED = cast("list[Learner]", [PumpNet, WithMomentum, Normed])
ROWS = {
    "pump-net": Row(PUMP_NET),
    "adam": Row(WITH_MOMENTUM),
    "batch-norm": Row(NORMED, (4, 4, 1), 3),
    "one-output": Row(learner("odds", rate=0.5)(OneOutput), labels=2),
    "module": Row(module(net_of, rate=0.5)),
    "module-number": Row(module(net_of), labels=0),
}


@pytest.mark.parametrize("check", BATTERY.values(), ids=BATTERY)
@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_battery(row: Row, check: Any) -> None:
    before = torch.random.get_rng_state()
    check(row)
    assert torch.equal(before, torch.random.get_rng_state())


def bound(made: Any, labels: int = 4, features: int = 6) -> tuple[Any, Any]:
    task = invented_task((features,), labels)
    return made.on(task), made.init(Plan(task), jax.random.key(3))


def test_a_training_is_the_loop_that_a_person_would_write() -> None:
    one, start = bound(PUMP_NET)
    rows = invented_rows(48, (6,), 4, 1)
    order = shuffled(48, 16, 2, KEY)
    done = train(one, start, one.remember(start), batches(rows, order), KEY)

    net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 4))
    net.load_state_dict({name: torch.tensor(part) for name, part in start.items()})
    optimiser = torch.optim.SGD(net.parameters(), lr=0.2)
    for places in order:
        optimiser.zero_grad()
        nn.functional.cross_entropy(
            net(torch.tensor(rows.x[places])), torch.tensor(rows.y[places]).long()
        ).backward()
        optimiser.step()
    theirs = {name: part.detach().numpy() for name, part in net.state_dict().items()}
    assert list(done.model) == list(theirs) and same(dict(done.model), theirs)
    said = torch.softmax(net(torch.tensor(rows.x)), dim=1).detach().numpy()
    assert same(one.predict(done.model, rows.x), said)


def test_the_seed_draws_the_first_model_and_what_dropout_leaves_out() -> None:
    _, start = bound(NORMED, 3)
    _, again = bound(NORMED, 3)
    other = NORMED.init(Plan(invented_task((6,), 3)), jax.random.key(4))
    assert same(start, again) and not same(start, other)

    work = work_of(ROWS["batch-norm"])
    given = batches(work.cohort.members[5], work.orders[5])
    one, two = (train(work.learner, work.start, work.memory_of(5), given, key) for key in (KEY, KEY + 1))
    assert not same(one.model, two.model)


def test_running_means_travel_and_counts_stay() -> None:
    done = run(ROWS["batch-norm"])
    work = work_of(ROWS["batch-norm"])

    assert "2.running_mean" in work.start and "2.num_batches_tracked" not in work.start
    assert done.memory[LARGEST]["whole"]["2.num_batches_tracked"] == 8
    assert np.abs(done.mean()["2.running_mean"]).max() > 0


def test_an_optimiser_remembers_between_rounds() -> None:
    done = run(ROWS["adam"])
    work = work_of(ROWS["adam"])
    given = batches(work.cohort.members[5], work.orders[5])

    assert done.memory[LARGEST]["optimiser"]["0"]["step"] == 8
    kept, forgot = (
        train(work.learner, work.start, memory, given, KEY) for memory in (done.memory[5], work.memory_of(5))
    )
    assert not same(kept.model, forgot.model)


# Privacy


def noised(sums: dict[str, Any], key: Any) -> dict[str, Any]:
    keys = jax.random.split(key, len(sums))
    return {
        name: sums[name] + 0.1 * jax.random.normal(one, sums[name].shape)
        for name, one in zip(sorted(sums), keys, strict=True)
    }


@pytest.mark.parametrize("subjects", [0, 3])
@pytest.mark.parametrize("clip", [0.3, 100.0])
def test_rows_are_clipped_as_our_own_learner_clips_them(subjects: int, clip: float) -> None:
    """A linear softmax is the same function in both: ghost norms and PyTorch's single gradients agree."""
    theirs, ours = bound(module(net_of, rate=0.1)), linear(rate=0.1)
    rows = invented_rows(40, (6,), 4, 1, subjects)
    order = poisson(40, 0.3, 5, 3)
    weight, bias = np.ones((4, 6), np.float32) / 7, np.zeros(4, np.float32)
    start = {"1.weight": weight, "1.bias": bias}
    same_start = {"head/weight": weight.T.copy(), "head/bias": bias}
    hook = clipped(clip, 12.0, lambda sums, key: sums)
    here = train(theirs[0], start, theirs[0].remember(start), batches(rows, order), KEY, hook)
    there = train(ours, same_start, (), batches(rows, order), KEY, hook)

    assert np.allclose(here.model["1.weight"].T, there.model["head/weight"], atol=2e-6)
    assert np.allclose(here.model["1.bias"], there.model["head/bias"], atol=2e-6)
    assert not np.allclose(here.model["1.weight"], weight, atol=1e-3)


def test_a_private_cohort_is_its_members_one_by_one() -> None:
    hook = clipped(1.0, 16.0, noised)
    together = run(ROWS["pump-net"], gradient=hook)
    for member in (0, 3, 5):
        alone = run(ROWS["pump-net"], (member,), gradient=hook)
        assert same(alone.models[0], together.models[member])
    plain = run(ROWS["pump-net"])
    assert not same(plain.models[5], together.models[5])


def test_a_sample_may_be_empty_and_a_row_may_be_broken() -> None:
    one, start = bound(PUMP_NET)
    rows = invented_rows(20, (6,), 4, 1)
    hook = clipped(1.0, 4.0, lambda sums, key: sums)
    none = np.full((3, 4), -1, np.int32)
    assert same(train(one, start, one.remember(start), batches(rows, none), KEY, hook).model, start)

    x = rows.x.copy()
    x[0] = np.inf
    with_it, without = np.array([[0, 1, 2, 3]], np.int32), np.array([[1, 2, 3, -1]], np.int32)
    broken = train(one, start, one.remember(start), batches(rows._replace(x=x), with_it), KEY, hook)
    whole = train(one, start, one.remember(start), batches(rows, without), KEY, hook)
    assert same(broken.model, whole.model)


def test_layers_that_mix_rows_are_not_trained_in_private() -> None:
    made = module(lambda task: nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4)), name="mixed")
    with pytest.raises(CannotClipPerExample, match="batch normalisation '1' mixes rows"):
        run(Row(made), (0,), gradient=clipped(1.0, 16.0, noised))


# A person's mistakes


def class_of(**functions: Any) -> type:
    return type("Mine", (), functions)


@pytest.mark.parametrize(
    "own",
    [
        class_of(),
        class_of(build=lambda self, task: nn.Linear(1, 1)),
        class_of(loss=lambda self, net, x, y: 0),
    ],
)
def test_a_class_without_the_functions_is_told_how_to_write_them(own: type) -> None:
    with pytest.raises(BadLearner, match=r"Mine needs build\(task\) and either loss or train; write it like"):
        learner("mine")(own)


def test_what_is_no_network_or_says_too_little_is_refused() -> None:
    with pytest.raises(BadLearner, match=r"gives int, no torch\.nn\.Module"):
        bound(module(lambda task: 3, name="three"))
    one, start = bound(module(lambda task: nn.Linear(6, 2), name="narrow"))
    with pytest.raises(
        BadLearner, match=r"narrow says \(5, 2\) of 5 rows, not \(5, 4\): a probability for each"
    ):
        one.predict(start, np.zeros((5, 6), np.float32))
    with pytest.raises(BadLearner, match="'extra' is only in one of them"):
        one.predict({**start, "extra": start["bias"]}, np.zeros((5, 6), np.float32))
    with pytest.raises(BadLearner, match="is complex"):
        bound(module(lambda task: nn.Linear(6, 4, dtype=torch.complex64), name="complex"))


# On the ledger


@pytest.mark.parametrize("preset", ["averaging", "mutual", "relay", "secure_averaging"])
def test_a_team_learns(preset: str) -> None:
    ended = a_team_learns(PUMP_NET, preset, 0.7)
    assert ended.setting.plan.depends == ("torch>=2.4",)
    assert ended.model.predict(np.zeros((2, 4), np.float32)).shape == (2,)


def test_a_team_with_batch_norm_learns() -> None:
    a_team_learns(NORMED, "averaging", 0.6)


def test_a_team_learns_in_private() -> None:
    ended = a_team_learns(PUMP_NET, "averaging", 0.3, protect=ts.dp_sgd(epsilon=50))
    assert any("ε" in str(line) for line in ended.privacy)


def test_an_opaque_loop_is_not_private() -> None:
    scheme = ts.presets.averaging(NORMED, rounds=1, protect=ts.dp_sgd(epsilon=8))
    with pytest.raises(Unfit, match="per_example_gradients, which learner normed does not have"):
        ts.simulate(scheme, sites())


def test_the_learners_source_is_in_the_plan() -> None:
    here, other = (module(net_of, name="same"), learner("same")(OneOutput))
    assert here.source == other.source != b"", "both were written in this file"
    assert sys.modules[__name__].__file__.endswith("with_torch.py")


def test_the_page_runs(tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.chdir(tmp_path)
    assert pages.execute(torch=True) == 3
    assert "for one record (add or remove" in capsys.readouterr().out
