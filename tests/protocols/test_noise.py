"""Noise by settings: the same parts as by hand, calibrated to all rounds together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tallystick.protocols import noise
from tallystick.protocols.parts import protect as parts
from tallystick.protocols.settings import PlanSettings
from tallystick.protocols.vocabulary import Unfit

PLAIN = PlanSettings(rounds=3, least_rows=250, epsilon=8.0)


def rule(batch: int = 32, **settings: Any) -> Any:
    made = noise.protection(replace(PLAIN, **settings), batch)
    return None if made is None else made.rule


def test_settings_are_the_parts_arguments() -> None:
    assert rule() is None
    assert rule(protect="dp_sgd") == parts.dp_sgd(8, 1e-5, rounds=3, smallest=250).rule
    assert rule(protect="dp_sgd", steps=4, noisier=3, protects="subject") == (
        parts.dp_sgd(8, 1e-5, rounds=3, smallest=250, steps=4, noisier=3, protects="subject").rule
    )
    assert rule(protect="per_hop", usual=9) == parts.per_hop(8, 1e-5, rounds=3, usual=9).rule
    assert rule(protect="noised_update") == parts.noised_update(8, 1e-5, rounds=3, bound=1.0).rule
    assert rule(protect="printed_laplace", clip=2.0) == parts.printed_laplace(8, 2.0).rule


def test_no_batch_is_larger_than_the_smallest_member() -> None:
    assert rule(300, protect="dp_sgd") == parts.dp_sgd(8, 1e-5, rounds=3, smallest=250, batch=250).rule


def test_more_rounds_take_more_noise() -> None:
    few, many = (rule(protect="dp_sgd", rounds=rounds).most for rounds in (3, 30))
    assert many.sigma_milli > few.sigma_milli


def test_what_a_person_asks_for_becomes_settings() -> None:
    assert noise.dp_sgd(8, protects="subject", steps=4).asked == {
        "protect": "dp_sgd", "epsilon": 8, "delta": 1e-5, "protects": "subject", "steps": 4,
    }  # fmt: skip
    assert noise.noised_update(8, bound=0.5).asked["bound"] == 0.5
    assert "protects" not in noise.per_hop(8).asked
    assert noise.printed_laplace(10, 2.0).asked["clip"] == 2.0


def test_the_release_is_the_leaders() -> None:
    assert noise.release(PLAIN) is None
    for kind in ("as_printed", "members"):
        made = noise.release(replace(PLAIN, release=kind, release_epsilon=4.0))
        assert made is not None and made.content == "model" and made.rows == "none"


@pytest.mark.parametrize("epsilon", [None, 0.0])
def test_noise_without_an_epsilon_is_refused(epsilon: float | None) -> None:
    with pytest.raises(Unfit, match="set epsilon, above 0"):
        rule(protect="per_hop", epsilon=epsilon)
    with pytest.raises(Unfit, match="set release_epsilon, above 0"):
        noise.release(replace(PLAIN, release="members", release_epsilon=epsilon))
