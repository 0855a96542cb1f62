"""Coalition paper (He et al.) § 3.2: data owners mask what they send, an analyst adds up, a consumer pays.

The paper measures nothing of it. What its steps say is measured here on the real ledger, beside the plain
average of the same owners who lose the same posts: that masks change no bit of the model and hide each one,
that the loss converges, what masks cost in bytes, and that all of the consumer's fee is paid out.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.case import Case, Figure, Progress, exactly
from experiments.seeds import curve, over_seeds

if TYPE_CHECKING:
    from tallystick.simulation.run import Ended
    from tallystick.simulation.setting import Setting

OWNERS, ROWS, HIDDEN, ROUNDS, SEEDS = 10, 500, 64, 15, (1, 2, 3)
REWARD, FEE = 1_000, 100  # what the consumer pays, and of it the analyst's fee
CONVERGED = 0.01  # the loss fell by less than this share in a round

DATA = (
    f"MNIST, {OWNERS} owners with {ROWS} images each, one of them lost in every second round; 784-{HIDDEN}-10"
)


def lost(number: int, owners: int) -> str | None:
    """Who does not answer in a round: nobody, or one owner after the other."""
    return f"owner-{number // 2 % owners}" if number % 2 == 0 else None


def setting_for(secure: bool, seed: int, owners: int, rounds: int) -> tuple[Setting, Any]:
    """The request, with or without masks, and the test rows; the plan is the same, so that all else is."""
    from tallystick.base.ids import digest
    from tallystick.base.task import task
    from tallystick.data.datasets import load
    from tallystick.learning.learner import Rows
    from tallystick.learning.models import mlp
    from tallystick.learning.scan import scan
    from tallystick.ledger import transactions as tx
    from tallystick.protocols.composing import composed
    from tallystick.protocols.request_plan import RequestPlan
    from tallystick.simulation.setting import Brought, Setting

    def rows(part: str, places: Any) -> Rows:
        x = np.asarray(data[part]["image"])[places].reshape(len(places), -1).astype(np.float32) / 255
        return Rows(x, np.asarray(data[part]["label"])[places].astype(np.int32))

    data = load("mnist")
    drawn = np.random.default_rng(seed).permutation(60_000)[: owners * (ROWS + 50)].reshape(owners, -1)
    brought = {}
    for number, places in enumerate(drawn):
        roots = (digest(b"training", bytes([number])), digest(b"judging", bytes([number])))
        brought[f"owner-{number}"] = Brought(
            rows("train", places[:ROWS]), rows("train", places[ROWS:]), roots
        )
    learner = mlp(HIDDEN)
    asked = task(["pixel"], "digit", range(10), shape=(784,))
    plan = RequestPlan(
        asked, "secure_averaging", "1", learner.name, learner.version, digest(b"source"), seed=seed
    )
    phase = "masked" if secure else "train"
    fee = {"analyst_fee": FEE} if secure else {}
    preset = "secure_averaging" if secure else "averaging"
    protocol = composed(preset, {"size": owners, "deposit": 0, **fee}).protocol

    def alter(node: Any, body: Any) -> Any:
        silent = isinstance(body, tx.Post) and body.phase == phase and node.member == lost(body.round, owners)
        return None if silent else body

    setting = Setting(plan, protocol, learner, scan(), brought, rounds, reward=REWARD, seed=seed)
    return replace(setting, alter=alter), rows("test", np.arange(10_000))


def models(ended: Ended, setting: Setting, folder: Path) -> list[Any]:
    """The combined model of every round."""
    from tallystick.engines.embedded.reader import open_reader
    from tallystick.history.replay import replay
    from tallystick.learning import payload
    from tallystick.node.worker import seed_key
    from tallystick.simulation.setting import genesis_of

    with open_reader(folder) as view:
        hashes = replay(view, genesis_of(setting)).models
    specs = payload.specs_of(setting.learner.init(setting.plan, seed_key(setting.plan)))
    return [payload.decode(ended.payloads[hashes[number]], specs)[1] for number in sorted(hashes)]


def one_request(seed: int, owners: int, rounds: int) -> dict[str, Any]:
    """The same request with masks and without."""
    from tallystick.learning.learner import vector_of
    from tallystick.simulation.run import simulate
    from tallystick.simulation.setting import ANALYST, REQUESTER

    made, ends = {}, {}
    with tempfile.TemporaryDirectory() as kept:
        for secure in (True, False):
            setting, test = setting_for(secure, seed, owners, rounds)
            folder = Path(kept) / str(secure)
            ends[secure] = simulate(setting, folder)
            made[secure] = models(ends[secure], setting, folder)
    pairs = zip(made[True], made[False], strict=True)
    differing = sum(not np.array_equal(vector_of(left), vector_of(other)) for left, other in pairs)
    losses, hits = [], []
    for model in made[True]:
        shares = np.asarray(setting.learner.predict(model, test.x))
        losses.append(float(-np.log(np.maximum(shares[np.arange(len(test.y)), test.y], 1e-12)).mean()))
        hits.append(float((shares.argmax(axis=1) == test.y).mean()))
    words = [word for word in map(masked_words, ends[True].payloads.values()) if word is not None]
    paid = {member: balance - setting.balance for member, balance in ends[True].balances.items()}
    earned = [amount for member, amount in paid.items() if member not in (ANALYST, REQUESTER)]
    return {
        "rounds": len(made[True]),
        "differing": differing,
        "loss": losses,
        "accuracy": hits,
        "ones": float(np.mean([(word < 0).mean() for word in words])),
        "bytes": float(np.mean([word.nbytes for word in words])) / (4 * len(vector_of(made[True][0]))),
        "fee": paid[ANALYST],
        "unaccounted": REWARD - ends[True].balances[REQUESTER] - paid[ANALYST] - sum(earned),
        "least": min(earned),
        "most": max(earned),
    }


def masked_words(data: bytes) -> Any:
    """What an owner posted under its masks, if these bytes are such a post."""
    length = int.from_bytes(data[:8], "little")
    return np.frombuffer(data[8 + length :], "<i8") if b'"words"' in data[8 : 8 + length] else None


def section(smoke: bool, progress: Progress) -> Figure:
    """§ 3.2, step by step."""
    from tallystick.report.plots import Panel

    seeds, owners, rounds = ((1,), 4, 2) if smoke else (SEEDS, OWNERS, ROUNDS)
    runs = {s: progress.once(f"seed {s}", lambda: one_request(s, owners, rounds)) for s in seeds}  # noqa: B023

    def row(what: str, name: str, unit: str = "", **more: Any) -> Any:
        return over_seeds(what, {seed: float(run[name]) for seed, run in runs.items()}, unit, **more)

    def settled(losses: list[float]) -> float:
        falls = [1 - after / before for before, after in pairwise(losses)]
        return float(next((place for place, fall in enumerate(falls, 2) if fall < CONVERGED), len(losses)))

    rows = [
        row("step 1: share of ones in the highest bit of masked words", "ones",
            note="words that say nothing have .5"),
        row(f"step 2: rounds of {rounds} in which the masked mean is not the plain one, bit for bit",
            "differing", "rounds", target=exactly(0), note=DATA),
        row("bytes of a masked model ÷ of a plain one", "bytes", "times"),
        over_seeds(f"rounds until the loss falls by less than {CONVERGED:.0%}",
                   {seed: settled(run["loss"]) for seed, run in runs.items()}, "rounds"),
        over_seeds(f"accuracy after {rounds} rounds",
                   {seed: run["accuracy"][-1] for seed, run in runs.items()}, note=DATA),
        row("the analyst's fee", "fee", "tokens", target=exactly(FEE), note=f"of the consumer's {REWARD:,}"),
        row("an owner's pay, the least", "least", "tokens"),
        row("an owner's pay, the most", "most", "tokens"),
        row("tokens that the consumer paid and nobody got", "unaccounted", "tokens", target=exactly(0)),
    ]  # fmt: skip
    places = list(range(1, rounds + 1))
    return Figure(
        rows,
        [
            Panel("round", "test loss", {"masked": curve(places, [run["loss"] for run in runs.values()])}),
            Panel("round", "accuracy", {"masked": curve(places, [run["accuracy"] for run in runs.values()])}),
        ],
    )


CASES = (
    Case(
        "papers",
        "secure-averaging-section3-2",
        "coalition § 3.2: owners, an analyst, a consumer",
        section,
        minutes=1.5,
    ),
)
