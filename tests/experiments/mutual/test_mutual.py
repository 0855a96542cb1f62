"""What the figures of mutual rest on: who holds what, rounds without a ledger, the peers, the counting."""

from types import SimpleNamespace

import jax
import numpy as np
import pytest

from experiments.mutual import (
    attacks as mutual_attacks,
)
from experiments.mutual import (
    peers as mutual_peers,
)
from experiments.mutual import (
    team as mutual_team,
)
from experiments.mutual.rounds import Loop, local_accuracy, play
from tallystick.base.task import task
from tallystick.learning import fixed_point
from tallystick.learning.learner import Rows, vector_of
from tallystick.learning.models import linear
from tallystick.protocols.plans import plan_for
from tallystick.protocols.presets.mutual import mutual

LEARNER = linear(rate=0.5)
NUMBERS = 6


def drawn(count: int, seed: int) -> Rows:
    chance = np.random.default_rng(seed)
    y = chance.integers(0, 10, count).astype(np.int32)
    return Rows((chance.normal(size=(count, NUMBERS)) + y[:, None] / 3).astype(np.float32), y)


DATA = mutual_team.Pictures(drawn(1200, 1), drawn(300, 2))


@pytest.mark.parametrize("split", ["iid", "0.5"])
def test_every_row_has_one_holder_and_one_use(split: str) -> None:
    own = mutual_team.members(DATA, 4, 3, split)
    parts = [rows for one in own.brought.values() for rows in (one.training, one.judging)]
    held = np.concatenate([part.x for part in parts])
    assert len(held) == 1200 and len(np.unique(held, axis=0)) == 1200
    assert all(len(one.judging.y) == mutual_team.JUDGING for one in own.brought.values())
    few = mutual_team.members(DATA, 4, 3, split, rows=30)
    assert {len(one.training.y) for one in few.brought.values()} == {30} or split != "iid"


def test_a_round_as_printed_is_federated_averaging() -> None:
    own = mutual_team.members(DATA, 4, 3, "0.5")
    loop = Loop(plan_for("mutual", LEARNER, 2), own, 5, mutual(as_printed=True))
    made = loop.step()
    mean = fixed_point.mean([vector_of(one.model or {}) for one in made], [one.rows for one in made])
    np.testing.assert_array_equal(vector_of(loop.model), mean)
    assert len({one.rows for one in made}) > 1  # unequal members, or the weights would not show


def test_a_course_repeats_and_learns() -> None:
    own = mutual_team.members(DATA, 4, 3)
    one, other = (play(Loop(plan_for("mutual", LEARNER, 3), own, 5), DATA, 3) for _ in range(2))
    assert one == other
    assert len(one.test) == len(one.local) == 3
    assert one.test[-1] > 0.15  # one in ten is chance


def test_local_accuracy_is_the_mean_over_members_not_over_rows() -> None:
    own = mutual_team.members(DATA, 3, 3, "0.5")
    model = {"head/weight": np.zeros((NUMBERS, 10), np.float32), "head/bias": np.eye(10, dtype=np.float32)[0]}
    shares = [np.mean(np.concatenate([one.training.y, one.judging.y]) == 0) for one in own.brought.values()]
    assert local_accuracy(LEARNER, model, own) == pytest.approx(np.mean(shares))


def held() -> tuple[mutual_peers.Held, dict]:
    rows = [drawn(12, seed) for seed in (3, 4)]
    mask = np.ones((2, 12), np.float32)
    mask[:, 8:] = 0
    first = LEARNER.init(
        SimpleNamespace(task=task(["x"], "y", range(10), shape=(NUMBERS,))), jax.random.key(0)
    )
    return mutual_peers.Held(np.stack([r.x for r in rows]), np.stack([r.y for r in rows]), mask), first


def gradient(model: dict, rows: mutual_peers.Held) -> dict:
    """The mean over members of their mean gradients over the rows that are trained on, by hand."""
    made = []
    for x, y, mask in zip(*rows, strict=True):
        kept = mask > 0
        wrong = np.asarray(LEARNER.predict(model, x))[kept] - np.eye(10)[y[kept]]
        made.append({"head/weight": x[kept].T @ wrong / kept.sum(), "head/bias": wrong.mean(axis=0)})
    return {name: np.mean([one[name] for one in made], axis=0) for name in model}


def test_fedpage_with_large_gradients_only_is_gradient_descent() -> None:
    rows, first = held()
    step = mutual_peers.page(LEARNER, 0.1, 1, 8, 1.0)
    now, before, _ = step((first, first, first), rows, jax.random.key(1))
    slope = gradient(first, rows)
    for name in first:
        np.testing.assert_allclose(now[name], first[name] - 0.1 * slope[name], atol=1e-5)
        np.testing.assert_array_equal(before[name], first[name])


def test_fedpage_corrects_its_last_gradient_by_what_the_same_batch_says_of_both_models() -> None:
    rows, first = held()
    step = mutual_peers.page(LEARNER, 0.1, 1, 8, 0.0)  # never a large one; batches of all eight rows
    second = {name: part + 0.3 for name, part in first.items()}
    exact = gradient(first, rows)
    _, _, kept = step((second, first, exact), rows, jax.random.key(1))
    slope = gradient(second, rows)
    for name in first:
        np.testing.assert_allclose(kept[name], slope[name], atol=1e-5)


def test_overlap_takes_the_step_that_was_trained_a_round_ago() -> None:
    rows, first = held()
    step = mutual_peers.overlap(LEARNER, 0.1, 1, 8, 0.0, 0.0)
    second = {name: part + 0.3 for name, part in first.items()}
    nothing = {name: np.zeros_like(part) for name, part in first.items()}
    now, stale, _ = step((second, first, nothing), rows, jax.random.key(1))
    slope = gradient(first, rows)
    for name in first:
        np.testing.assert_allclose(now[name], second[name] - 0.1 * slope[name], atol=1e-5)
        np.testing.assert_array_equal(stale[name], second[name])


def test_what_the_malicious_were_paid_and_who_was_dropped() -> None:
    one = {"ill": ["d"], "gone": ["d", "a"], "paid": {"a": 10, "b": 40, "c": 40, "d": 30}}
    assert mutual_attacks.share(one) == pytest.approx(1.0)
    assert mutual_attacks.share({**one, "paid": dict.fromkeys("abcd", 0)}) == 0
    assert mutual_attacks.gone([one]) == "dropped: 1 of 1 malicious and 1 others"
