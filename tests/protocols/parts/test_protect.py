"""Protection: what is charged is what the hook carries out, within the range and the budget."""

from dataclasses import replace

import jax
import numpy as np
import pytest
from msgspec import structs

from tallystick.base.events import Gaussian, SubsampledGaussian, Unaccounted, scaled, within
from tallystick.learning.learner import Batch, Loss, Rows, take
from tallystick.learning.learner import Batches as Given
from tallystick.ledger.budgets import curves as privacy_cost
from tallystick.privacy.accounting import total
from tallystick.privacy.randomness import seeded
from tallystick.protocols.parts.protect import dp_sgd, noised_update, per_hop, printed_laplace
from tallystick.protocols.parts.share import train_model
from tallystick.protocols.vocabulary import Holding, Unfit
from tallystick.simulation.setting import BUDGET
from tests.protocols.bench import ROWS, bench, job, ran, rows, said, small

DP = dp_sgd(8, 1e-5, rounds=2, smallest=250)
ASKED = {"protect": "dp_sgd", "epsilon": 8, "delta": 1e-5, "rounds": 2, "least_rows": 250}


def test_all_rounds_together_stay_within_what_was_asked_and_hardly_below():
    for protect, rounds in ((DP, 2), (per_hop(8, 1e-5, rounds=3), 3)):
        spent = total([scaled(protect.rule.most, rounds)], 1e-5, "record", "ledger").epsilon
        assert 7.8 < spent <= 8


def test_a_run_charges_each_opened_phase_its_curve(tmp_path):
    ended = ran(small("averaging", **ASKED), tmp_path)
    assert ended.progress.stage == "settled"
    charged: dict[str, list[int]] = {}
    for notice in said(ended, "PrivacyCharged"):
        charged.setdefault(notice.lineage, []).append(notice.epsilon_nano)
    one = privacy_cost.curve(DP.rule.most)
    wanted = [privacy_cost.epsilon(privacy_cost.times(one, n), BUDGET.delta_e12) for n in (1, 2)]
    assert list(charged.values()) == [wanted] * 5
    assert ended.record is not None
    assert ended.record.uncharged == ()


def test_a_budget_that_does_not_hold_all_rounds_is_refused(tmp_path):
    asked = total([scaled(DP.rule.most, 2)], 1e-5, "record", "ledger").epsilon
    enough, short = (
        structs.replace(BUDGET, epsilon_nano=int(asked * share * 10**9)) for share in (1.001, 0.99)
    )
    assert ran(small("averaging", **ASKED), tmp_path / "held", budget=enough).record is not None
    with pytest.raises(ValueError, match="refused"):
        ran(small("averaging", **ASKED), tmp_path / "over", budget=short)


def test_one_who_asks_for_what_the_budget_does_not_protect_is_refused(tmp_path):
    with pytest.raises(ValueError, match="protects a member, the budget protects a record"):
        ran(small("averaging", protect="noised_update", epsilon=8, bound=1.0), tmp_path)


def test_samples_are_poisson_at_no_more_than_the_charged_rate():
    protect = dp_sgd(8, 1e-5, rounds=1, smallest=100, batch=20, steps=400)
    for count in (50, 100, 400):
        given = Rows(np.zeros((count, 1), np.float32), np.zeros(count, np.int32))
        order = protect.order(protect.rule.most, given, seeded(count))
        sizes = (order >= 0).sum(axis=1)
        assert len(order) == 400
        # The smaller member draws at the charged rate, the larger at the hook's batch size.
        assert sizes.mean() == pytest.approx(min(20, count / 5), rel=0.1)
        assert sizes.std() > 1
        assert all(len(set(line[line >= 0])) == (line >= 0).sum() for line in order)


def test_a_members_own_choice_is_what_it_carries_out():
    protect = dp_sgd(8, 1e-5, rounds=1, smallest=250, noisier=4)
    most = protect.rule.most
    quieter = SubsampledGaussian(most.rate_nano // 2, protect.rule.least.sigma_milli, most.steps - 1)
    assert protect.chosen(None) == structs.replace(most, sigma_milli=protect.rule.least.sigma_milli)
    assert protect.chosen(quieter) == quieter
    assert protect.hook(quieter, True) is not protect.hook(most, True)
    assert protect.hook(quieter, True) is protect.hook(quieter, True)  # a program is compiled for each
    order = protect.order(quieter, rows(0), seeded(1))
    assert len(order) == quieter.steps
    for beyond in (
        structs.replace(quieter, sigma_milli=quieter.sigma_milli - 1),
        structs.replace(quieter, rate_nano=most.rate_nano + 1),
        Gaussian(1000, 1),
    ):
        with pytest.raises(Unfit, match="outside the range"):
            protect.chosen(beyond)


def test_members_with_different_noise_train_in_one_batch():
    protect = dp_sgd(8, 1e-5, rounds=1, smallest=250, noisier=100)
    noisy = protect.rule.most

    def made(*events):
        jobs = [
            job(n, secret=bytes([n]) * 32, holding=Holding(*ROWS[n], event=event))
            for n, event in enumerate(events)
        ]
        start = jobs[0].start
        jobs = [replace(one, start=start) for one in jobs]
        return [one.model for one in train_model(protect).serve(bench(), jobs)]

    both, alone = made(None, noisy, None), made(noisy, noisy, noisy)
    distance = [np.linalg.norm(model[sorted(model)[-1]]) for model in both]
    assert distance[1] > 10 * max(distance[0], distance[2])
    assert all(np.array_equal(both[1][name], alone[1][name]) for name in both[1])


def test_subjects_are_sampled_and_clipped_together_and_records_are_not():
    x, y = np.zeros((60, 1), np.float32), np.zeros(60, np.int32)
    named = Rows(x, y, np.repeat(np.arange(20) * 7, 3).astype(np.int32))
    subjects = dp_sgd(8, 1e-5, rounds=1, smallest=20, batch=5, steps=50, protects="subject")
    order = subjects.order(subjects.rule.most, named, seeded(3))
    for line in order:
        drawn = line[line >= 0]
        assert len(drawn) == 3 * len(set(drawn // 3))
    assert subjects.rows(named).subject is not None
    # Clipping a subject's rows together would double what one record can change.
    assert DP.rows(named).subject is None
    with pytest.raises(Unfit, match="whose"):
        subjects.rows(Rows(x, y))


def test_a_hop_takes_all_rows_in_every_step():
    protect = per_hop(20, 1e-5, rounds=1, steps=3)
    order = protect.order(protect.rule.most, rows(0), seeded(1))
    assert len(order) == 3
    for line in order:
        assert sorted(line[line >= 0]) == list(range(len(rows(0).y)))


def no_gradient(model, batch, clip=None):
    """A loss without a slope: what is left of a step is its noise."""
    return jax.numpy.float32(0), {"w": jax.numpy.zeros(20_000)}


NO_GRADIENT = Loss(mean=no_gradient, clipped_sum=no_gradient)


@pytest.mark.parametrize("simulated", [True, False])
@pytest.mark.parametrize(
    ("protect", "over"),
    [
        (per_hop(1, 1e-5, rounds=1, steps=1, clip=0.5), 64),
        (per_hop(1, 1e-5, rounds=1, steps=1, clip=0.5, usual=200), 200),
        (dp_sgd(1, 1e-5, rounds=1, smallest=250, batch=25, clip=0.5), 25),
    ],
    ids=["hop", "hop of a usual size", "dp_sgd"],
)
def test_noise_is_what_its_event_says(protect, over, simulated):
    """Sigma times the clip, over all rows at a hop and over the expected sample in DP-SGD."""
    batch = take(Given(Rows(*(part[:64] for part in rows(0)[:2])), np.arange(64)[None], 1), 0)
    hook = protect.hook(protect.rule.most, simulated)
    one, other = (np.asarray(hook(NO_GRADIENT, {}, batch, jax.random.key(key))[1]["w"]) for key in (1, 2))
    wanted = protect.rule.most.sigma_milli / 1000 * 0.5 / over
    assert [one.std(), other.std()] == pytest.approx([wanted, wanted], rel=0.03)
    assert not np.array_equal(one, other)


def test_printed_noise_is_the_mean_of_laplace_draws_and_promises_nothing():
    protect = printed_laplace(10, clip=2.0)
    assert isinstance(protect.rule.most, Unaccounted)
    assert "no formal guarantee" in protect.rule.most.note

    for count in (1, 25):
        batch = Batch(None, None, jax.numpy.ones(count), None)
        _, noised = protect.hook(protect.rule.most, True)(NO_GRADIENT, {}, batch, jax.random.key(0))
        noise = np.asarray(noised["w"])
        assert noise.std() == pytest.approx(2.0 / 10 * np.sqrt(2 / count), rel=0.05)
        # Laplace has excess kurtosis 3, a mean of n of them 3 / n.
        assert ((noise / noise.std()) ** 4).mean() - 3 == pytest.approx(3 / count, abs=0.5)


def test_an_update_is_clipped_before_it_is_noised():
    protect = noised_update(1e4, 1e-5, rounds=1, bound=1.0)
    start = np.zeros(50, np.float32)
    released = protect.update(protect.rule.most, start, start + 100, seeded(1))
    assert np.linalg.norm(released) < 2
    assert protect.rule.protects == "member"


def test_noise_repeats_in_simulations_alone():
    done = []
    for simulated in (True, True, False, False):
        one = job(0, secret=b"k" * 32)
        (made,) = train_model(DP).serve(replace(bench(), simulated=simulated), [one])
        done.append(np.concatenate([part.ravel() for part in made.model.values()]))
    assert np.array_equal(done[0], done[1])
    assert not np.array_equal(done[2], done[3])


@pytest.mark.parametrize("wrong", [{"batch": 300}, {"rounds": 0}, {"noisier": 0}, {"steps": -1}])
def test_settings_that_make_no_training_are_refused(wrong):
    with pytest.raises(Unfit):
        dp_sgd(8, 1e-5, **{"rounds": 2, "smallest": 250, **wrong})


def test_its_range_is_one_that_the_ledger_takes():
    for protect in (DP, dp_sgd(8, 1e-5, rounds=2, smallest=250, noisier=9), per_hop(9, 1e-6, rounds=2)):
        assert within(protect.rule.least, protect.rule.least, protect.rule.most)
