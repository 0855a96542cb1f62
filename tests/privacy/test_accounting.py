"""Totals against dp-accounting and the ledger, noise for a wanted total, budgets."""

import math
import random

import dp_accounting
import pytest
from dp_accounting.pld import PLDAccountant

from tallystick.base.events import BadEvent, Event, Gaussian, Laplace, Pure, SubsampledGaussian, Unaccounted
from tallystick.ledger.budgets import curves as privacy_cost
from tallystick.privacy.accounting import (
    LEDGER_ORDERS,
    BudgetExceeded,
    LineageBudget,
    epsilon_for,
    peer_event,
    pure_renyi,
    scale_for,
    sigma_for,
    total,
)

NANO = 10**9
CHANCE = random.Random(2024)
SETTINGS = [
    *[Gaussian(CHANCE.randint(800, 5000), CHANCE.randint(1, 20)) for _ in range(6)],
    *[Laplace(CHANCE.randint(1000, 9000), CHANCE.randint(1, 40)) for _ in range(6)],
    *[
        SubsampledGaussian(CHANCE.randint(10**6, 10**8), CHANCE.randint(700, 3000), CHANCE.randint(50, 2000))
        for _ in range(8)
    ],
]


def ledger_epsilon(events: list[Event], delta: float) -> float:
    """What the ledger itself charges."""
    curve = privacy_cost.ZERO
    for event in events:
        curve = privacy_cost.add(curve, privacy_cost.curve(event))
    return privacy_cost.epsilon(curve, round(delta * 1e12)) / NANO


@pytest.mark.parametrize("event", SETTINGS, ids=str)
def test_twenty_settings_equal_dp_accounting(event: Event) -> None:
    """Its privacy loss distribution, called directly."""
    match event:
        case Gaussian(sigma, steps):
            one: dp_accounting.DpEvent = dp_accounting.GaussianDpEvent(sigma / 1000)
        case Laplace(scale, steps):
            one = dp_accounting.LaplaceDpEvent(scale / 1000)
        case SubsampledGaussian(rate, sigma, steps):
            noise = dp_accounting.GaussianDpEvent(sigma / 1000)
            one = dp_accounting.PoissonSampledDpEvent(rate / NANO, noise)
    direct = PLDAccountant().compose(dp_accounting.SelfComposedDpEvent(one, steps)).get_epsilon(1e-5)

    cost = total([event], 1e-5, "record")
    assert cost.epsilon == pytest.approx(direct, rel=1e-9)
    assert "distribution" in cost.accountant


@pytest.mark.parametrize("seed", range(15))
def test_the_tight_figure_is_never_above_the_ledgers(seed: int) -> None:
    """Random mixtures of everything that has a curve; the ledger figure computed here covers the ledger's."""
    chance = random.Random(seed)
    kinds: list[Event] = [
        Gaussian(round(10 ** chance.uniform(2.5, 5)), chance.randint(1, 50)),
        Laplace(round(10 ** chance.uniform(3, 5)), chance.randint(1, 50)),
        SubsampledGaussian(round(10 ** chance.uniform(5, 8.5)), round(10 ** chance.uniform(2.7, 4)), 200),
        Pure(round(10 ** chance.uniform(6, 9.5)), chance.randint(1, 30)),
    ]
    events = chance.sample(kinds, chance.randint(1, 4))
    delta = 10.0 ** -chance.randint(4, 8)
    ledger = ledger_epsilon(events, delta)

    assert total(events, delta, "member").epsilon <= ledger
    ours = total(events, delta, "member", "ledger").epsilon
    assert ledger <= ours <= ledger * (1 + 1e-9) + 2e-5


def test_the_orders_are_the_ledgers() -> None:
    """Restated here, because the ledger is not imported."""
    assert LEDGER_ORDERS == privacy_cost.ORDERS


def test_a_known_total_prints_with_unit_and_accountant() -> None:
    """baselines: 9.25 by the distribution, 10.08 at the ledger's orders."""
    run = [SubsampledGaussian(64_000_000, 1420, 1280)]

    assert str(total(run, 1e-5, "record")) == (
        "ε = 9.254 at δ = 1e-05 for one record (add or remove one), "
        "by dp-accounting's privacy loss distribution"
    )
    assert total(run, 1e-5, "record", "ledger").epsilon == pytest.approx(10.0809, abs=1e-3)
    assert total([], 1e-5, "subject").epsilon == 0.0


def test_pure_composition_by_hand() -> None:
    """Two pure steps of 0.5 cannot cost more than 1, nor less than the advanced bound at delta 0 allows."""
    assert 0.99 < total([Pure(NANO // 2, 2)], 1e-12, "record").epsilon <= 1.0002
    assert pure_renyi(1.0, 2) == pytest.approx(math.log((math.e**2 + math.e**-1) / (1 + math.e)))
    assert pure_renyi(50.0, 64) <= 50.0


def test_unknown_events_and_settings_are_refused() -> None:
    """Nothing is guessed."""
    with pytest.raises(BadEvent):
        total(["gaussian"], 1e-5, "record")  # type: ignore[list-item]
    with pytest.raises(BadEvent):
        total([Gaussian(1, 1)], 1e-5, "record")
    with pytest.raises(BadEvent):
        peer_event(Unaccounted("nothing"))
    for delta, protects in ((0.0, "record"), (1.0, "record"), (1e-5, "row")):
        with pytest.raises(ValueError, match="delta"):
            total([], delta, protects)  # type: ignore[arg-type]


def test_calibrated_noise_is_the_least_that_fits() -> None:
    """One thousandth less would not."""
    sampled = sigma_for(8.0, 1e-5, steps=100, rate_nano=20_000_000)
    at = [ledger_epsilon([SubsampledGaussian(20_000_000, s, 100)], 1e-5) for s in (sampled - 1, sampled)]
    assert at[0] > 8.0 >= at[1]
    tight = sigma_for(3.0, 1e-5, steps=9, figure="tight")
    at = [total([Gaussian(s, 9)], 1e-5, "record").epsilon for s in (tight - 1, tight)]
    assert at[0] > 3.0 >= at[1]
    assert tight < sigma_for(3.0, 1e-5, steps=9)
    sigma = sigma_for(2.0, 1e-6, steps=3)
    assert ledger_epsilon([Gaussian(sigma, 3)], 1e-6) <= 2.0 < ledger_epsilon([Gaussian(sigma - 2, 3)], 1e-6)
    scale = scale_for(5.0, 1e-5, steps=10)
    assert ledger_epsilon([Laplace(scale, 10)], 1e-5) <= 5.0 < ledger_epsilon([Laplace(scale - 2, 10)], 1e-5)
    nano = epsilon_for(5.0, 1e-5, steps=10)
    assert ledger_epsilon([Pure(nano, 10)], 1e-5) <= 5.0 < ledger_epsilon([Pure(nano + 10**4, 10)], 1e-5)
    with pytest.raises(ValueError, match="no noise within"):
        sigma_for(0.01, 1e-5, steps=10**7)


def test_a_budget_says_what_is_left_and_refuses_more() -> None:
    """Spent round by round until nothing fits; the ledger agrees at every step."""
    budget = LineageBudget(3.0, 1e-5, "record")
    step = SubsampledGaussian(20_000_000, 1200, 50)
    times = budget.times_left(step)
    for done in range(times):
        assert budget.times_left(step) == times - done
        before = budget.left()
        budget = budget.after(step)
        assert budget.left() < before
    assert times > 3
    assert ledger_epsilon(list(budget.spent), 1e-5) <= 3.0 < ledger_epsilon([*budget.spent, step], 1e-5)
    assert budget.total("tight").epsilon < budget.total().epsilon
    assert 0.0 < budget.left() < budget.left("tight")
    with pytest.raises(BudgetExceeded, match=r"protects record\) is left; ask for 0"):
        budget.after(step)
    with pytest.raises(BudgetExceeded):
        budget.after(Unaccounted("printed noise"))
    assert budget.times_left(Unaccounted("printed noise")) == 0


def test_a_budget_must_be_one() -> None:
    """Infinite or negative epsilon, no delta."""
    for epsilon, delta in ((0.0, 1e-5), (math.inf, 1e-5), (math.nan, 1e-5), (1.0, 0.0)):
        with pytest.raises(ValueError, match=r"budget|delta"):
            LineageBudget(epsilon, delta, "record")
