"""One row of a table buys the battery: a learner is the same bits alone, in company, and on every runner."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np
import pytest

from tallystick.base.measure import MEASURES
from tallystick.learning import fixed_point, models
from tallystick.learning.batches import batches, pieces, shuffled
from tallystick.learning.cohort import (
    Cohort,
    CohortResult,
    Stack,
    Work,
    gather,
    loop,
    train,
    train_one,
    train_pieces,
)
from tallystick.learning.combine import RULES
from tallystick.learning.devices import devices
from tallystick.learning.judge import Judging, judging
from tallystick.learning.learner import (
    CannotClipPerExample,
    Gradient,
    Learner,
    NotFinite,
    Rows,
    clipped,
    model_of,
    size_of,
    vector_of,
)
from tallystick.learning.posted import PostedModels
from tallystick.learning.processes import process
from tallystick.learning.scan import scan
from tallystick.learning.trees.learner import boosted_trees
from tests.learning.cohorts import COUNTS, Plan, invented_task, invented_work

pytestmark = pytest.mark.usefixtures("compiled_as_for_users")

ALL = tuple(range(len(COUNTS)))


def noised(sums: dict[str, Any], key: Any) -> dict[str, Any]:
    """Some noise, as privacy would bring it."""
    return {
        name: part + 0.1 * jax.random.normal(jax.random.fold_in(key, len(name)), part.shape)
        for name, part in sums.items()
    }


@dataclass(frozen=True)
class Row:
    """A learner with the smallest rows that it takes."""

    learner: Learner
    shape: tuple[int, ...]
    labels: int
    gradient: Gradient | None = None
    subjects: int = 0


DP = clipped(1.0, 16.0, noised)
LEARNERS = {
    "softmax": Row(models.linear(), (6,), 4),
    "line": Row(models.linear(), (6,), 0),
    "mlp-adam": Row(models.mlp(8, 8, optimiser="adam", rate=0.01), (6,), 4),
    "cnn": Row(models.cnn(4, hidden=6), (8, 8, 1), 3),
    "sensor-momentum": Row(models.sensor(4, hidden=6, optimiser="momentum"), (12, 2), 0),
    "mlp-dp": Row(models.mlp(8), (6,), 4, DP),
    "mlp-dp-subjects": Row(models.mlp(8), (6,), 4, DP, 3),
}
RUNNERS: dict[str, Any] = {
    "scan on one device": lambda: scan(devices()[:1]),
    "scan on all devices": scan,
    "loop": lambda: loop,
}


def work_of(row: Row, members: tuple[int, ...] = ALL, **more: Any) -> Work:
    return invented_work(
        row.learner, row.shape, row.labels, members, gradient=row.gradient, subjects=row.subjects, **more
    )


def same(one: CohortResult, other: CohortResult) -> bool:
    """Whether two outcomes are the same bits."""
    return (
        one.models.tobytes() == other.models.tobytes()
        and one.total.tobytes() == other.total.tobytes()
        and one.weight == other.weight
        and one.loss.tobytes() == other.loss.tobytes()
        and jax.tree.all(jax.tree.map(np.array_equal, one.memory, other.memory))
    )


@pytest.fixture(scope="module", params=LEARNERS)
def row(request) -> Row:
    return LEARNERS[request.param]


@pytest.fixture(scope="module")
def alone(row: Row) -> list[CohortResult]:
    """Each member trained as a cohort of one."""
    runner = scan(devices()[:1])
    return [runner(work_of(row, (member,))) for member in ALL]


@pytest.mark.parametrize("runner", RUNNERS.values(), ids=RUNNERS)
def test_a_cohort_is_its_members_one_by_one(row: Row, alone: list[CohortResult], runner: Any) -> None:
    together = runner()(work_of(row))

    for member, single in enumerate(alone):
        assert single.models[0].tobytes() == together.models[member].tobytes(), member
        assert single.loss[0] == together.loss[member]
        assert jax.tree.all(jax.tree.map(np.array_equal, single.memory[0], together.memory[member]))
    assert fixed_point.add(single.total for single in alone).tobytes() == together.total.tobytes()
    assert together.weight == sum(COUNTS)
    want = fixed_point.mean(together.models, COUNTS)
    assert vector_of(together.mean()).tobytes() == want.tobytes()
    assert np.isfinite(together.models).all()


def stacked(result: CohortResult) -> Stack:
    """The models of a cohort whose members have models of one shape."""
    assert isinstance(result.models, np.ndarray)
    return result.models


def test_members_may_come_in_any_order(row: Row, alone: list[CohortResult]) -> None:
    mixed = tuple(reversed(ALL))
    turned = scan()(work_of(row, mixed))

    assert turned.models.tobytes() == np.stack([stacked(alone[m])[0] for m in mixed]).tobytes()
    assert turned.total.tobytes() == fixed_point.add(single.total for single in alone).tobytes()


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_combines_every_learners_models(row: Row, alone: list[CohortResult], rule: str) -> None:
    start = vector_of(work_of(row, (0,)).start_of(0))
    models = np.stack([stacked(single)[0] for single in alone] * 2)
    posted = PostedModels(models, start, np.array(COUNTS * 2), np.arange(12.0), models[5])
    combined = RULES[rule](2)(posted)

    assert combined.shape == start.shape and np.isfinite(combined).all()
    assert np.linalg.norm(combined - start) <= np.linalg.norm(models - start, axis=1).max() * 1.001
    assert len(start) == size_of(model_of(combined, work_of(row, (0,)).like))


def test_rows_that_come_in_pieces_train_the_same_bits(row: Row) -> None:
    if row.gradient is not None:
        row = replace(row, gradient=DP)
    work = work_of(row, (5,))
    rows, order = work.cohort.members[0], np.arange(COUNTS[5], dtype=np.int32).reshape(-1, 16)
    at_once = train(
        row.learner, work.start, work.memory_of(0), batches(rows, order), work.keys[0], row.gradient
    )
    cut = [
        Rows(*(None if part is None else part[a:b] for part in rows))
        for a, b in [(0, 20), (20, 21), (21, 64)]
    ]
    in_pieces = train_pieces(
        row.learner, work.start, work.memory_of(0), pieces(cut, 16), work.keys[0], row.gradient
    )

    assert vector_of(at_once.model).tobytes() == vector_of(in_pieces.model).tobytes()
    assert jax.tree.all(jax.tree.map(np.array_equal, at_once.memory, in_pieces.memory))
    assert at_once.metrics["loss"] == pytest.approx(float(in_pieces.metrics["loss"]), rel=1e-5)


def test_a_second_training_goes_on_from_models_and_memories() -> None:
    row = LEARNERS["sensor-momentum"]
    first = scan()(work_of(row))
    second = scan()(replace(work_of(row), start=first.models, memory=first.memory))
    again = loop(replace(work_of(row), start=first.models, memory=first.memory))
    forgot = loop(replace(work_of(row), start=first.models))

    assert same(second, again)
    assert second.models.tobytes() != forgot.models.tobytes()


def test_training_learns_and_keys_matter_only_to_noise() -> None:
    plain, noisy = LEARNERS["softmax"], LEARNERS["mlp-dp"]
    done = scan()(work_of(plain))
    assert done.loss[5] < np.log(4)
    empty, start = done.models[2], vector_of(work_of(plain).start_of(2))
    assert empty.tobytes() == start.tobytes() and done.loss[2] == 0

    for row, moves in ((plain, False), (noisy, True)):
        work = work_of(row)
        other = replace(work, keys=tuple(reversed(work.keys)))
        assert (loop(work).models.tobytes() != loop(other).models.tobytes()) == moves


@pytest.mark.parametrize("runner", RUNNERS.values(), ids=RUNNERS)
def test_a_model_that_is_not_finite_is_named_and_never_added(runner: Any) -> None:
    work = work_of(LEARNERS["line"])
    x = np.array(work.cohort.members[4].x)
    x[:] = 1e20
    spoilt = tuple(Rows(x, rows.y) if m == 4 else rows for m, rows in enumerate(work.cohort.members))
    done = runner()(replace(work, cohort=Cohort(spoilt)))

    assert done.unfit == (4,)
    with pytest.raises(NotFinite, match="members 4 are not finite"):
        done.mean()
    fit = [m for m in ALL if m != 4]
    want = fixed_point.mean(done.models[fit], [COUNTS[m] for m in fit])
    assert vector_of(done.mean_of_fit()).tobytes() == want.tobytes()


@pytest.mark.parametrize("runner", RUNNERS.values(), ids=RUNNERS)
def test_what_was_not_asked_for_is_not_there(runner: Any) -> None:
    row = LEARNERS["softmax"]
    full = runner()(work_of(row))
    bare = runner()(work_of(row, models=False, weights=(1,) * len(ALL)))
    quiet = runner()(work_of(row, total=False))

    assert bare.models is None and bare.weight == len(ALL)
    assert vector_of(bare.mean()).tobytes() == fixed_point.mean(full.models, [1] * len(ALL)).tobytes()
    assert quiet.models.tobytes() == full.models.tobytes()
    with pytest.raises(ValueError, match="not asked for"):
        quiet.mean()
    with pytest.raises(fixed_point.Overflow, match="add up to 0"):
        runner()(work_of(row, (2,))).mean()


def test_batches_of_different_sizes_train_side_by_side() -> None:
    work = work_of(LEARNERS["softmax"])
    sizes = (16, 8, 8, 4, 16, 8)
    orders = tuple(shuffled(COUNTS[m], sizes[m], 1, work.keys[m]) for m in ALL)
    mixed = replace(work, orders=orders)

    assert same(scan()(mixed), loop(mixed))


def test_worker_processes_give_the_same_bits() -> None:
    work = work_of(LEARNERS["softmax"])
    with process(models.linear, workers=1) as runner:
        assert same(runner(work), loop(work))
        with pytest.raises(TypeError, match="cannot be sent"):
            runner(replace(work, gradient=lambda loss, model, batch, key: loss.mean(model, batch)))


def test_learners_whose_models_have_no_common_shape_are_looped_and_judged_but_never_added() -> None:
    base, trees = work_of(LEARNERS["softmax"], (0, 3, 5)), boosted_trees(rounds=3, least=5)
    start = trees.init(Plan(invented_task((6,), 4)), base.keys[0])
    work = replace(base, learner=trees, start=start, like={}, total=False)
    together, alone = loop(work), [train_one(work, member) for member in range(3)]

    for one, other in zip(together.models, alone, strict=True):
        assert jax.tree.all(jax.tree.map(np.array_equal, one, other.model))
    again = loop(replace(work, start=together.models))
    assert again.loss[2] < together.loss[2]
    asked = Judging(trees, together.models, {}, work.cohort, (MEASURES["accuracy"],))
    assert judging()(asked)[2, 2, 0] > 0.5
    with pytest.raises(TypeError, match="cannot be added"):
        replace(work, total=True)
    with pytest.raises(CannotClipPerExample, match="boosted-trees"):
        loop(replace(work, gradient=DP))


def test_only_learners_made_of_jax_functions_are_scanned() -> None:
    work = work_of(LEARNERS["softmax"])
    opaque = replace(work.learner, traced=False)

    with pytest.raises(TypeError, match="use another runner"):
        scan()(replace(work, learner=opaque))
    assert gather(
        replace(work, learner=opaque),
        [
            train(work.learner, work.start, (), batches(work.cohort.members[m], work.orders[m]), work.keys[m])
            for m in ALL
        ],
    ).weight == sum(COUNTS)


@pytest.mark.parametrize(
    "wrong",
    [{"keys": ()}, {"orders": ()}, {"weights": (1,)}, {"memory": ((),)}, {"start": np.zeros((2, 28))}],
)
def test_work_that_does_not_fit_its_cohort_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="6 members"):
        replace(work_of(LEARNERS["softmax"]), **wrong)
