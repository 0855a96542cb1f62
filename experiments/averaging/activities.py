"""fdc (Yin et al.) § V: four kinds of activity from a wrist's movement, five schools against one centre.

The children's data is not published. WISDM's smartwatch stands for it: 35 of its people, 30 in five schools
of six and five to test; minutes of 60 per-second sums of three axes (eq. 1); 180-1024-128-softmax (§ V-D).
"""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.case import Case, Figure, Progress
from experiments.seeds import curve, over_seeds

if TYPE_CHECKING:
    from tallystick.learning.learner import Learner

CLASSES = {  # WISDM's letters; the paper's children eat, sleep, and are busy indoors or outdoors
    "eating": "HIJKL",  # soup, chips, pasta, drinking, sandwich
    "resting": "DE",  # sitting, standing: nobody sleeps in WISDM
    "indoor": "FGQRS",  # typing, teeth, writing, clapping, folding
    "outdoor": "ABCMOP",  # walking, jogging, stairs, kicking, catch, dribbling
}
AXES = {"x": 9, "y": 10, "z": 11}  # with the figure that shows each
MINUTE = 60
PEOPLE, SCHOOLS, TESTERS = 30, 5, 5
ROUNDS, BATCH, SEEDS = 200, 32, (1, 2, 3)
RATE = 0.002  # chosen by `rates` on five of the thirty training people, the other twenty-five training
LEARNT = 0.7  # the share of training minutes at which fig. 14's ways are compared
RATES = (0.0005, 0.002, 0.01, 0.05)
PAPER = {  # Table III
    "federated": {"loss": 1.111, "accuracy": 0.5406},
    "centralised": {"loss": 1.559, "accuracy": 0.5176},
}

DATA = "WISDM's smartwatch in place of the children's data; minutes without overlap; people drawn by the seed"


@dataclass(frozen=True, eq=False)
class Minutes:
    """Every minute: 60 seconds of three sums, what was done, by whom."""

    x: Any  # [minutes, 180]
    y: Any
    subject: Any


def minutes() -> Minutes:
    """WISDM cut into minutes, its letters gathered into the four classes."""
    from tallystick.data.datasets import load
    from tallystick.data.windows import recordings

    table = load("wisdm")["all"]
    pieces = recordings(table, ("subject", "activity"), "t_ns", tuple(AXES), MINUTE)
    kinds = {letter: place for place, letters in enumerate(CLASSES.values()) for letter in letters}
    y = np.array([kinds[letter] for letter in pieces["activity"]], np.int32)
    return Minutes(pieces["window"].reshape(len(y), -1), y, np.asarray(pieces["subject"]))


@dataclass(frozen=True, eq=False)
class Schools:
    """Five schools' rows, and those of people whom no school has seen."""

    training: tuple[Any, ...]
    test: Any


def schools(all_minutes: Minutes, seed: int, choosing: bool = False) -> Schools:
    """Thirty people dealt to five schools, and five to test; `choosing` takes these five from the thirty."""
    from tallystick.learning.learner import Rows

    people = np.random.default_rng(seed).permutation(np.unique(all_minutes.subject))[: PEOPLE + TESTERS]
    taught, tested = people[:PEOPLE], people[PEOPLE:]
    if choosing:
        taught, tested = taught[TESTERS:], taught[:TESTERS]
    known = np.isin(all_minutes.subject, taught)
    centre, spread = all_minutes.x[known].mean(axis=0), all_minutes.x[known].std(axis=0)

    def rows(of: Any) -> Rows:
        where = np.isin(all_minutes.subject, of)
        x = (all_minutes.x[where] - centre) / spread
        return Rows(x.astype(np.float32), all_minutes.y[where])

    return Schools(tuple(rows(of) for of in np.array_split(taught, SCHOOLS)), rows(tested))


def network(rate: float = RATE) -> Learner:
    """Two dense layers of 1024 and 128 cells and a softmax (§ V-D)."""
    from tallystick.learning.models import mlp

    return mlp(1024, 128, rate=rate)


def pooled(members: tuple[Any, ...]) -> Any:
    """All rows in one place."""
    from tallystick.learning.learner import Rows

    return Rows(np.concatenate([m.x for m in members]), np.concatenate([m.y for m in members]))


def measured(learner: Learner, model: Any, rows: Any) -> list[float]:
    """Categorical cross-entropy (eq. 3) and accuracy."""
    shares = np.asarray(learner.predict(model, rows.x))
    right = np.maximum(shares[np.arange(len(rows.y)), rows.y], 1e-12)
    return [float(-np.log(right).mean()), float((shares.argmax(axis=1) == rows.y).mean())]


def trained(among: Schools, federated: bool, seed: int, rounds: int, rate: float = RATE) -> list[list[float]]:
    """After each round: loss and accuracy on all training rows, then on the test people's.

    A round is an epoch at every school and the mean of the five models, or an epoch of all rows in one place.
    """
    import jax

    from tallystick.base.task import task
    from tallystick.learning.batches import keys_of, shuffles
    from tallystick.learning.cohort import Cohort, Work
    from tallystick.learning.scan import scan

    learner, runner, everything = network(rate), scan(), pooled(among.training)
    cohort = Cohort(among.training if federated else (everything,))
    plan = SimpleNamespace(task=task(["movement"], "kind", tuple(CLASSES), shape=(3 * MINUTE,)))
    model = like = learner.init(plan, jax.random.key(seed))
    story = []
    for number in range(rounds):
        keys = keys_of((seed, number, place) for place in range(len(cohort.members)))
        orders = shuffles(list(cohort.counts), BATCH, 1, keys)
        model = runner(Work(learner, cohort, model, like, orders, keys)).mean()
        story.append([*measured(learner, model, everything), *measured(learner, model, among.test)])
    return story


def movement(smoke: bool, progress: Progress) -> Figure:
    """Figures 9–11: a minute of each kind on each axis, and how much more an outdoor minute moves."""
    from tallystick.report.plots import Curve, Panel

    recorded = minutes()
    seconds = recorded.x.reshape(-1, MINUTE, len(AXES))
    rows, panels = [], []
    for place, (axis, figure) in enumerate(AXES.items()):
        ratios = outdoor_to_resting(recorded, seconds[:, :, place].std(axis=1))
        row = over_seeds(
            f"fig. {figure}, {axis} axis: spread of the seconds in an outdoor minute ÷ in a resting one",
            {0: float(np.median(ratios))},
            "times",
            note=f"the middle of {len(ratios)} people, {np.mean(ratios > 1):.0%} of whom move more outdoors; "
            f"{DATA}",
        )
        rows.append(row)
        shown = {
            kind: seconds[np.flatnonzero(recorded.y == n)[0], :, place] for n, kind in enumerate(CLASSES)
        }
        across = [float(second) for second in range(1, MINUTE + 1)]
        curves = {kind: Curve(across, [float(value) for value in line]) for kind, line in shown.items()}
        panels.append(Panel("second", f"{axis}: sum over the second, m/s", curves))
    return Figure(rows, panels)


def outdoor_to_resting(recorded: Minutes, spread: Any) -> Any:
    """For each person with minutes of both kinds, how many times more the outdoor ones are spread."""
    kinds = list(CLASSES)
    ratios = []
    for person in np.unique(recorded.subject):
        both = [
            spread[(recorded.subject == person) & (recorded.y == kinds.index(kind))]
            for kind in ("outdoor", "resting")
        ]
        if all(len(values) for values in both):
            ratios.append(np.median(both[0]) / np.median(both[1]))
    return np.array(ratios)


def federated_and_centralised(smoke: bool, progress: Progress) -> Figure:
    """Figures 13 and 14 and Table III: five schools that average against one centre."""
    from tallystick.report.plots import Panel

    seeds, rounds = ((1,), 2) if smoke else (SEEDS, ROUNDS)
    known = minutes()
    runs: dict[str, list[list[list[float]]]] = {
        way: [
            progress.once(
                f"{way} {seed}",
                lambda: trained(schools(known, seed), way == "federated", seed, rounds),  # noqa: B023
            )
            for seed in seeds
        ]
        for way in PAPER
    }
    rows = []
    for way, paper in PAPER.items():
        for place, name in ((2, "loss"), (3, "accuracy")):
            last = {seed: run[-1][place] for seed, run in zip(seeds, runs[way], strict=True)}
            what = f"Table III, {way}: {name} on the test people after {rounds} rounds"
            rows.append(over_seeds(what, last, paper=paper[name], note=DATA))
        best = {seed: max(moment[3] for moment in run) for seed, run in zip(seeds, runs[way], strict=True)}
        rows.append(
            over_seeds(f"{way}: the best round's test accuracy, which nobody could have picked", best)
        )
    for way in PAPER:
        need = {
            seed: float(next((n for n, moment in enumerate(run, 1) if moment[1] >= LEARNT), rounds))
            for seed, run in zip(seeds, runs[way], strict=True)
        }
        rows.append(
            over_seeds(
                f"fig. 14, {way}: rounds until {LEARNT:.0%} of the training minutes are told rightly", need
            )
        )
    places = list(range(1, rounds + 1))

    def panel(up: str, place: int) -> Panel:
        curves = {
            way: curve(places, [[moment[place] for moment in run] for run in courses])
            for way, courses in runs.items()
        }
        return Panel("round", up, curves)

    shown = [panel("training loss", 0), panel("training accuracy", 1), panel("test accuracy", 3)]
    return Figure(rows, shown)


def rates(smoke: bool, progress: Progress) -> Figure:
    """The learning rates that were tried: measured on five of the thirty, twenty-five training."""
    from tallystick.report.plots import Panel

    known, rounds = minutes(), 2 if smoke else ROUNDS
    courses = {
        rate: progress.once(
            f"rate {rate:g}",
            lambda: trained(schools(known, 11, choosing=True), True, 11, rounds, rate),  # noqa: B023
        )
        for rate in RATES
    }
    rows = [
        over_seeds(f"rate {rate:g}: {name} after {rounds} rounds", {11: run[-1][place]})
        for rate, run in courses.items()
        for place, name in ((2, "loss"), (3, "accuracy"))
    ]
    places = list(range(1, rounds + 1))
    curves = {
        f"rate {rate:g}": curve(places, [[moment[2] for moment in run]]) for rate, run in courses.items()
    }
    return Figure(rows, [Panel("round", "loss on held-out people", curves)])


CASES = (
    Case("papers", "averaging-figs9-11", "fdc: a minute of each kind, axis by axis", movement, minutes=0.5),
    Case(
        "papers",
        "averaging-figs13-14",
        "fdc: five schools against one centre, Table III",
        federated_and_centralised,
        minutes=2,
    ),
    Case("papers", "averaging-settings", "fdc: learning rates, on held-out people", rates, minutes=1.5),
)
