"""Which rule withstands which attack: 14 rules, 8 attacks, 3 ways to divide rows, 5 and 10 malicious of 50.

Each attack is at the worst of three strengths for each rule, tuned on one seed's hold-out of the training set
and then frozen. Copy and replay are counted by who is paid, all others by accuracy beside that of FedAvg
without attackers. What is chosen here is the default of `protocols/presets/mutual.py`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from statistics import fmean
from typing import Any, NamedTuple

from benchmarks import peers
from benchmarks.case import Case, Measured, Progress, at_most

CHOSEN = "mixing_geometric_median"
PRINTED = "drop_worst_one"  # bpcv as printed: the mean without the worst one
RULES = (
    *("mean", "median", "trimmed_mean", "geometric_median", "krum", "multi_krum", "clipped_mean"),
    *("mixing_geometric_median", "mixing_trimmed_mean", "clipped_geometric_median", "trust_root"),
    *("drop_worst", "drop_worst_geometric_median", PRINTED),
)
FOUR = (CHOSEN, "mean", "geometric_median", "multi_krum")
STRENGTHS = {
    "sign-flip": (1.0, 3.0, 10.0),  # times the step
    "label-flip": (1.0, 3.0, 10.0),  # times the step
    "random": (0.3, 1.0, 3.0),  # times the start's weights
    "alie": (0.5, 1.0, 2.0),  # deviations
    "ipm": (0.5, 2.0, 10.0),  # times the mean step
    "min-max": (0.3, 0.7, 1.0),  # of the largest reach
    "copy": (0.0, 0.3, 1.0),  # noise, in lengths of the step
    "replay": (0.0, 0.3, 1.0),
}
BY_PAY = ("copy", "replay")
# Judges pay for models, whatever rule then combines them: these stand for all.
PAYING = ("geometric_median", "mean", PRINTED)
SPLITS = {"iid": "IID", "0.5": "Dirichlet 0.5", "0.1": "Dirichlet 0.1"}
COUNTS = (5, 10)
THEIRS = (
    *("mean", "median", "trimmed_mean", "geometric_median", "krum", "multi_krum"),
    *("mixing_geometric_median", "mixing_trimmed_mean"),
)
SAME = 1e-4  # of a combined model's length
ROWS = 240
SEEDS = (1, 2, 3)


class Tuning(NamedTuple):
    """The runs by which an attack's strength is chosen."""

    split: str
    seed: int
    malicious: int
    rounds: int


TUNING = Tuning("0.5", seed=0, malicious=5, rounds=10)
NEAR = 0.005


@dataclass(frozen=True)
class Cell:
    """One run: who attacks how under which rule."""

    split: str
    rule: str
    malicious: int = 0
    attack: str = ""
    strength: float = 0.0


def played(cell: Cell, seed: int, rows: int | None, rounds: int) -> dict[str, Any]:
    """How the run of a cell ends."""
    # Threads of matrix products that wait for one another cost more than they bring at this size.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from experiments.robustness.team import play, team_of
    from tallystick.learning import attacks, combine
    from tallystick.learning.posted import after
    from tallystick.learning.weighting import drop_worst

    printed = after(drop_worst(1), rule=combine.weighted_mean())
    rule = printed if cell.rule == PRINTED else combine.RULES[cell.rule](cell.malicious)
    attack = None
    if cell.attack:
        makers = attacks.ATTACKS | {"label_flip": attacks.boost}
        attack = makers[cell.attack.replace("-", "_")](cell.strength)
    run = play(
        team_of(cell.split, seed, rows),
        rule,
        attack,
        cell.malicious,
        flipped=cell.attack == "label-flip",
        scored=cell.rule.startswith("drop_worst"),
        paid=cell.attack in BY_PAY,
        rounds=rounds,
    )
    return asdict(run)


def tuned(rule: str, attack: str, progress: Progress, rounds: int) -> float:
    """The strength that hurts this rule most on the hold-out of one seed."""

    def worst() -> float:
        def harm(strength: float) -> float:
            run = played(
                Cell(TUNING.split, rule, TUNING.malicious, attack, strength), TUNING.seed, ROWS, rounds
            )
            return run["pay"] if attack in BY_PAY else -run["hold_out"]

        return max(STRENGTHS[attack], key=harm)

    return progress.once(f"tuned {rule} {attack}", worst)


@dataclass(frozen=True)
class Table:
    """What is crossed with what."""

    rules: Sequence[str]
    attacks: Sequence[str]
    splits: Sequence[str]
    counts: Sequence[int]
    seeds: Sequence[int]
    rows: int | None
    rounds: int
    tuning: int  # rounds of a tuning run

    def measured(self, progress: Progress) -> list[Measured]:
        """Play every cell, seed by seed; a row for each rule, split and count."""
        strengths = {pair: tuned(*pair, progress, self.tuning) for pair in self.pairs()}
        runs: dict[tuple[Cell, int], dict[str, Any]] = {}
        for seed in self.seeds:
            for cell in self.cells(strengths):
                key = f"{seed} {cell.split} {cell.rule} {cell.malicious} {cell.attack}"
                runs[cell, seed] = progress.once(key, partial(played, cell, seed, self.rows, self.rounds))
        rows = [self._clean(split, runs) for split in self.splits]
        for malicious in self.counts:
            for split in self.splits:
                rows += [self._rule(rule, split, malicious, strengths, runs) for rule in self.rules]
        return rows + self._paid(strengths, runs)

    def pairs(self) -> list[tuple[str, str]]:
        """Which rules meet which attacks."""
        pairs = [(rule, attack) for rule in self.rules for attack in self.attacks]
        return [(rule, attack) for rule, attack in pairs if attack not in BY_PAY or rule in PAYING]

    def cells(self, strengths: dict[tuple[str, str], float]) -> list[Cell]:
        """FedAvg alone, every rule without attackers, every rule under every attack."""
        calm = [
            cell
            for split in self.splits
            for cell in (Cell(split, "mean"), *(Cell(split, rule, COUNTS[0]) for rule in self.rules))
        ]
        return calm + [
            Cell(split, rule, malicious, attack, strength)
            for malicious in self.counts
            for split in self.splits
            for (rule, attack), strength in strengths.items()
        ]

    def _clean(self, split: str, runs: dict[tuple[Cell, int], dict[str, Any]]) -> Measured:
        values = [runs[Cell(split, "mean"), seed]["test"] for seed in self.seeds]
        return Measured(
            what=f"FedAvg without attackers, {SPLITS[split]}",
            value=fmean(values),
            unit="test accuracy",
            seeds=list(self.seeds),
            spread=(min(values), max(values)),
        )

    def _rule(
        self,
        rule: str,
        split: str,
        malicious: int,
        strengths: dict[tuple[str, str], float],
        runs: dict[tuple[Cell, int], dict[str, Any]],
    ) -> Measured:
        """What the worst attack costs a rule: the mean over the seeds of what each seed loses to it."""

        def lost(attack: str) -> list[float]:
            calm = Cell(split, rule, COUNTS[0])
            cell = Cell(split, rule, malicious, attack, strengths[rule, attack]) if attack else calm
            clean = Cell(split, "mean")
            return [runs[clean, seed]["test"] - runs[cell, seed]["test"] for seed in self.seeds]

        losses = {attack or "none": lost(attack) for attack in ("", *self.attacks) if attack not in BY_PAY}
        worst = max((name for name in losses if name != "none"), key=lambda name: fmean(losses[name]))
        targeted = rule == CHOSEN and malicious == COUNTS[0] and split != "0.1"
        return Measured(
            what=f"{rule}, {SPLITS[split]}, {malicious} of 50",
            value=fmean(losses[worst]),
            unit="of accuracy lost",
            target=at_most(NEAR) if targeted else None,
            seeds=list(self.seeds),
            spread=(min(losses[worst]), max(losses[worst])),
            note=f"worst: {worst}; "
            + ", ".join(f"{name} {fmean(values):.4f}" for name, values in losses.items()),
        )

    def _paid(
        self, strengths: dict[tuple[str, str], float], runs: dict[tuple[Cell, int], dict[str, Any]]
    ) -> list[Measured]:
        """What copies and replays earn, in shares of what as many honest members would."""
        rows = []
        for attack in (attack for attack in self.attacks if attack in BY_PAY):
            for malicious in self.counts:
                for split in self.splits:
                    shares = {}
                    for rule in (rule for rule in self.rules if rule in PAYING):
                        cell = Cell(split, rule, malicious, attack, strengths[rule, attack])
                        pays = [runs[cell, seed]["pay"] for seed in self.seeds]
                        # A run that broke before anybody was paid paid nobody.
                        shares[rule] = fmean(pay or 0.0 for pay in pays) * 50 / malicious
                    rows.append(
                        Measured(
                            what=f"{attack}: pay of a malicious member, {SPLITS[split]}, {malicious} of 50",
                            value=max(shares.values()),
                            unit="of an even share",
                            seeds=list(self.seeds),
                            note=", ".join(f"{rule} {share:.2f}" for rule, share in shares.items()),
                        )
                    )
        return rows


def robustness(smoke: bool, progress: Progress) -> list[Measured]:
    """All rules on 240 rows a member."""
    if smoke:
        table = Table((CHOSEN, "mean"), ("sign-flip", "copy"), ("iid",), (5,), (1,), 40, 5, 5)
    else:
        table = Table(RULES, tuple(STRENGTHS), tuple(SPLITS), COUNTS, SEEDS, ROWS, 20, TUNING.rounds)
    return table.measured(progress)


def sample(smoke: bool, progress: Progress) -> list[Measured]:
    """The chosen rule and the mean against three attacks."""
    rules = (CHOSEN, "mean")
    splits = ("iid",) if smoke else ("iid", "0.5")
    rows, rounds = (40, 5) if smoke else (ROWS, 20)
    attacks = ("sign-flip", "alie", "copy")
    return Table(rules, attacks, splits, (5,), (1,), rows, rounds, 5 if smoke else 10).measured(progress)


def all_data(smoke: bool, progress: Progress) -> list[Measured]:
    """Four rules on all rows of the training set, ten seeds."""
    if smoke:
        table = Table(FOUR[:1], ("sign-flip",), ("0.5",), (5,), (1,), None, 5, 5)
    else:
        seeds = tuple(range(1, 11))
        table = Table(FOUR, tuple(STRENGTHS), tuple(SPLITS), COUNTS, seeds, None, 20, TUNING.rounds)
    return table.measured(progress)


def beside_byzfl(smoke: bool, progress: Progress) -> list[Measured]:
    """Our rules and byzfl's on the same posted models, 5 of 50 of them random."""
    import numpy as np

    from tallystick.learning.combine import RULES as OURS
    from tallystick.learning.posted import PostedModels

    chance = np.random.default_rng(1)
    start = chance.normal(size=500 if smoke else 25_000).astype(np.float32)
    models = start + chance.normal(0.2, 0.5, (50, len(start))).astype(np.float32)
    models[-5:] = chance.normal(0, 3, (5, len(start)))
    names = [name for name in RULES if name in THEIRS]
    given = PostedModels(models, start, np.full(50, ROWS))
    ours = {name: OURS[name](5)(given) for name in names}
    if not peers.ready():
        return [Measured(what="rules compared with byzfl's", value=0, unit="rules", note=peers.MISSING)]
    distances = progress.once("byzfl", lambda: peers.rules(models, 5, ours, progress))
    return [
        Measured(
            what=f"{name}: distance from byzfl's",
            value=distances[name],
            unit="of its length",
            target=at_most(SAME),
        )
        for name in names
    ]


CASES = (
    Case(
        "papers", "robustness-byzfl", "our rules beside byzfl's on the same models", beside_byzfl, minutes=1
    ),
    Case(
        "papers",
        "robustness",
        "14 rules against 8 attacks, 240 rows a member",
        robustness,
        minutes=90,
        full=True,
    ),
    Case(
        "papers",
        "robustness-all-data",
        "four rules against 8 attacks, all rows",
        all_data,
        minutes=150,
        full=True,
    ),
    Case("papers", "robustness-sample", "the chosen rule and the mean against 3 attacks", sample, minutes=2),
)
