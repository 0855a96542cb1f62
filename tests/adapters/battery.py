"""What every adapter is put through: the same bits alone and in company, in any order, to bytes and back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np
import pytest

import tallystick as ts
from tallystick.data.table import Table
from tallystick.learning import fixed_point, payload
from tallystick.learning.cohort import Cohort, CohortResult, Work, loop, train_one
from tallystick.learning.learner import CannotClipPerExample, Learner, NotFinite, Rows, clipped, vector_of
from tests.learning.cohorts import COUNTS, invented_task, invented_work

ALL = tuple(range(len(COUNTS)))
HEADER = payload.PayloadHeader("site-a", "request-1", 3, "0" * 64)
EMPTY, SINGLE, LARGEST = 2, 3, 5


@dataclass(frozen=True)
class Row:
    """A learner with the smallest rows that it takes."""

    learner: Learner
    shape: tuple[int, ...] = (6,)
    labels: int = 4
    loss: bool = True  # whether it tells one


def work_of(row: Row, members: tuple[int, ...] = ALL, **more: Any) -> Work:
    learner = row.learner.on(invented_task(row.shape, row.labels))
    total = {"total": learner.capabilities.parameters}
    return invented_work(learner, row.shape, row.labels, members, **(total | more))


def same(one: Any, other: Any) -> bool:
    """Whether two trees of arrays are the same bits."""
    return jax.tree.all(
        jax.tree.map(lambda a, b: np.asarray(a).tobytes() == np.asarray(b).tobytes(), one, other)
    )


def run(row: Row, members: tuple[int, ...] = ALL, **more: Any) -> CohortResult:
    return loop(work_of(row, members, **more))


def a_cohort_is_its_members_one_by_one(row: Row) -> None:
    together = run(row)
    alone = [run(row, (member,)) for member in ALL]

    for member, single in enumerate(alone):
        assert same(single.models[0], together.models[member]), member
        assert same(single.memory[0], together.memory[member])
        assert same(single.loss[0], together.loss[member])
    if row.learner.capabilities.parameters:
        assert fixed_point.add(single.total for single in alone).tobytes() == together.total.tobytes()
        assert np.isfinite(vector_of(together.mean())).all()


def members_may_come_in_any_order(row: Row) -> None:
    mixed = tuple(reversed(ALL))
    together, turned = run(row), run(row, mixed)

    for place, member in enumerate(mixed):
        assert same(turned.models[place], together.models[member])
    if row.learner.capabilities.parameters:
        assert turned.total.tobytes() == together.total.tobytes()


def an_empty_member_leaves_the_model_and_a_single_row_trains_it(row: Row) -> None:
    work = work_of(row)
    done = [train_one(work, member) for member in ALL]
    start = work.start

    assert same(done[EMPTY].model, start) and done[EMPTY].metrics["loss"] == 0
    assert not same(done[SINGLE].model, start) and not same(done[LARGEST].model, start)
    if row.loss:
        assert np.isfinite(done[SINGLE].metrics["loss"])


def a_second_training_goes_on_and_remembers(row: Row) -> None:
    first = run(row)
    work = replace(work_of(row), start=first.models, memory=first.memory)
    second, again = loop(work), loop(work)

    assert same(second.models, again.models) and same(second.memory, again.memory)
    for member in (0, LARGEST):
        assert not same(second.models[member], first.models[member]) or not row.learner.capabilities.continues


def the_process_keeps_its_own_chance(row: Row) -> None:
    np.random.seed(3)
    before = _chance()
    run(row, (0,))
    assert _chance() == before


def _chance() -> bytes:
    state = np.random.get_state(legacy=False)
    assert isinstance(state, dict)
    return bytes(state["state"]["key"].tobytes())


def models_go_to_bytes_and_back(row: Row) -> None:
    work = work_of(row)
    model = train_one(work, LARGEST).model
    data = payload.encode(HEADER, model)
    _, back = payload.decode(data, payload.specs_of(work.start_of(LARGEST)))

    assert same({name: back[name] for name in model}, dict(model))
    if work.learner.capabilities.predictions:
        x = work.cohort.members[0].x
        assert same(work.learner.predict(back, x), work.learner.predict(model, x))


def predictions_have_the_form_of_the_task(row: Row) -> None:
    work = work_of(row)
    model = train_one(work, LARGEST).model
    rows = work.cohort.members[LARGEST]
    said = np.asarray(work.learner.predict(model, rows.x))

    assert said.shape == ((64, row.labels) if row.labels else (64,))
    if row.labels:
        assert said.min() >= 0 and np.allclose(said.sum(axis=1), 1, atol=1e-5)
        assert (said.argmax(axis=1) == rows.y).mean() > 0.4
    none = np.asarray(work.learner.predict(model, rows.x[:0]))
    assert len(none) == 0


def rows_that_are_not_finite_are_named_and_never_added(row: Row) -> None:
    for value in (np.nan, 1e30):
        work = work_of(row)
        x = np.array(work.cohort.members[4].x)
        x[5] = value
        spoilt = tuple(Rows(x, one.y) if m == 4 else one for m, one in enumerate(work.cohort.members))
        broken = replace(work, cohort=Cohort(spoilt))
        if not row.learner.capabilities.parameters:
            if value != value:
                with pytest.raises(NotFinite, match="rows of a member"):
                    loop(broken)
            continue
        done = loop(broken)
        assert done.unfit == (4,) or value == value
        if done.unfit:
            with pytest.raises(NotFinite, match="members 4 are not finite"):
                done.mean()


def what_it_cannot_do_it_refuses(row: Row) -> None:
    able, hook = row.learner.capabilities, clipped(1.0, 16.0, lambda sums, key: sums)
    if not able.per_example_gradients:
        with pytest.raises(CannotClipPerExample, match="clip and noise its whole update"):
            run(row, (0,), gradient=hook)
    if not able.parameters:
        with pytest.raises(TypeError, match="cannot be added"):
            run(row, (0,), total=True)
    with pytest.raises(ValueError, match="has not been told its task"):
        row.learner.predict({}, np.zeros((1, 6)))


BATTERY = {
    check.__name__: check
    for check in (
        a_cohort_is_its_members_one_by_one,
        members_may_come_in_any_order,
        an_empty_member_leaves_the_model_and_a_single_row_trains_it,
        a_second_training_goes_on_and_remembers,
        the_process_keeps_its_own_chance,
        models_go_to_bytes_and_back,
        predictions_have_the_form_of_the_task,
        rows_that_are_not_finite_are_named_and_never_added,
        what_it_cannot_do_it_refuses,
    )
}


def sites(labels: int = 3) -> Any:
    """Five sites with rows from which three labels, or a number, can be told."""
    chance = np.random.default_rng(1)
    count = 600
    x = chance.normal(size=(count, 4))
    signal = x @ np.array([1.0, -2.0, 0.5, 0.0])
    target = np.digitize(signal, [-1, 1]) if labels else signal + chance.normal(0, 0.1, count)
    columns = {f"c{number}": x[:, number] for number in range(4)}
    table = Table({**columns, "aim": target, "site": np.arange(count) % 5})
    task = ts.Task([*columns], target="aim", labels=range(labels))
    return ts.members_of(table, task, by="site", judging=0.4)


def a_team_learns(learner: Learner, preset: str, least: float, **more: Any) -> Any:
    """A request from registration to settlement on the embedded ledger, and its export executed again."""
    scheme = getattr(ts.presets, preset)(learner, rounds=3, epochs=2, batch=16, **more)
    ended = ts.simulate(scheme, sites(), compare=False)

    assert ended.outcome.startswith("settled"), ended.outcome
    assert ended.score > least, ended.score
    assert ended.verify().sound
    return ended
