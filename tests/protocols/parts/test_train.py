"""Training as cohorts: who trains together, from what, in which order, and whose noise comes on top."""

from __future__ import annotations

import numpy as np
import pytest

from tallystick.base.events import Gaussian
from tallystick.learning.learner import plain
from tallystick.ledger.rules import EventRule
from tallystick.protocols.parts.protect import Protection
from tallystick.protocols.parts.train import train, words_for
from tallystick.protocols.vocabulary import Unfit
from tests.protocols.batches import Written, bench, job, model


def other(loss, model, batch, key):  # a second hook
    return plain(loss, model, batch, key)


QUIET, LOUD = Gaussian(1_000, 1), Gaussian(2_000, 1)


def protection(**more) -> Protection:
    return Protection(EventRule("record", QUIET, LOUD), lambda event, simulated: plain, **more)


def test_members_with_one_hook_train_together_and_products_come_in_the_order_of_jobs():
    runner = Written()
    jobs = [job(name, rows, gradient=hook)
            for name, rows, hook in (("ada", 1, None), ("bob", 2, other), ("cleo", 3, None))]  # fmt: skip
    made = train(bench(runner), jobs, [each.start for each in jobs])
    assert [work.cohort.counts for work in runner.works] == [(1, 3), (2,)]
    assert [work.gradient for work in runner.works] == [None, other]
    assert [(product.rows, product.model["w"].tolist()) for product in made] == [
        (1, [1, 1]), (2, [2, 2]), (3, [3, 3]),
    ]  # fmt: skip


def test_all_start_from_one_model_or_each_from_its_own():
    runner, start = Written(), model(5, 5)
    jobs = [job("ada", 1), job("bob", 2)]
    train(bench(runner), jobs, [start, start])
    made = train(bench(runner), jobs, [start, model(7, 8)])
    assert runner.works[0].start is start
    assert np.asarray(runner.works[1].start).tolist() == [[5, 5], [7, 8]]
    assert made[1].model["w"].tolist() == [9, 10]


def test_memories_go_in_and_come_out_only_where_all_have_one():
    runner = Written()
    jobs = [job("ada", memory="a"), job("bob", memory="b")]
    assert [p.memory for p in train(bench(runner), jobs, [j.start for j in jobs])] == ["after a", "after b"]
    jobs = [job("ada", memory="a"), job("bob")]
    train(bench(runner), jobs, [j.start for j in jobs])
    assert runner.works[-1].memory is None


def test_a_training_is_drawn_for_one_secret_member_and_round():
    runner = Written()
    jobs = [job(), job(), job(secret=b"x"), job("bob", secret=b"ada"), job(round=2)]
    for each in jobs:
        train(bench(runner), [each], [each.start])
    keys = [work.keys[0].tobytes() for work in runner.works]
    assert keys[0] == keys[1] and len(set(keys)) == 4
    assert (runner.works[0].orders[0] == runner.works[1].orders[0]).all()


def test_noise_on_an_update_comes_after_training_and_is_of_the_members_own_event():
    def noised(event, start, trained, words):
        return trained + np.float32(event.sigma_milli)

    jobs = [job("ada", 1), job("bob", 2, event=LOUD)]
    made = train(bench(Written()), jobs, [j.start for j in jobs], protection(update=noised))
    assert [product.model["w"].tolist() for product in made] == [[1_001, 1_001], [2_002, 2_002]]
    beyond = [job("ada", event=Gaussian(2_001, 1))]
    with pytest.raises(Unfit, match="outside the range"):
        train(bench(Written()), beyond, [beyond[0].start], protection(update=noised))


def test_a_protections_order_takes_the_place_of_shuffled_epochs():
    drawn = []

    def order(event, rows, words):
        drawn.append((event, len(rows.y), words(2).tolist()))
        return np.zeros((3, 1), np.int32)

    runner, jobs = Written(), [job("ada", 1), job("bob", 2)]
    train(bench(runner), jobs, [j.start for j in jobs], protection(order=order))
    assert [each.shape for each in runner.works[0].orders] == [(3, 1)] * 2
    assert [(event, rows) for event, rows, _ in drawn] == [(QUIET, 1), (QUIET, 2)]
    assert drawn[0][2] != drawn[1][2]  # from each one's own secret
    train(bench(runner), jobs, [j.start for j in jobs])
    assert [each.shape for each in runner.works[1].orders] == [(1, 4)] * 2


def test_words_repeat_in_a_simulation_and_nowhere_else():
    simulated, served = bench(Written()), bench(Written(), simulated=False)

    def drawn(tools, purpose="update", **more):
        return words_for(tools, job(**more), purpose)(4).tolist()

    assert drawn(simulated) == drawn(simulated) != drawn(simulated, "order")
    assert drawn(simulated) != drawn(simulated, secret=b"another")
    assert drawn(served) != drawn(served)
