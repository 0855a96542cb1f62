"""What attackers find in training with and without privacy, and whether the audit finds planted bugs.

Scikit-learn's digits, 600 rows, MLP 64-64-10 (membership, recovery); softmax regression on canaries (bounds).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from statistics import fmean
from typing import TYPE_CHECKING, Any

from benchmarks.case import Case, Measured, Peer, Progress, at_least, at_most

if TYPE_CHECKING:
    from tallystick.privacy.probe import Way

EPSILON, DELTA, CLIP = 2.0, 1e-5, 1.0
OFTEN, RARELY = (0.9, 4), (0.1, 40)  # rate and steps: where a bound is tight; where sampling is what protects
TRAINED = (0.1, 200)  # for membership and recovery
MANY = 4  # times as many canaries where the noise is halved
ROWS, LABELS = 600, 10
WITHOUT = 2.0  # the least that a run without privacy must show


@cache
def private(rate: float, steps: int, epsilon: float = EPSILON) -> Way:
    """DP-SGD within ε."""
    from tallystick.privacy.accounting import sigma_for
    from tallystick.privacy.probe import dp_sgd

    sigma = sigma_for(epsilon, DELTA, steps=steps, rate_nano=round(rate * 10**9))
    return dp_sgd(sigma, rate, steps, clip=CLIP, delta=DELTA)


def noise_halved() -> Way:
    """Says σ, draws σ / 2."""
    from tallystick.privacy.probe import dp_sgd

    way = private(*OFTEN)
    halved = dp_sgd(way.events[0].sigma_milli // 2, *OFTEN, clip=CLIP, delta=DELTA)
    return replace(halved, events=way.events)


def clip_missing() -> Way:
    """Noise for a clip of 1, and no clip."""
    from tallystick.learning.learner import clipped
    from tallystick.privacy.hooks import simulated_noise

    way = private(*OFTEN)
    noise = simulated_noise(CLIP, way.events[0].sigma_milli)
    return replace(way, gradient=lambda rows: clipped(1e6, rows * OFTEN[0], noise))


def everybody_sampled() -> Way:
    """Says that a tenth is drawn in each step, and takes all rows."""
    import numpy as np

    _, steps = RARELY
    return replace(
        private(*RARELY), order=lambda rows, words: np.tile(np.arange(rows, dtype=np.int32), (steps, 1))
    )


def epochs_shuffled() -> Way:
    """Says Poisson samples, and takes each row once an epoch."""
    from tallystick.learning.batches import shuffled

    rate, steps = RARELY

    def order(rows: int, words: Any) -> Any:
        size = -(-rows // round(1 / rate))
        return shuffled(rows, size, round(steps * rate), words(1).view("<u4"))

    return replace(private(*RARELY), order=order)


PLANTED: dict[str, Callable[[], Way]] = {
    "noise halved": noise_halved,
    "clip missing": clip_missing,
    "sampling not Poisson: all rows in every step": everybody_sampled,
}


def bounds(
    make: Callable[[], Way], name: str, seeds: tuple[int, ...], canaries: int, progress: Progress
) -> list[float]:
    """The bound of each seed's run."""
    from tallystick.privacy.probe import bound

    way = make()
    return [progress.once(f"bound {name} {seed}", partial(bound, way, seed, canaries)) for seed in seeds]


def stated(way: Way) -> tuple[float, str]:
    """What the way says that it costs, as a figure and in words."""
    if way.theory is None:
        raise ValueError(f"{way.stated} promises nothing")
    return way.theory.epsilon, str(way.theory)


def measured(seeds: tuple[int, ...], shadows: int, canaries: int, progress: Progress) -> list[Measured]:
    """All figures: bounds with and without privacy, planted bugs, membership and recovery."""
    from tallystick.privacy.probe import unprotected

    epsilon, words = stated(private(*OFTEN))
    bounded = bounds(lambda: private(*OFTEN), "private", seeds, canaries, progress)
    without = bounds(lambda: unprotected(*OFTEN, delta=DELTA), "without", seeds, canaries, progress)
    rows = [
        _row("DP-SGD: lower bound on ε", bounded, max(bounded), seeds, at_most(epsilon), epsilon, words),
        _row(
            "the same run without privacy: lower bound on ε", without, min(without), seeds, at_least(WITHOUT)
        ),
    ]
    for name, make in PLANTED.items():
        claimed, words = stated(make())
        # Half of the noise is the least of the three defects: it takes more canaries to be sure.
        bounded = bounds(make, name, seeds, canaries * (MANY if make is noise_halved else 1), progress)
        what = f"planted, {name}: lower bound on ε"
        rows.append(_row(what, bounded, min(bounded), seeds, at_least(claimed), claimed, f"claimed {words}"))
    claimed, words = stated(epochs_shuffled())
    bounded = bounds(epochs_shuffled, "shuffled", seeds, canaries, progress)
    note = f"claimed {words}; this audit does not see it: what it leaks more is too little"
    rows.append(
        _row("shuffled epochs taken for Poisson samples", bounded, max(bounded), seeds, None, claimed, note)
    )
    return rows + attacked(seeds, shadows, progress)


def attacked(seeds: tuple[int, ...], shadows: int, progress: Progress) -> list[Measured]:
    """Membership and recovery, with and without privacy."""
    from tallystick.privacy.probe import unprotected

    ways = {
        "DP-SGD": lambda: private(*TRAINED),
        "without privacy": lambda: unprotected(*TRAINED, delta=DELTA),
    }
    rows = []
    for name, make in ways.items():
        way = make()
        seen = [progress.once(f"{name} {seed}", partial(met, way, seed, shadows)) for seed in seeds]
        accuracy = fmean(run["accuracy"] for run in seen)
        note = f"{'no formal guarantee' if way.theory is None else way.theory}; accuracy {accuracy:.3f}"
        for key, what, unit in (
            ("tpr", "members found at 1 % false alarms", "of members"),
            ("protection", "privacy protection degree, 1 - 2·(AUC - ½)", ""),
            ("recovered", "rows read out of a step of 8", "of rows"),
        ):
            values = [run[key] for run in seen]
            rows.append(_row(f"{name}: {what}", values, fmean(values), seeds, note=note, unit=unit))
    return rows


def met(way: Way, seed: int, shadows: int) -> dict[str, float]:
    """What membership inference and inversion find."""
    import numpy as np
    from sklearn.datasets import load_digits

    from tallystick.learning.learner import Rows
    from tallystick.learning.models import mlp
    from tallystick.privacy.audit import membership
    from tallystick.privacy.probe import memberships, recovery

    x, y = load_digits(return_X_y=True)
    chosen = np.random.default_rng(seed).permutation(len(y))[:ROWS]
    rows = Rows((x[chosen] / 16).astype(np.float32), y[chosen].astype(np.int32))
    learner = mlp(64, rate=0.3)
    scores, inside, accuracy = memberships(way, learner, rows, LABELS, seed, shadows)
    attack = membership(scores, inside)
    return {
        "tpr": attack.tpr,
        "protection": attack.protection,
        "recovered": recovery(way, learner, rows, LABELS, seed),
        "accuracy": accuracy,
    }


def _row(
    what: str,
    values: list[float],
    value: float,
    seeds: tuple[int, ...],
    target: Any = None,
    claimed: float | None = None,
    note: str = "",
    unit: str = "",
) -> Measured:
    return Measured(
        what=what,
        value=value,
        unit=unit,
        target=target,
        peer=None if claimed is None else Peer("the accountant's ε", claimed),
        seeds=list(seeds),
        spread=(min(values), max(values)),
        note=note,
    )


def full(smoke: bool, progress: Progress) -> list[Measured]:
    """Three seeds, 16 shadows."""
    return measured((1,), 6, 300, progress) if smoke else measured((1, 2, 3), 16, 5_000, progress)


def sample(smoke: bool, progress: Progress) -> list[Measured]:
    """One seed, 8 shadows."""
    return measured((1,), 6, 300, progress) if smoke else measured((1,), 8, 5_000, progress)


CASES = (
    Case(
        "papers", "privacy-audit", "attacks on training with and without privacy", full, minutes=8, full=True
    ),
    Case("papers", "privacy-audit-sample", "the same, one seed, 8 shadows", sample, minutes=3),
)
