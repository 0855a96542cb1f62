"""How good `mutual` gets on MNIST through the ledger: without noise, and with a total of (10, 1e-5).

bpcv (Liu et al.) § 6 says .97 and .95. What a guarantee for the judges' rows would cost is told apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from math import sqrt
from typing import Any

from benchmarks.case import Case, Figure, Measured, Progress, at_least
from experiments.mutual.learning import DELTA, EPSILON, SEEDS, network, regression
from experiments.seeds import curve, over_seeds


@dataclass(frozen=True)
class Asked:
    """A request among so many members, and the test accuracy asked of it."""

    members: int
    rounds: int
    sound: bool  # noise for a total of (10, 1e-5)
    target: float
    paper: float | None = None

    @property
    def words(self) -> str:
        noise = "total (10, 1e-5) for one record of training rows" if self.sound else "no noise"
        return f"{self.members} members IID, round {self.rounds}, {noise}"


ASKED = (Asked(30, 80, False, 0.98, 0.97), Asked(50, 45, False, 0.97), Asked(30, 80, True, 0.95, 0.95))


def request(asked: Asked, seed: int) -> dict[str, Any]:
    """The request on MNIST, all rows dealt evenly."""
    import msgspec

    from experiments.mutual.requests import serve
    from experiments.mutual.team import members as dealt
    from experiments.pictures import pictures

    data = pictures("mnist", "edges")
    scheme = regression(asked.rounds, sound=True) if asked.sound else network(asked.rounds)
    served = serve(scheme, dealt(data, asked.members, seed), data.test, seed)
    made: dict[str, Any] = msgspec.to_builtins(served)
    return made


def noise_of_scores(members: int, rounds: int) -> float:
    """The deviation that each figure of a judge would need for the same total, over all rounds.

    One judging row moves each mean over 200 rows by 1/200; a round's figures, the start's and the others', by
    sqrt(members)/200 together.
    """
    from experiments.mutual.team import JUDGING
    from tallystick.privacy.accounting import sigma_for

    return sigma_for(EPSILON, DELTA, steps=rounds) / 1000 * sqrt(members) / JUDGING


def accuracy(seeds: Sequence[int], smoke: bool, progress: Progress) -> Figure:
    """Three requests, and what a guarantee for the scores would cost."""
    from tallystick.report.plots import Panel

    rows, curves = [], {}
    for asked in (Asked(4, 2, False, 0.98),) if smoke else ASKED:
        made = [
            progress.once(f"{asked.words} {seed}", lambda: request(asked, seed))  # noqa: B023
            for seed in seeds[: 1 if smoke else None]
        ]
        rows.append(_row(asked, made, seeds))
        curves[asked.words] = curve(range(1, asked.rounds + 1), [run["test"] for run in made])
    needed = noise_of_scores(ASKED[-1].members, ASKED[-1].rounds)
    what = "noise that each score would need for a total of (10, 1e-5) per judging row, in accuracy"
    note = (
        "on 200 judging rows: the scores are published without it, so judging rows have no formal guarantee"
    )
    rows.append(Measured(what=what, value=needed, unit="standard deviation", note=note))
    return Figure(rows, [Panel("round", "test accuracy", curves)])


def _row(asked: Asked, made: Sequence[dict[str, Any]], seeds: Sequence[int]) -> Measured:
    values = {seed: run["test"][-1] for seed, run in zip(seeds, made, strict=False)}
    gone = ", ".join(str(len(run["gone"])) for run in made)
    note = f"{made[0]['privacy'][0]}; {made[0]['privacy'][1]}; {made[0]['outcome']}; members evicted: {gone}"
    target = at_least(asked.target)
    return over_seeds(asked.words, values, "test accuracy", paper=asked.paper, target=target, note=note)


# Rate, rows a batch, steps a round, bound of a row's gradient.
TRIED = (
    *((4.0, 450, 4, 0.5), (8.0, 450, 4, 0.5), (16.0, 450, 4, 0.5)),
    *((8.0, 450, 4, 0.25), (8.0, 900, 2, 0.5), (2.0, 225, 8, 0.5)),
)


def tried(rate: float, batch: int, steps: int, clip: float, members: int, rounds: int) -> list[float]:
    """Accuracy on the members' judging rows after each round, without a ledger."""
    from experiments.mutual.rounds import Loop, play
    from experiments.mutual.team import judged_by
    from experiments.mutual.team import members as dealt
    from experiments.pictures import Pictures, pictures
    from tallystick.learning.models import linear
    from tallystick.protocols.noise import dp_sgd
    from tallystick.protocols.plans import plan_for

    data = pictures("mnist", "edges")
    own = dealt(data, members, seed=0)
    protect = dp_sgd(EPSILON, DELTA, clip=clip, steps=steps)
    scheme = plan_for("mutual", linear(rate=rate), rounds, batch=batch, protect=protect)
    held_out = Pictures(data.train, judged_by(own))
    return play(Loop(scheme, own, seed=0), held_out, rounds).test


def settings(smoke: bool, progress: Progress) -> Figure:
    """What was tried for DP-SGD, on rows of the training set that nobody trains on."""
    from tallystick.report.plots import Panel

    members, rounds = (4, 2) if smoke else (30, 80)
    rows, curves = [], {}
    for setting in TRIED[: 2 if smoke else None]:
        rate, batch, steps, clip = setting
        words = f"rate {rate:g}, batch {batch}, {steps} steps, clip {clip:g}"
        made = progress.once(words, lambda: tried(*setting, members, rounds))  # noqa: B023
        rows.append(over_seeds(words, {0: made[-1]}, "accuracy on judging rows"))
        curves[words] = curve(range(1, rounds + 1), [made])
    return Figure(rows, [Panel("round", "accuracy on judging rows", curves)])


CASES = (
    *(
        Case(
            "papers",
            "mutual-accuracy" + ("-full" if full else ""),
            "MNIST through the ledger: 30 and 50 members, with and without noise",
            partial(accuracy, SEEDS if full else SEEDS[:1]),
            minutes=30 if full else 8,
            full=full,
        )
        for full in (False, True)
    ),
    Case(
        "papers",
        "mutual-accuracy-settings",
        "what was tried for DP-SGD, on held-out training rows",
        settings,
        minutes=4,
        full=True,
    ),
)
