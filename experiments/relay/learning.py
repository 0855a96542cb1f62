"""bp2p (Miao et al.) § 5.2, figures 5–9: MNIST in teams of 100, 150 and 200 that hand a model on.

The hand-over loops here, outside the ledger, with the learner, the noise and the payload that `relay` uses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.case import Case, Figure, Progress, at_least
from experiments.relay.team import MOST, Team, accuracies, accuracy, edges, passes, team_of
from experiments.seeds import curve, over_seeds

if TYPE_CHECKING:
    from tallystick.learning.learner import Learner

SIZES, SEEDS = (100, 150, 200), (1, 2, 3)
STEPS = dict(zip(SIZES, (83, 123, 163), strict=True))  # fig. 5, as its text gives them
PASSES, PART = 3, 2_000  # of figures 5–7, where every hop is measured, by so many test images
WANTED = 0.9  # the accuracy at which a team is done: the paper names none
HIDDEN, RATE = 200, 0.5  # chosen on held-out training rows
DEEPER = (200, 100, 50)
EPSILONS = (1.0, 5.0, 10.0, 20.0, 50.0, 100.0)
DELTA = 1e-5
SHOWN = 8  # nodes in fig. 9
DATA = f"MNIST, 0–{MOST} training images a member, measured on the 10,000 test images"

# Sound noise at every hop, chosen on held-out training rows (`experiments/relay/accuracy.py` says how).
SOUND_RATE, SOUND_PASSES, SOUND_CLIP, SOUND_ROWS = 10.0, 3, 0.5, 90


def network(deeper: bool = False) -> Learner:
    """One hidden layer, or the "deeper neural network" of fig. 7."""
    from tallystick.learning.models import mlp

    return mlp(*(DEEPER if deeper else (HIDDEN,)), rate=RATE)


def trail(members: int, seed: int, deeper: bool, count: int) -> list[float]:
    """The accuracy of the model as each member of a team hands it on, on a part of the test set."""
    team, learner = team_of(members, seed), network(deeper)
    test = tuple(part[:PART] for part in team.test)
    done = passes(team, learner, count, keep=True)
    return [figure for hops in done for figure in accuracies(learner, hops.models, hops.last, test)]


def first_at(values: list[float], level: float) -> int:
    """After how many hops a model first reached the wanted accuracy; all of them where none did."""
    return next((place for place, value in enumerate(values, 1) if value >= level), len(values))


def hop_bytes() -> int:
    """The size of a model on its way: the payload that members encrypt for one another."""
    from tallystick.learning import payload

    team = Team(np.zeros((1, MOST, 784), np.float32), None, np.zeros(1), (None, None), 1)
    header = payload.PayloadHeader("member", "train", 1, "0" * 64)
    return len(
        payload.encode(header, {name: np.asarray(part) for name, part in team.start(network()).items()})
    )


def steps_traffic_accuracy(smoke: bool, progress: Progress) -> Figure:
    """Figures 5, 6 and 7 are three views of the same passes."""
    sizes, seeds, count = ((20,), (1,), 1) if smoke else (SIZES, SEEDS, PASSES)
    trails = {
        (size, deeper): [
            progress.once(f"{size} {deeper} {seed}", lambda: trail(size, seed, deeper, count))  # noqa: B023
            for seed in seeds
        ]
        for size in sizes
        for deeper in ((False, True) if size == sizes[len(sizes) // 2] else (False,))
    }
    megabytes = hop_bytes() / 1e6
    rows = []
    for size in sizes:
        steps = {s: first_at(t, WANTED) for s, t in zip(seeds, trails[size, False], strict=True)}
        what = f"fig. 5, team of {size}: hops until a model names {WANTED:.0%} of the test images"
        rows.append(
            over_seeds(
                what, steps, "hops", paper=STEPS.get(size), note=f"{DATA}, figures 5–7 on {PART:,} of them"
            )
        )
        sent = {seed: hops * megabytes for seed, hops in steps.items()}
        rows.append(over_seeds(f"fig. 6, team of {size}: models handed on until then", sent, "MB"))
        last = {s: t[-1] for s, t in zip(seeds, trails[size, False], strict=True)}
        rows.append(
            over_seeds(f"fig. 7, team of {size}: accuracy after {len(trails[size, False][0])} hops", last)
        )
    middle = sizes[len(sizes) // 2]
    deep = {s: t[-1] for s, t in zip(seeds, trails[middle, True], strict=True)}
    layers = "-".join(map(str, DEEPER))
    rows.append(over_seeds(f"fig. 7, team of {middle}, deeper network ({layers})", deep))
    return Figure(rows, _three_panels(trails, megabytes))


def _three_panels(trails: dict[tuple[int, bool], list[list[float]]], megabytes: float) -> list[Any]:
    from tallystick.report.plots import Curve, Panel

    plain = {size: courses for (size, deeper), courses in trails.items() if not deeper}
    places = [float(size) for size in plain]
    steps = {size: [first_at(values, WANTED) for values in courses] for size, courses in plain.items()}
    by_seed = [[float(values) for values in seeds] for seeds in zip(*steps.values(), strict=True)]
    curves = {"ours": curve(places, by_seed)}
    if set(plain) == set(STEPS):
        curves["the paper"] = Curve(places, [float(step) for step in STEPS.values()])
    sent = [[hops * megabytes for hops in values] for values in by_seed]
    learnt = {
        f"{size}{', deeper' if deeper else ''}": curve(list(range(1, len(courses[0]) + 1)), courses)
        for (size, deeper), courses in trails.items()
    }
    return [
        Panel("team", f"hops until {WANTED}", curves),
        Panel("team", "MB handed on", {"ours": curve(places, sent)}),
        Panel("hop", "test accuracy", learnt),
    ]


def noised(seed: int, members: int, count: int) -> dict[str, list[float]]:
    """The accuracy at each ε: the leader's noise as printed, sound for a member, and sound for a record."""
    from tallystick.learning.learner import model_of, vector_of
    from tallystick.learning.models import linear
    from tallystick.privacy.mechanisms import member_update
    from tallystick.privacy.printed import relay_as_printed
    from tallystick.privacy.randomness import seeded
    from tallystick.protocols.parts.protect import per_hop

    team, learner = team_of(members, seed), network()
    last = passes(team, learner, count)[-1].last
    first, whole = vector_of(team.start(learner)), vector_of(last)
    accuracies: dict[str, list[float]] = {"printed": [], "member": [], "record": []}
    seen = team_of(members, seed, edges)
    for number, epsilon in enumerate(EPSILONS):
        words = seeded(1000 * seed + number)
        made = np.asarray(relay_as_printed(epsilon).apply(whole, words), np.float32)
        accuracies["printed"].append(accuracy(learner, model_of(made, last), team.test))
        way = np.asarray(member_update(1.0, round(epsilon * 10**9)).apply(whole - first, words), np.float32)
        accuracies["member"].append(accuracy(learner, model_of(first + way, last), team.test))
        protect = per_hop(epsilon, DELTA, rounds=SOUND_PASSES, steps=1, clip=SOUND_CLIP, usual=SOUND_ROWS)
        softmax = linear(rate=SOUND_RATE)
        hook = protect.hook(protect.rule.most, True)
        done = passes(seen, softmax, SOUND_PASSES, gradient=hook, steps=1)
        accuracies["record"].append(accuracy(softmax, done[-1].last, seen.test))
    return accuracies


FORMS = {
    "printed": ("Lap(1/ε) on the release, as printed", "no formal guarantee; 784-200-10 on pixels"),
    "record": (
        "Gaussian noise at every hop",
        f"protects a record: (ε, {DELTA:g}) over all of its holder's hops, the ledger's Rényi accountant; "
        "softmax on gradient histograms",
    ),
    "member": (
        "Laplace noise on the release, L1 norm clipped to 1",
        "protects a member: ε, pure, one release; 784-200-10 on pixels",
    ),
}


def noise_on_the_release(smoke: bool, progress: Progress) -> Figure:
    """Figure 8."""
    from tallystick.report.plots import Panel

    members, count, seeds = (20, 1, (1,)) if smoke else (200, 10, SEEDS)
    runs = [
        progress.once(f"ε {seed}", lambda: noised(seed, members, count))  # noqa: B023
        for seed in seeds
    ]
    rows = []
    for form, (what, note) in FORMS.items():
        for epsilon in EPSILONS if form == "printed" else (20.0,):
            at = EPSILONS.index(epsilon)
            values = {seed: run[form][at] for seed, run in zip(seeds, runs, strict=True)}
            twenty = epsilon == 20 and form == "printed"
            paper, target = (0.9, at_least(0.9)) if twenty else (None, None)
            named = f"fig. 8, team of {members}, ε = {epsilon:g}: {what}"
            rows.append(over_seeds(named, values, paper=paper, target=target, note=f"{note}; {DATA}"))
    curves = {FORMS[form][0]: curve(EPSILONS, [run[form] for run in runs]) for form in FORMS}
    return Figure(rows, [Panel("ε", "test accuracy", curves, log=True)])


def similarities(seed: int, members: int, count: int) -> list[float]:
    """cos θ of eq. 7 for every member: the sum of its hops against the whole way."""
    from tallystick.learning.learner import vector_of

    team, learner = team_of(members, seed), network()
    first = vector_of(team.start(learner))
    moved, before = np.zeros((members, len(first)), np.float32), first
    for hops in passes(team, learner, count, keep=True):
        for member, after in zip(hops.order, hops.models, strict=True):
            moved[member] += after - before
            before = after
    way = before - first
    norms = np.linalg.norm(moved, axis=1) * np.linalg.norm(way)
    return [float(value) for value in moved @ way / np.maximum(norms, 1e-12)]


def similarity(smoke: bool, progress: Progress) -> Figure:
    """Figure 9."""
    from tallystick.report.plots import Curve, Panel

    members, count, seeds = (20, 1, (1,)) if smoke else (200, 2, SEEDS)
    runs = {
        seed: progress.once(f"cos {seed}", lambda: similarities(seed, members, count))  # noqa: B023
        for seed in seeds
    }
    # Eight drawn members, the first seed's in the picture.
    drawn = {s: np.random.default_rng(s).choice(members, SHOWN, replace=False).tolist() for s in seeds}
    below = {s: float(sum(run[m] < 0 for m in drawn[s])) for s, run in runs.items()}
    share = {s: float(np.mean(np.array(run) < 0)) for s, run in runs.items()}
    middle = {s: float(np.median(run)) for s, run in runs.items()}
    note = f"after {count} passes; {DATA}"
    rows = [
        over_seeds(f"fig. 9: of {SHOWN} drawn members, those against the whole way", below, "members",
                   paper=3, note=note),
        over_seeds(f"fig. 9: of all {members} members, the share against it", share),
        over_seeds("fig. 9: cos θ of the middle member", middle),
    ]  # fmt: skip
    bars = Curve(
        [float(place) for place in range(1, SHOWN + 1)], [runs[seeds[0]][m] for m in drawn[seeds[0]]]
    )
    everyone = curve(list(range(1, members + 1)), [sorted(run) for run in runs.values()])
    return Figure(
        rows,
        [
            Panel("eight drawn members", "cos θ", {"ours": bars}, bars=True),
            Panel("all members, least first", "cos θ", {"ours": everyone}),
        ],
    )


CASES = (
    Case(
        "papers",
        "relay-figs5-7",
        "bp2p: hops, traffic and accuracy by team size",
        steps_traffic_accuracy,
        minutes=5,
    ),
    Case(
        "papers", "relay-fig8", "bp2p: accuracy under noise, a team of 200", noise_on_the_release, minutes=3
    ),
    Case("papers", "relay-fig9", "bp2p: similarity of members' updates to the whole", similarity, minutes=1),
)
