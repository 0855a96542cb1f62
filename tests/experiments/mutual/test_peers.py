"""The two algorithms beside which fig. 7 stands, against gradients by hand."""

from types import SimpleNamespace

import jax
import numpy as np

from experiments.mutual.peers import Held, overlap, page
from tallystick.base.task import task
from tests.experiments.mutual.drawn_rows import LEARNER, NUMBERS, drawn


def held() -> tuple[Held, dict]:
    rows = [drawn(12, seed) for seed in (3, 4)]
    mask = np.ones((2, 12), np.float32)
    mask[:, 8:] = 0
    first = LEARNER.init(
        SimpleNamespace(task=task(["x"], "y", range(10), shape=(NUMBERS,))), jax.random.key(0)
    )
    return Held(np.stack([r.x for r in rows]), np.stack([r.y for r in rows]), mask), first


def gradient(model: dict, rows: Held) -> dict:
    """The mean over members of their mean gradients over the rows that are trained on, by hand."""
    made = []
    for x, y, mask in zip(*rows, strict=True):
        kept = mask > 0
        wrong = np.asarray(LEARNER.predict(model, x))[kept] - np.eye(10)[y[kept]]
        made.append({"head/weight": x[kept].T @ wrong / kept.sum(), "head/bias": wrong.mean(axis=0)})
    return {name: np.mean([one[name] for one in made], axis=0) for name in model}


def test_fedpage_with_large_gradients_only_is_gradient_descent() -> None:
    rows, first = held()
    step = page(LEARNER, 0.1, 1, 8, 1.0)
    now, before, _ = step((first, first, first), rows, jax.random.key(1))
    slope = gradient(first, rows)
    for name in first:
        np.testing.assert_allclose(now[name], first[name] - 0.1 * slope[name], atol=1e-5)
        np.testing.assert_array_equal(before[name], first[name])


def test_fedpage_corrects_its_last_gradient_by_what_the_same_batch_says_of_both_models() -> None:
    rows, first = held()
    step = page(LEARNER, 0.1, 1, 8, 0.0)  # never a large one; batches of all eight rows
    second = {name: part + 0.3 for name, part in first.items()}
    exact = gradient(first, rows)
    _, _, kept = step((second, first, exact), rows, jax.random.key(1))
    slope = gradient(second, rows)
    for name in first:
        np.testing.assert_allclose(kept[name], slope[name], atol=1e-5)


def test_overlap_takes_the_step_that_was_trained_a_round_ago() -> None:
    rows, first = held()
    step = overlap(LEARNER, 0.1, 1, 8, 0.0, 0.0)
    second = {name: part + 0.3 for name, part in first.items()}
    nothing = {name: np.zeros_like(part) for name, part in first.items()}
    now, stale, _ = step((second, first, nothing), rows, jax.random.key(1))
    slope = gradient(first, rows)
    for name in first:
        np.testing.assert_allclose(now[name], second[name] - 0.1 * slope[name], atol=1e-5)
        np.testing.assert_array_equal(stale[name], second[name])
