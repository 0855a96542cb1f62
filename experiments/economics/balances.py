"""Whether honesty pays: what honest members and each kind of cheat end a request with, on the real ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

from benchmarks.case import Case, Measured, Peer, Progress, at_least, at_most
from experiments.economics.team import CHEATS, DEPOSIT, ROUNDS, Ended, members, ran, setting

SEEDS = tuple(range(320, 340))
TEAM, SMALL_TEAM = 10, 6
SHARES = (
    1.0,
    0.8,
    0.6,
    0.4,
    0.2,
    0.1,
)  # of an equal part of the rows, for the comparison with Shapley values
WRONG = (0.0, 0.0, 0.3, 0.0, 0.0, 0.0)  # and the share of a member's labels that are wrong
SHAPLEY_ROWS = 300
TOLD = {
    "free-rider": "train nothing and post the round's start again",
    "copier": "post another's hash",
    "replay": "post everybody's last step again",
    "label-flip": "train on labels turned around",
    "collude": "judge one another best and all others worst, and train honestly",
}
BEYOND = (  # without a target: who cheats with more care
    ("late", "are honest until the last round and flip their step in it", CHEATS),
    ("copy:0.3", "copy a model and add noise", CHEATS),
    ("replay:0.3", "post everybody's last step again with noise", CHEATS),
    ("collude", "judge one another best and all others worst, and train honestly", 2),
)
Runs = dict[int, Ended]


def kinds(name: str, cheats: int) -> tuple[dict[str, Any], list[Any]]:
    """The attacks of a scenario, by member; the last members are the cheats."""
    from tallystick.simulation import attacks

    who = [f"m{TEAM - 1 - place}" for place in range(cheats)]
    if name in ("honest", "small"):
        return {}, []
    if name == "late":
        return {}, [late_flip(tuple(who))]
    return dict.fromkeys(who, attacks.named(name)), []


def late_flip(who: tuple[str, ...]) -> Any:
    """Honest until the last round, in which the step is turned around."""
    from tallystick.simulation import attacks
    from tallystick.simulation.behaviours import Behaviour

    flipping = attacks.sign_flip(3).by(who, frozenset(who))

    def late(phase: Any, honest: Any) -> Any:
        flipped = flipping.serve(phase, honest) if flipping.serve else honest
        return lambda bench, jobs: (flipped if jobs[0].round == ROUNDS else honest)(bench, jobs)

    return Behaviour("flips in the last round", who, serve=late)


def all_runs(name: str, printed: bool, cheats: int, seeds: Sequence[int], progress: Progress) -> Runs:
    """One scenario over all seeds."""
    shares = [0.1 if name == "small" and place == 0 else 1.0 for place in range(TEAM)]

    def once(seed: int) -> dict[str, Any]:
        attacks, parts = kinds(name, cheats)
        return asdict(ran(setting(members(seed, shares), seed, printed, attacks, parts)))

    which = "printed" if printed else "default"
    return {
        seed: Ended(**progress.once(f"{which} {name} ×{cheats} {seed}", partial(once, seed)))
        for seed in seeds
    }


def cheats_of(name: str, cheats: int) -> list[str]:
    return [] if name in ("honest", "small") else [f"m{TEAM - 1 - place}" for place in range(cheats)]


def lower(runs: Runs, who: Sequence[str]) -> float:
    """In how many runs every one of these ended with less than before it applied."""
    return sum(all(run.change[m] < 0 for m in who) for run in runs.values()) / len(runs)


def mean_change(runs: Runs, who: Sequence[str]) -> float:
    return sum(run.change[m] for run in runs.values() for m in who) / (len(runs) * len(who))


def about_cheats(name: str, words: str, cheats: int, default: Runs, printed: Runs | None) -> Measured:
    """How often all cheats ended lower, and what they and the honest gained; beside the paper's rules."""
    who = cheats_of(name, cheats)
    honest = [m for m in next(iter(default.values())).change if m not in who]
    changes = [run.change[m] for run in default.values() for m in who]
    note = (
        f"a cheat's change {min(changes):+d} to {max(changes):+d} tokens, mean "
        f"{mean_change(default, who):+.0f}; an honest member's mean {mean_change(default, honest):+.0f}"
    )
    if printed:
        cheat, other = mean_change(printed, who), mean_change(printed, honest)
        note += f"; by the printed rules {cheat:+.0f} and {other:+.0f}"
    return Measured(
        what=f"{cheats} of {TEAM} {words}: runs in which each of them ends lower than before",
        value=lower(default, who),
        unit="of runs",
        target=at_least(0.95) if printed else None,
        peer=Peer("the paper's printed rules", lower(printed, who)) if printed else None,
        seeds=list(default),
        note=f"{note}; reward 1,000, deposit {DEPOSIT}",
    )


def about_honest(default: dict[str, Runs], printed: dict[str, Runs]) -> list[Measured]:
    """What the rules cost those who cheat nobody."""
    small, count = default["small"], sum(map(len, default.values()))
    changes = [run.change["m0"] for run in small.values()]
    others = [f"m{place}" for place in range(1, TEAM)]
    return [
        Measured(
            what="runs in which any honest member is fined",
            value=fined(default),
            unit="of runs",
            target=at_most(0.01),
            peer=Peer("the paper's printed rules", fined(printed)),
            seeds=list(small),
            note=f"{count} runs: with each kind of cheat, with none, with a member of a tenth of the data",
        ),
        Measured(
            what="an honest member with a tenth of the others' data: runs in which it ends lower",
            value=share_lower(small),
            unit="of runs",
            target=at_most(0),
            peer=Peer("the paper's printed rules", share_lower(printed["small"])),
            seeds=list(small),
            note=f"change {min(changes):+d} to {max(changes):+d} tokens, mean "
            f"{mean_change(small, ['m0']):+.0f}; the others' {mean_change(small, others):+.0f}",
        ),
    ]


def fined(all_of: dict[str, Runs]) -> float:
    """In how many runs somebody who is no cheat pays a fine."""
    there = [
        any(m not in cheats_of(name, CHEATS) for m in run.fined)
        for name, each in all_of.items()
        for run in each.values()
    ]
    return sum(there) / len(there)


def share_lower(small: Runs) -> float:
    return sum(run.change["m0"] < 0 for run in small.values()) / len(small)


def agreement(seed: int) -> float:
    """Spearman's rank correlation of pay with exact Shapley values in a team of six unequal members."""
    from scipy.stats import spearmanr

    from experiments.economics.team import left_over, trained_models, worth

    team = members(seed, SHARES, WRONG)
    kept: dict[int, Any] = {}
    made = setting(team, seed, False, {}, [trained_models(kept)])
    ended = ran(made)
    values = worth(made, kept, left_over(seed, SHARES, SHAPLEY_ROWS))
    pay = [ended.change[name] for name in values]
    return 0.0 if len(set(pay)) == 1 else float(spearmanr(pay, list(values.values())).statistic)


def about_pay(seeds: Sequence[int], progress: Progress) -> Measured:
    """Whether pay follows what members' models were worth together."""
    pairs = [progress.once(f"shapley {seed}", partial(agreement, seed)) for seed in seeds]
    return Measured(
        what=f"pay beside exact Shapley values, {len(SHARES)} unequal members: Spearman's rank correlation",
        value=sum(pairs) / len(pairs),
        unit="",
        seeds=list(seeds),
        spread=(min(pairs), max(pairs)),
        note=f"shares of the data {SHARES}, 30 % of the third one's labels are wrong; values on "
        f"{SHAPLEY_ROWS} rows of nobody's, summed over rounds; the printed rules pay all alike",
    )


def measure(smoke: bool, progress: Progress) -> list[Measured]:
    seeds = SEEDS[:1] if smoke else SEEDS
    names = ["honest", "small", *(["label-flip"] if smoke else TOLD)]
    default = {name: all_runs(name, False, CHEATS, seeds, progress) for name in names}
    pay = about_pay(seeds, progress)
    few = seeds[: max(1, len(seeds) // 4)]
    printed = {name: all_runs(name, True, CHEATS, few, progress) for name in names}
    rows = [about_cheats(n, TOLD[n], CHEATS, default[n], printed[n]) for n in names if n in TOLD]
    return [*rows, *about_honest(default, printed), pay]


def beyond(smoke: bool, progress: Progress) -> list[Measured]:
    seeds = SEEDS[: 1 if smoke else 10]
    return [
        about_cheats(name, words, cheats, all_runs(name, False, cheats, seeds, progress), None)
        for name, words, cheats in BEYOND[: 1 if smoke else None]
    ]


CASES = (
    Case(
        "papers",
        "economics",
        "what honest members and cheats of a team of ten end a request of mutual supervision with",
        measure,
        minutes=10,
    ),
    Case(
        "papers",
        "economics-beyond",
        "cheats with more care: what they end a request of mutual supervision with",
        beyond,
        minutes=3,
    ),
)
