"""How fast simulated members train and judge: MNIST, MLP 784-128-10, one epoch a round, batch 32.

The peers run in an environment of their own (`benchmarks/peers/set_up.py`), on the same rows in the same run.
"""

from __future__ import annotations

import inspect
import resource
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from benchmarks import peers
from benchmarks.case import Case, Measured, Peer, Progress, at_least, at_most

if TYPE_CHECKING:
    from tallystick.learning.cohort import Runner, Stack, Work

RATE, SIZE, HIDDEN, LABELS, PIXELS = 0.1, 32, 128, 10, 784
FORWARD = 2 * (PIXELS * HIDDEN + HIDDEN * LABELS)  # operations a row
# Forward, and backward without the gradient of the pixels, which nobody needs.
BACKWARD = 2 * (PIXELS * HIDDEN + 2 * HIDDEN * LABELS)
SLOW_PEAK = 250.0  # GFLOP/s below which matrix products no longer decide a round


@dataclass(frozen=True)
class Setting:
    """A cohort on MNIST and the work of a round."""

    members: int
    rows: int
    pixels: Any  # [members, rows, 784] bytes
    labels: Any
    runner: Runner
    work: Callable[[int], Work]
    test: tuple[Any, Any]

    @classmethod
    def of(cls, members: int, rows: int, models: bool = False) -> Setting:
        """Members with rows drawn from the training set, each row once where there are enough."""
        import jax
        import numpy as np

        from tallystick.base.task import task
        from tallystick.data.datasets import load
        from tallystick.learning.batches import keys_of, shuffles
        from tallystick.learning.cohort import Cohort, Work
        from tallystick.learning.devices import devices
        from tallystick.learning.learner import Rows
        from tallystick.learning.models import mlp
        from tallystick.learning.scan import scan

        devices()
        data = load("mnist")
        x = np.asarray(data["train"]["image"]).reshape(-1, PIXELS)
        y = np.asarray(data["train"]["label"]).astype(np.int32)
        chance = np.random.default_rng(7)
        enough = members * rows <= len(y)
        drawn = chance.permutation(len(y)) if enough else chance.integers(0, len(y), members * rows)
        places = drawn[: members * rows].reshape(members, rows)
        cohort = Cohort(tuple(Rows(x[own], y[own]) for own in places))
        learner = mlp(HIDDEN, rate=RATE)
        plan = SimpleNamespace(task=task(["pixel"], "digit", range(LABELS), shape=(PIXELS,)))
        start = learner.init(plan, jax.random.key(1))

        def work(number: int) -> Work:
            keys = keys_of((7, number, member) for member in range(members))
            orders = shuffles([rows] * members, SIZE, 1, keys)
            return Work(learner, cohort, start, start, orders, keys, models=models, total=not models)

        test = np.asarray(data["test"]["image"]).reshape(-1, PIXELS), np.asarray(data["test"]["label"])
        return cls(members, rows, x[places], y[places], scan(), work, test)

    @property
    def operations(self) -> float:
        """Floating-point operations of a round's training."""
        return float(self.members * self.rows * (FORWARD + BACKWARD))


@dataclass(frozen=True)
class Timed:
    """Seconds of a round, and the accuracy of the mean model after the last one."""

    median: float
    lowest: float
    highest: float
    accuracy: float


def matmul_peak() -> float:
    """The best of several products of two 2048² matrices on all cores, in GFLOP/s."""
    import jax
    import jax.numpy as jnp

    from tallystick.learning.devices import devices

    devices()  # JAX divides the cores before its first use only: what is timed next needs one device for each
    product = jax.jit(lambda a: a @ a)
    a = jnp.ones((2048, 2048))
    product(a).block_until_ready()
    return 2 * 2048**3 / min(seconds(lambda: product(a).block_until_ready()) for _ in range(9)) / 1e9


def seconds(do: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    do()
    return time.perf_counter() - begun


def play(setting: Setting, rounds: int) -> Timed:
    """Rounds of averaging: draw orders, train all members, take the mean; the first round is not timed."""
    import numpy as np

    model: Any = None
    spent = []
    for number in range(rounds + 1):
        begun = time.perf_counter()
        work = setting.work(number)
        work = work if model is None else replace(work, start=model)
        model = setting.runner(work).mean()
        spent.append(time.perf_counter() - begun)
    x, y = setting.test
    hits = np.argmax(np.asarray(setting.work(0).learner.predict(model, x)), axis=1) == y
    return Timed(statistics.median(spent[1:]), min(spent[1:]), max(spent[1:]), float(hits.mean()))


def vectorised(setting: Setting, rounds: int) -> float:
    """Seconds of a round with `vmap` over members: the simplest program for many members at once."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    from tallystick.learning.learner import Batches, Rows

    work = setting.work(0)
    index = np.stack(work.orders)
    x, y = jnp.asarray(setting.pixels), jnp.asarray(setting.labels)
    keys = jax.vmap(jax.random.wrap_key_data)(jnp.stack(work.keys))

    @jax.jit
    def train(model: Any, index: Any) -> Any:
        def member(x: Any, y: Any, order: Any, key: Any) -> Any:
            given = Batches(Rows(x, y), order, np.int32(index.shape[1]), np.int32(0))
            return work.learner.train(model, (), given, key, None).model

        models = jax.vmap(member)(x, y, index, keys)
        return jax.tree.map(lambda part: part.mean(axis=0), models)

    model = jax.block_until_ready(train(work.start, index))
    return statistics.median(
        seconds(lambda: jax.block_until_ready(train(model, index))) for _ in range(rounds)
    )


def round_50(smoke: bool, progress: Progress) -> list[Measured]:
    """50 members × 1,200 rows beside PyTorch in a loop, Flower's simulation and `vmap`."""
    members, rows, rounds = (4, 60, 1) if smoke else (50, 1200, 8)
    peak = matmul_peak()
    setting = Setting.of(members, rows)
    ours = play(setting, rounds)
    progress(f"ours {ours.median:.3f} s a round, accuracy {ours.accuracy:.3f}")
    by_members = vectorised(setting, rounds)
    progress(f"vmap {by_members:.3f} s a round")
    others = {
        name: progress.once(name, partial(peers.rounds, name, setting, rounds, progress))
        for name in ("torch", "flower")
        if peers.ready()
    }
    again = play(setting, rounds)
    peak = max(peak, matmul_peak())
    best = min(ours, again, key=lambda timed: timed.median)
    note = f"matmul peak {peak:.0f} GFLOP/s; accuracy {best.accuracy:.4f} after {rounds + 1} rounds"
    figures = [
        Measured(
            what="a round of 50 × 1,200 rows",
            value=best.median,
            unit="s",
            peer=Peer("JAX, vmap over members", by_members),
            spread=(best.lowest, best.highest),
            note=note if peers.ready() else f"{note}; {peers.MISSING}",
        ),
        Measured(
            what="share of the matmul peak",
            value=setting.operations / best.median / 1e9 / peak,
            unit="of the peak",
            target=at_least(0.5),
        ),
    ]
    targets = {"torch": 4.0, "flower": 10.0 if peak >= SLOW_PEAK else 6.0}
    for name, other in others.items():
        figures.append(
            Measured(
                what=f"times as fast as {other['what']}",
                value=other["median"] / best.median,
                unit="×",
                target=at_least(targets[name]),
                note=f"{other['median']:.3f} s a round, accuracy {other['accuracy']:.4f}",
            )
        )
    return figures


def round_1000(smoke: bool, progress: Progress) -> list[Measured]:
    """1,000 members × 60 rows: the mean alone, and with 16 judges for each model and the rule of `mutual`."""
    members, rounds = (20, 1) if smoke else (1000, 6)
    plain = play(Setting.of(members, 60), rounds)
    progress(f"the mean: {plain.median:.3f} s a round")
    rule = default_rule()
    spent, parts = judged_rounds(Setting.of(members, 60, models=True), rounds, min(16, members - 1), rule)
    whole = statistics.median(spent)
    return [
        Measured(
            what="a round of 1,000 × 60 rows, weighted mean",
            value=plain.median,
            unit="s",
            target=at_most(0.2),
            spread=(plain.lowest, plain.highest),
        ),
        Measured(
            what=f"the same with 16 judges a model and the default robust rule, {rule}",
            value=whole,
            unit="s",
            target=at_most(0.2),
            spread=(min(spent), max(spent)),
            parts=parts,
            note="each judge has 12 rows: with fewer than 200 a member would abstain in a real team",
        ),
    ]


def default_rule() -> str:
    """The rule by which `mutual` combines unless asked otherwise."""
    from tallystick.protocols.presets.mutual import mutual

    return str(inspect.signature(mutual).parameters["rule"].default)


def judged_rounds(
    setting: Setting, rounds: int, several: int, rule_name: str
) -> tuple[list[float], dict[str, float]]:
    """Seconds of rounds of training, judging and a robust rule, and each one's share."""
    import numpy as np

    from tallystick.base.measure import MEASURES
    from tallystick.learning.cohort import Cohort
    from tallystick.learning.combine import RULES
    from tallystick.learning.judge import Judging, drawn_judges, judging
    from tallystick.learning.learner import Rows, model_of, vector_of
    from tallystick.learning.posted import PostedModels

    judges = Cohort(tuple(Rows(x[:12], y[:12]) for x, y in zip(setting.pixels, setting.labels, strict=True)))
    judge, rule = judging(), RULES[rule_name](setting.members // 10)
    measures = (MEASURES["loss_gain"],)
    model: Any = None
    spent: list[dict[str, float]] = []
    for number in range(rounds + 1):
        work = setting.work(number)
        work = work if model is None else replace(work, start=model)
        marks = [time.perf_counter()]
        models = cast("Stack", setting.runner(work).models)  # all models have one shape
        marks.append(time.perf_counter())
        pairs = drawn_judges(setting.members, range(setting.members), several, number)
        values = judge(Judging(work.learner, models, work.like, judges, measures, pairs))
        scores = np.nanmedian(values[:, :, 0], axis=1).astype(np.float64)
        marks.append(time.perf_counter())
        weights = np.full(setting.members, setting.rows)
        model = model_of(rule(PostedModels(models, vector_of(work.start_of(0)), weights, scores)), work.like)
        marks.append(time.perf_counter())
        names = ("train", "judge", "combine")
        spent.append(
            {name: after - before for name, before, after in zip(names, marks, marks[1:], strict=False)}
        )
    timed = spent[1:]
    whole = sum(sum(part.values()) for part in timed)
    shares = {name: sum(part[name] for part in timed) / whole for name in timed[0]}
    return [sum(part.values()) for part in timed], shares


def round_10000(smoke: bool, progress: Progress) -> list[Measured]:
    """10,000 members × 60 rows within 8 GB."""
    members, rounds = (50, 1) if smoke else (10_000, 4)
    timed = play(Setting.of(members, 60), rounds)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return [
        Measured(
            what="a round of 10,000 × 60 rows, weighted mean",
            value=timed.median,
            unit="s",
            spread=(timed.lowest, timed.highest),
            note="rows drawn with repetition from MNIST's 60,000",
        ),
        Measured(what="memory at its highest", value=memory, unit="GB", target=at_most(8)),
    ]


def judge_50(smoke: bool, progress: Progress) -> list[Measured]:
    """Every one of 50 models on every one of 50 members' 1,200 rows."""
    from tallystick.base.measure import MEASURES
    from tallystick.learning.cohort import Cohort
    from tallystick.learning.judge import Judging, judging
    from tallystick.learning.learner import Rows

    members, rows, rounds = (4, 60, 1) if smoke else (50, 1200, 5)
    setting = Setting.of(members, rows, models=True)
    work = setting.work(0)
    models = setting.runner(work).models
    judges = Cohort(tuple(Rows(x, y) for x, y in zip(setting.pixels, setting.labels, strict=True)))
    asked = Judging(work.learner, models, work.like, judges, (MEASURES["loss_gain"], MEASURES["accuracy"]))
    judge, peak = judging(), matmul_peak()
    judge(asked)
    spent = [seconds(lambda: judge(asked)) for _ in range(rounds)]
    peak = max(peak, matmul_peak())
    median = statistics.median(spent)
    return [
        Measured(
            what="50 models on 50 × 1,200 rows, loss gain and accuracy",
            value=median,
            unit="s",
            spread=(min(spent), max(spent)),
            note=f"matmul peak {peak:.0f} GFLOP/s",
        ),
        Measured(
            what="share of the matmul peak",
            value=members * members * rows * FORWARD / median / 1e9 / peak,
            unit="of the peak",
            target=at_least(0.6),
        ),
    ]


CASES = (
    Case("bench", "round-50", "a round of 50 members × 1,200 rows of MNIST", round_50, minutes=4),
    Case("bench", "round-1000", "a round of 1,000 members × 60 rows of MNIST", round_1000, minutes=1),
    Case("bench", "round-10000", "a round of 10,000 members × 60 rows of MNIST", round_10000, minutes=1),
    Case("bench", "judge-50", "50 members judge 50 models", judge_50, minutes=1),
)
