"""bp2p's team of 200 at ε = 20: what it learns of MNIST under the printed noise, and under a sound guarantee.

Members see pictures as histograms of gradients, the same function for everybody, which costs no privacy.
`choose` measured what was tried, on training rows that no member holds; the test set only measures.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.case import Case, Figure, Progress, at_least
from experiments.relay.team import HELD_OUT, accuracy, edges, passes, team_of
from experiments.seeds import curve, over_seeds

SEEDS, MEMBERS, EPSILON, DELTA = (1, 2, 3), 200, 20.0, 1e-5
PLAIN = {"rate": 10.0, "passes": 10}
# One step a hop on all its rows. Its sum is divided by the usual number of rows, not by the holder's own:
# the noise of a hop with three rows would otherwise drown everything (.74 in place of .96).
SOUND = {"rate": 10.0, "passes": 3, "clip": 0.5, "usual": 90}
TRIED = (
    {"rate": 3.0, "passes": 10, "clip": 0.5, "usual": 90},
    {"rate": 3.0, "passes": 10, "clip": 0.5, "usual": 0},
    {"rate": 10.0, "passes": 5, "clip": 0.5, "usual": 90},
    SOUND,
    {"rate": 30.0, "passes": 3, "clip": 0.5, "usual": 90},
)

DATA = (
    "MNIST, 0–180 training images a member, softmax on 392 gradient histograms, 10,000 test images; settings "
    f"chosen on {HELD_OUT:,} held-out training images"
)


def printed(members: int, seed: int) -> list[float]:
    """Without noise, and with the leader's Lap(1/ε) on the final model (eq. 5 as printed)."""
    from tallystick.learning.learner import model_of, vector_of
    from tallystick.learning.models import linear
    from tallystick.privacy.printed import relay_as_printed
    from tallystick.privacy.randomness import seeded

    team, learner = team_of(members, seed, edges), linear(rate=PLAIN["rate"])
    last = passes(team, learner, int(PLAIN["passes"]))[-1].last
    noised = relay_as_printed(EPSILON).apply(vector_of(last), seeded(seed))
    released = model_of(np.asarray(noised, np.float32), last)
    return [accuracy(learner, model, team.test) for model in (last, released)]


def sound(members: int, seed: int, by: dict[str, float] = SOUND, choosing: bool = False) -> list[float]:
    """After each pass, with noise at every hop: (ε, δ) for a record over all of its holder's hops."""
    from tallystick.learning.models import linear

    team = team_of(members, seed, edges, choosing)
    learner, protect = linear(rate=by["rate"]), protection(by)
    hook = protect.hook(protect.rule.most, True)
    done = passes(team, learner, int(by["passes"]), gradient=hook, steps=1)
    return [accuracy(learner, hops.last, team.test) for hops in done]


def protection(by: dict[str, float]) -> Any:
    """`per_hop` as the preset takes it; what the ledger charges is its event, once a pass."""
    from tallystick.protocols.parts.protect import per_hop

    return per_hop(EPSILON, DELTA, rounds=int(by["passes"]), steps=1, clip=by["clip"], usual=int(by["usual"]))


def guarantee() -> str:
    """The unit, the mechanism and both accountants' figures."""
    from tallystick.privacy.accounting import total

    events = [protection(SOUND).rule.most] * int(SOUND["passes"])
    ledger, tight = (total(events, DELTA, "record", by).epsilon for by in ("ledger", "tight"))
    return (
        f"protects a record of the holder's; Gaussian noise at each of its {SOUND['passes']} hops, gradients "
        f"clipped to L2 norm {SOUND['clip']}; δ = {DELTA:g}: ε = {ledger:.2f} by the ledger's Rényi orders, "
        f"{tight:.2f} by dp-accounting"
    )


def measure(smoke: bool, progress: Progress) -> Figure:
    """Both forms, side by side."""
    from tallystick.report.plots import Panel

    members, seeds = (20, (1,)) if smoke else (MEMBERS, SEEDS)
    plain = {s: progress.once(f"printed {s}", lambda: printed(members, s)) for s in seeds}  # noqa: B023
    noised = {s: progress.once(f"sound {s}", lambda: sound(members, s)) for s in seeds}  # noqa: B023
    rows = [
        over_seeds(
            f"ε = {EPSILON:g}: Lap(1/ε) on the released model, as printed",
            {seed: run[1] for seed, run in plain.items()},
            paper=0.9,
            target=at_least(0.95),
            note=f"no formal guarantee; {DATA}; {PLAIN['passes']} passes",
        ),
        over_seeds(
            f"ε = {EPSILON:g}: Gaussian noise at every hop, sound",
            {seed: run[-1] for seed, run in noised.items()},
            target=at_least(0.9),
            note=f"{guarantee()}; {DATA}",
        ),
        over_seeds("without noise", {seed: run[0] for seed, run in plain.items()}),
    ]
    places = list(range(1, int(SOUND["passes"]) + 1))
    curves = {"Gaussian noise at every hop": curve(places, list(noised.values()))}
    return Figure(rows, [Panel("pass", "test accuracy", curves)])


def choose(smoke: bool, progress: Progress) -> Figure:
    """The settings that were tried, measured on training rows that no member holds."""
    from tallystick.report.plots import Panel

    members, tried = (20, TRIED[:1]) if smoke else (MEMBERS, TRIED)
    runs = {}
    for by in tried:
        words = ", ".join(f"{name} {value:g}" for name, value in by.items())
        runs[words] = progress.once(words, lambda: sound(members, 11, by, choosing=True))  # noqa: B023
    rows = [over_seeds(words, {11: run[-1]}) for words, run in runs.items()]
    curves = {words: curve(list(range(1, len(run) + 1)), [run]) for words, run in runs.items()}
    return Figure(rows, [Panel("pass", "accuracy on held-out training rows", curves)])


CASES = (
    Case(
        "papers",
        "relay-accuracy",
        f"bp2p: MNIST, a team of {MEMBERS} at ε = {EPSILON:g}",
        measure,
        minutes=1.5,
    ),
    Case(
        "papers",
        "relay-accuracy-settings",
        "bp2p: what was tried, on held-out training rows",
        choose,
        minutes=2,
    ),
)
