"""bpcv (Liu et al.) § 6, figure 6, and `mutual` against each attack of `papers/robustness`, on the ledger.

5 of 50 members are malicious, and as judges they say the best of one another and the worst of all others. The
pictures, the learner and the strengths of the attacks are those of `experiments/robustness/table.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from statistics import fmean
from typing import Any

from benchmarks.case import Case, Figure, Measured, Progress, at_most
from experiments.robustness.table import (
    BY_PAY,
    CHOSEN,
    NEAR,
    PRINTED,
    SPLITS,
    STRENGTHS,
    TUNING,
    tuned,
)
from experiments.seeds import curve, over_seeds

MEMBERS, MALICIOUS, ROUNDS, SIZE, RATE, HIDDEN = 50, 5, 20, 32, 0.3, 128
SEEDS = (1, 2, 3)
RULES = {"ours": "mutual", "printed": "mutual as printed", "mean": "FedAvg"}
SHOWN = {"sign-flip": 3.0, "label-flip": 1.0}  # fig. 6: the paper does not say what its malicious nodes do


@dataclass(frozen=True)
class Run:
    """One request: under which rule, on which rows, who attacks how."""

    rule: str  # of RULES
    split: str
    attack: str = ""
    strength: float = 1.0
    rounds: int = ROUNDS
    members: int = MEMBERS

    @property
    def key(self) -> str:
        return f"{self.rule} {self.split} {self.attack} {self.strength:g} {self.rounds} {self.members}"


def served(run: Run, seed: int) -> dict[str, Any]:
    """The request as it goes through the ledger."""
    import msgspec

    from experiments.mutual.requests import serve
    from experiments.mutual.team import members
    from experiments.pictures import pictures
    from tallystick.learning.models import mlp
    from tallystick.protocols.plans import plan_for
    from tallystick.simulation import attacks

    data = pictures("mnist", "pooled")
    own = members(data, run.members, seed, run.split)
    settings: dict[str, Any] = {"ours": {"attackers": MALICIOUS}, "printed": {"as_printed": True}, "mean": {}}
    preset = "averaging" if run.rule == "mean" else "mutual"
    scheme = plan_for(preset, mlp(HIDDEN, rate=RATE), run.rounds, batch=SIZE, **settings[run.rule])
    ill, lies = {}, []
    if run.attack:
        who = tuple(own)[-max(1, run.members * MALICIOUS // MEMBERS) :]
        make = {"random": attacks.random_weights, "ipm": attacks.inner_product}.get(run.attack)
        make = make or getattr(attacks, run.attack.replace("-", "_"))
        ill = dict.fromkeys(who, make(run.strength))
        lies = [attacks.collude().by(who, frozenset(who))]
    made: dict[str, Any] = msgspec.to_builtins(serve(scheme, own, data.test, seed, ill, lies))
    return made


def calm(split: str, seed: int, rounds: int = ROUNDS, members: int = MEMBERS) -> float:
    """The test accuracy of FedAvg without attackers."""
    from experiments.mutual.rounds import Loop, play
    from experiments.mutual.team import members as dealt
    from experiments.pictures import pictures
    from tallystick.learning.models import mlp
    from tallystick.protocols.plans import plan_for
    from tallystick.protocols.presets.mutual import mutual

    data = pictures("mnist", "pooled")
    own = dealt(data, members, seed, split)
    scheme = plan_for("mutual", mlp(HIDDEN, rate=RATE), rounds, batch=SIZE)
    loop = Loop(scheme, own, seed, mutual(as_printed=True))
    return play(loop, data, rounds).test[-1]


def figure_6(seeds: Sequence[int], smoke: bool, progress: Progress) -> Figure:
    """Test accuracy round by round with 5 of 50 malicious: FedAvg, the printed rule, and ours."""
    from tallystick.report.plots import Panel

    size: dict[str, int] = {"rounds": 2, "members": 10} if smoke else {}
    rows, panels = [], []
    for attack, strength in SHOWN.items():
        curves = {}
        for rule, words in RULES.items():
            run = Run(rule, "iid", attack, strength, **size)
            made = [
                progress.once(f"{run.key} {seed}", lambda: served(run, seed))  # noqa: B023
                for seed in seeds
            ]
            values = {seed: course["test"][-1] for seed, course in zip(seeds, made, strict=True)}
            what = f"{words}, {attack} ×{strength:g}, round {run.rounds}"
            rows.append(over_seeds(what, values, "test accuracy", note=gone(made)))
            shortest = min(len(course["test"]) for course in made)
            curves[words] = curve(range(1, shortest + 1), [course["test"][:shortest] for course in made])
        panels.append(Panel(f"round, {attack} ×{strength:g}", "test accuracy", curves))
    return Figure(rows, panels)


def gone(made: Sequence[dict[str, Any]]) -> str:
    """How many of the malicious, and of the others, the ledger dropped."""
    parts = []
    for run in made:
        caught = len(set(run["gone"]) & set(run["ill"]))
        parts.append(f"{caught} of {len(run['ill'])} malicious and {len(run['gone']) - caught} others")
    return "dropped: " + "; ".join(parts)


def malicious(splits: Sequence[str], seeds: Sequence[int], smoke: bool, progress: Progress) -> list[Measured]:
    """What the worst attack costs our rule and the printed one, and what copies and replays earn."""
    splits, kinds = (("iid",), ("sign-flip", "copy")) if smoke else (splits, tuple(STRENGTHS))
    size: dict[str, int] = {"rounds": 2, "members": 10} if smoke else {}
    rows: list[Measured] = []
    for split in splits:
        clean = {
            seed: progress.once(f"FedAvg {split} {seed}", lambda: calm(split, seed, **size))  # noqa: B023
            for seed in seeds
        }
        rows.append(over_seeds(f"FedAvg without attackers, {SPLITS[split]}", clean, "test accuracy"))
        for rule, as_tuned in (("ours", CHOSEN), ("printed", PRINTED)):
            made = {}
            for kind in kinds:
                strength = 1.0 if smoke else tuned(as_tuned, kind, progress, TUNING.rounds)
                run = Run(rule, split, kind, strength, **size)
                made[run] = {
                    seed: progress.once(f"{run.key} {seed}", lambda: served(run, seed))  # noqa: B023
                    for seed in seeds
                }
            rows += [_lost(rule, split, made, clean), *_paid(rule, split, made)]
    return rows


Made = dict[Run, dict[int, dict[str, Any]]]


def _lost(rule: str, split: str, made: Made, clean: dict[int, float]) -> Measured:
    """The worst attack's cost: what each seed loses to it against FedAvg without attackers."""
    lost = {
        run: {seed: clean[seed] - ended["test"][-1] for seed, ended in runs.items()}
        for run, runs in made.items()
        if run.attack not in BY_PAY
    }
    worst = max(lost, key=lambda run: fmean(lost[run].values()))
    listed = [
        f"{run.attack} ×{run.strength:g} {fmean(values.values()):.4f} ({gone(list(made[run].values()))})"
        for run, values in lost.items()
    ]
    what = f"{RULES[rule]}, {SPLITS[split]}: lost to the worst attack, {worst.attack}"
    target = at_most(NEAR) if rule == "ours" else None
    return over_seeds(what, lost[worst], "of accuracy", target=target, note="; ".join(listed))


def _paid(rule: str, split: str, made: Made) -> list[Measured]:
    """What copies and replays earn."""
    rows = []
    for run, runs in made.items():
        if run.attack in BY_PAY:
            shares = {seed: share(ended) for seed, ended in runs.items()}
            what = (
                f"{RULES[rule]}, {SPLITS[split]}, {run.attack} ×{run.strength:g}: pay of a malicious member"
            )
            rows.append(over_seeds(what, shares, "of an even share", note=gone(list(runs.values()))))
    return rows


def share(ended: dict[str, Any]) -> float:
    """What a malicious member was paid, beside what each would get if all got alike."""
    total = sum(ended["paid"].values())
    mine = sum(ended["paid"][name] for name in ended["ill"])
    return mine / len(ended["ill"]) * len(ended["paid"]) / total if total else 0.0


def _cases() -> list[Case]:
    made = []
    for full in (False, True):
        seeds, more = SEEDS if full else SEEDS[:1], "-full" if full else ""
        what = "5 of 50 malicious through the ledger: every attack of papers/robustness"
        run = partial(malicious, ("iid", "0.5") if full else ("iid",), seeds)
        made.append(
            Case("papers", f"mutual-malicious{more}", what, run, minutes=90 if full else 14, full=full)
        )
        what = "bpcv fig. 6: 5 of 50 malicious, beside FedAvg"
        made.append(
            Case(
                "papers",
                f"mutual-fig6{more}",
                what,
                partial(figure_6, seeds),
                minutes=15 if full else 5,
                full=full,
            )
        )
    return made


CASES = tuple(_cases())
