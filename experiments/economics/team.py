"""A team of members with handwritten digits for `papers/economics`: who does what, and what it ends with."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

ROWS, SIDE, LABELS = 1_797, 8, 10  # scikit-learn's digits
JUDGING = 0.3
FEWEST = 20  # judging rows below which a member abstains
DEPOSIT, BALANCE = 200, 10_000
ROUNDS, EPOCHS, BATCH, WIDTH, RATE = 5, 2, 16, 32, 0.01
CHEATS = 3  # of ten


@dataclass(frozen=True)
class Ended:
    """What a run came to, as JSON keeps it."""

    change: dict[str, int]  # tokens more than before applying
    fined: list[str]
    gone: dict[str, str]
    figure: float


def members(seed: int, shares: Sequence[float], wrong: Sequence[float] = ()) -> Any:
    """Members with these shares of an equal part each, and so many labels of theirs wrong."""
    import numpy as np
    from sklearn.datasets import load_digits

    from tallystick.base.ids import digest
    from tallystick.base.task import task
    from tallystick.learning.learner import Rows
    from tallystick.simulation.members import Members
    from tallystick.simulation.setting import Brought

    pixels, digits = load_digits(return_X_y=True)
    x, y = (pixels / 16).astype(np.float32), digits.astype(np.int32)
    chance = np.random.default_rng(seed)
    brought = {}
    parts = np.array_split(chance.permutation(ROWS), len(shares))
    for place, (part, share) in enumerate(zip(parts, shares, strict=True)):
        kept = part[: max(2, round(share * len(part)))]
        cut = max(1, round(JUDGING * len(kept)))
        labels = y[kept[cut:]].copy()
        bad = chance.random(len(labels)) < (wrong[place] if wrong else 0.0)
        labels[bad] = (labels[bad] + chance.integers(1, LABELS, bad.sum())) % LABELS
        training, judging = Rows(x[kept[cut:]], labels), Rows(x[kept[:cut]], y[kept[:cut]])
        roots = (digest(b"training", x[kept[cut:]].tobytes()), digest(b"judging", x[kept[:cut]].tobytes()))
        brought[f"m{place}"] = Brought(training, judging, roots)
    digit_task = task([f"p{number}" for number in range(SIDE * SIDE)], "digit", range(LABELS))
    return Members(digit_task, brought)


def left_over(seed: int, shares: Sequence[float], count: int) -> Any:
    """Rows that no member of this team has."""
    import numpy as np
    from sklearn.datasets import load_digits

    from tallystick.learning.learner import Rows

    pixels, digits = load_digits(return_X_y=True)
    parts = np.array_split(np.random.default_rng(seed).permutation(ROWS), len(shares))
    free = [part[max(2, round(share * len(part))) :] for part, share in zip(parts, shares, strict=True)]
    rows = np.concatenate(free)[:count]
    return Rows((pixels[rows] / 16).astype(np.float32), digits[rows].astype(np.int32))


def setting(
    team: Any, seed: int, printed: bool, attacks: Mapping[str, Any], parts: Sequence[Any] = ()
) -> Any:
    """A request under mutual supervision, by the default rules or by the paper's."""
    from tallystick.learning.models import mlp
    from tallystick.protocols.plans import presets
    from tallystick.simulation.study import setting_of

    scheme = presets.mutual(
        mlp(WIDTH, rate=RATE, optimiser="adam"),
        rounds=ROUNDS,
        epochs=EPOCHS,
        batch=BATCH,
        attackers=len(team) // 3,
        fewest=FEWEST,
        deposit=DEPOSIT,
        as_printed=printed,
    )
    return replace(setting_of(scheme, team, seed, attacks, parts, None), balance=BALANCE)


def ran(made: Any) -> Ended:
    """The request from registration to settlement on a ledger of its own."""
    from tallystick.ledger.notices import Fined, MemberLeft
    from tallystick.simulation.run import simulate

    with tempfile.TemporaryDirectory() as folder:
        ended = simulate(made, Path(folder) / "ledger")
    notices = [notice for _, notice in ended.notices]
    return Ended(
        {name: ended.balances[name] - made.balance for name in made.members},
        sorted({row.member for row in notices if isinstance(row, Fined)}),
        {row.member: row.reason for row in notices if isinstance(row, MemberLeft)},
        (ended.progress.figure or 0) / 10**6,
    )


def trained_models(into: dict[int, Any]) -> Any:
    """A part that does nothing but keep what each round started from and what was trained in it."""
    from tallystick.simulation.behaviours import Behaviour

    def listen(phase: Any, honest: Callable[..., Any]) -> Callable[..., Any]:
        if phase.name != "train":
            return honest

        def serve(bench: Any, jobs: Sequence[Any]) -> Any:
            products = honest(bench, jobs)
            models = {job.member: made.model for job, made in zip(jobs, products, strict=True)}
            sizes = {job.member: len(job.holding.training.y) for job in jobs}
            into[jobs[0].round] = (jobs[0].start, models, sizes)
            return products

        return serve

    return Behaviour("looks on", (), serve=listen)


def worth(made: Any, rounds: Mapping[int, Any], rows: Any) -> dict[str, float]:
    """Each member's exact Shapley value: what the mean of a round's models reaches, over all rounds."""
    import numpy as np

    from tallystick.learning.contribution import shapley, values_of_means
    from tallystick.learning.judge import judging
    from tallystick.learning.learner import vector_of

    total = dict.fromkeys(made.members, 0.0)
    judge = judging()
    for start, models, sizes in rounds.values():
        names = list(models)
        stack = np.stack([vector_of(models[name]) for name in names])
        values = values_of_means(
            judge, made.learner, stack, [sizes[name] for name in names], vector_of(start), start, rows,
            made.plan.task.measure,
        )  # fmt: skip
        for name, value in zip(names, shapley(values, len(names)), strict=True):
            total[name] += float(value)
    return total
