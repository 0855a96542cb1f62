"""bpcv (Liu et al.) § 6, figures 2–5: how well 30 and 50 members learn together, with and without noise.

The rounds loop here, outside the ledger, with the phases that `mutual` serves. Settings were chosen by rows
of the training set.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.case import Case, Figure, Progress
from experiments.seeds import curve, over_seeds

if TYPE_CHECKING:
    from experiments.pictures import Pictures
    from tallystick.protocols.plans import Plan
    from tallystick.simulation.members import Members

SEEDS = (1, 2, 3)
ROUNDS = {
    (30, "mnist"): 80,
    (30, "cifar10"): 90,
    (50, "mnist"): 45,
    (50, "cifar10"): 60,
}  # as the text has it
DATA = {
    "mnist": "MNIST, measured on the 10,000 test images",
    "cifar10": "10,000 training images of CIFAR-10 (data_batch_1), measured on its 10,000 test images",
}
NAMES = {"mnist": "MNIST", "cifar10": "CIFAR-10, the 20,000-image subset"}
EPSILON, DELTA = 10.0, 1e-5
KINDS = {"local": "mean accuracy on members' own rows", "test": "test accuracy"}
NOISES = {
    "none": "no noise",
    "sound": "total ε = 10, δ = 1e-5 for one record of a member's training rows (DP-SGD)",
    "printed": "Laplace noise as printed, ε = 10 at every step: no formal guarantee",
}
# By round, as § 6 tells fig. 4; of the sound noise the paper knows nothing.
PAPER = {
    (20, "printed"): 0.72,
    (40, "printed"): 0.80,
    (80, "printed"): 0.95,
    (20, "none"): 0.75,
    (40, "none"): 0.82,
    (80, "none"): 0.97,
}

# Chosen on members' judging rows (`experiments/mutual/settings.py`). Hidden units, rate, rows a batch.
NETWORKS = {"mnist": (64, 0.1, 8), "cifar10": (256, 0.1, 8)}
KEPT = 5  # of so many rows one is kept for that, where a judge's 200 would leave too few: nobody judges here
NOISED_RATE, NOISED_BATCH, STEPS, CLIP = 8.0, 450, 4, 0.5


def network(rounds: int, settings: tuple[int, float, int] = NETWORKS["mnist"]) -> Plan:
    """One hidden layer over the pictures' edges, an epoch a round, no noise."""
    from tallystick.learning.models import mlp
    from tallystick.protocols.plans import plan_for

    hidden, rate, batch = settings
    return plan_for("mutual", mlp(hidden, rate=rate), rounds, batch=batch)


def regression(rounds: int, sound: bool = False) -> Plan:
    """Softmax regression over the pictures' edges, where wanted with noise whose guarantee can be stated."""
    from tallystick.learning.models import linear
    from tallystick.protocols.noise import dp_sgd
    from tallystick.protocols.plans import plan_for

    protect = dp_sgd(EPSILON, DELTA, clip=CLIP, steps=STEPS) if sound else None
    return plan_for("mutual", linear(rate=NOISED_RATE), rounds, batch=NOISED_BATCH, protect=protect)


def dealt(data: Pictures, number: int, seed: int) -> Members:
    """Members as everywhere, who train on most of what they have: 50 share the 10,000 rows of CIFAR-10."""
    from dataclasses import replace

    from experiments.mutual.team import JUDGING, together
    from experiments.mutual.team import members as whole
    from tallystick.learning.learner import Rows
    from tallystick.simulation.members import Members

    given, brought = whole(data, number, seed), {}
    for name, own in given.brought.items():
        rows = together([own.judging, own.training])
        kept = min(JUDGING, len(rows.y) // KEPT)
        training, judging = Rows(rows.x[kept:], rows.y[kept:]), Rows(rows.x[:kept], rows.y[:kept])
        brought[name] = replace(own, training=training, judging=judging)
    return Members(data.task, brought)


def course(name: str, members: int, rounds: int, seed: int, how: str) -> dict[str, list[float]]:
    """Accuracies after each round, on the test set and as the paper counts them."""
    from experiments.mutual.rounds import Loop, play
    from experiments.pictures import pictures
    from tallystick.protocols.parts.protect import printed_laplace
    from tallystick.protocols.presets.mutual import mutual

    data = pictures(name, "edges")
    own = dealt(data, members, seed)
    scheme = network(rounds, NETWORKS[name]) if how == "network" else regression(rounds, how == "sound")
    protocol = None
    if how == "printed":
        protocol = mutual(protect=printed_laplace(EPSILON, CLIP), as_printed=True)
    made = play(Loop(scheme, own, seed, protocol), data, rounds)
    return {"test": made.test, "local": made.local}


def without_noise(
    members: int, sets: Sequence[str], seeds: Sequence[int], smoke: bool, progress: Progress
) -> Figure:
    """Figures 2 and 3: how accuracy rises, with the paper's "about 95 %" at the round it names."""
    from tallystick.report.plots import Panel

    number, seeds = (4, seeds[:1]) if smoke else (members, seeds)
    rows, panels = [], []
    for name in sets[:1] if smoke else sets:
        rounds = 2 if smoke else ROUNDS[members, name]
        runs = [
            progress.once(f"{name} {seed}", lambda: course(name, number, rounds, seed, "network"))  # noqa: B023
            for seed in seeds
        ]
        for kind, words in KINDS.items():
            last = dict(zip(seeds, (run[kind][-1] for run in runs), strict=True))
            what = f"{words} after {rounds} rounds, {members} members, {NAMES[name]}"
            rows.append(over_seeds(what, last, paper=0.95 if kind == "local" else None, note=DATA[name]))
        across = range(1, rounds + 1)
        curves = {words: curve(across, [run[kind] for run in runs]) for kind, words in KINDS.items()}
        panels.append(Panel(f"round ({NAMES[name]})", "accuracy", curves))
    return Figure(rows, panels)


def with_noise(members: int, seeds: Sequence[int], smoke: bool, progress: Progress) -> Figure:
    """Figures 4 and 5: one regression without noise, with sound noise, and with the printed noise."""
    from tallystick.report.plots import Panel

    number, rounds, seeds = (4, 2, seeds[:1]) if smoke else (members, ROUNDS[members, "mnist"], seeds)
    runs = {
        how: [
            progress.once(f"{how} {seed}", lambda: course("mnist", number, rounds, seed, how))  # noqa: B023
            for seed in seeds
        ]
        for how in NOISES
    }
    rows = []
    for how, words in NOISES.items():
        for kind, meant in KINDS.items():
            for at in sorted({min(at, rounds) for at in (20, 40, rounds)}):
                values = dict(zip(seeds, (run[kind][at - 1] for run in runs[how]), strict=True))
                paper = PAPER.get((at, how)) if members == 30 and kind == "local" else None
                what = f"{meant} after {at} rounds, {members} members, {words}"
                rows.append(over_seeds(what, values, paper=paper, note=DATA["mnist"]))
    across = range(1, rounds + 1)
    curves = {words: curve(across, [run["local"] for run in runs[how]]) for how, words in NOISES.items()}
    return Figure(rows, [Panel("round (MNIST)", KINDS["local"], curves)])


def _case(number: int, members: int, full: bool) -> Case:
    """A figure at the size for an hour, with one seed, or at full size."""
    seeds = SEEDS if full else SEEDS[:1]
    name = f"mutual-fig{number}" + ("-full" if full else "")
    what = f"bpcv fig. {number}: {members} members"
    if number in (2, 3):
        sets = tuple(DATA) if full else ("mnist",)
        run = partial(without_noise, members, sets, seeds)
        return Case(
            "papers", name, f"{what}, {' and '.join(sets)}", run, minutes=10 if full else 2, full=full
        )
    run = partial(with_noise, members, seeds)
    return Case("papers", name, f"{what} with and without noise", run, minutes=6 if full else 2, full=full)


CASES = tuple(
    _case(number, members, full)
    for number, members in ((2, 30), (3, 50), (4, 30), (5, 50))
    for full in (False, True)
)
