"""Fifty members on MNIST, some of them malicious: one run under one rule and one attack.

Pictures are pooled to 14 × 14, so that a table of some 2,000 runs costs a quarter; MLP 196-128-10.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np

from experiments.pictures import pictures
from tallystick.base.fixed import capped_weights
from tallystick.base.measure import MEASURES
from tallystick.base.task import task
from tallystick.data import partition
from tallystick.learning import updates
from tallystick.learning.attacks import Attack, Seen, flipped_labels
from tallystick.learning.batches import keys_of, shuffles
from tallystick.learning.cohort import Cohort, Work
from tallystick.learning.devices import devices
from tallystick.learning.fixed_point import Overflow
from tallystick.learning.judge import Judging, drawn_judges, judging
from tallystick.learning.learner import Learner, Model, NotFinite, Rows, model_of, vector_of
from tallystick.learning.models import mlp
from tallystick.learning.posted import PostedModels, Rule
from tallystick.learning.scan import scan

MEMBERS, ROUNDS, SIZE, RATE, HIDDEN = 50, 20, 32, 0.3, 128
PIXELS, LABELS = 14 * 14, 10
HOLD_OUT, ROOT, JUDGING = 5_000, 100, 40  # rows of the training set that nobody trains on
JUDGES = 16  # of each model
PAID_EVERY = 5  # rounds: in these pay is looked at
GUESSING = 1 / LABELS  # what a run counts whose model broke
LOSS = MEASURES["loss_gain"]


@dataclass(frozen=True, eq=False)
class Team:
    """Who holds what; members stand in the order in which they post, the malicious last."""

    seed: int
    learner: Learner
    start: Model
    cohort: Cohort  # the members and, last of all, a trusted party with a few clean rows
    judges: Cohort
    hold_out: Rows  # of the training set: attacks are tuned on it
    test: Rows

    @property
    def weights(self) -> Any:
        """The members' rows."""
        return np.array(self.cohort.counts[:MEMBERS], np.int64)


@dataclass(frozen=True)
class Run:
    """How a run ended."""

    hold_out: float  # accuracy there
    test: float
    pay: float | None  # the malicious members' share of it, where it was looked at


@lru_cache(2)
def team_of(split: str, seed: int, rows: int | None) -> Team:
    """A team on rows divided evenly (iid) or by Dirichlet(split); `rows` a member, or all there are."""
    devices()
    digits = pictures("mnist", "pooled")
    train = digits.train
    chance = np.random.default_rng(seed)
    drawn = chance.permutation(len(train.y))
    kept, pool = drawn[: HOLD_OUT + ROOT], drawn[HOLD_OUT + ROOT :]
    least = JUDGING + (rows or SIZE)
    if split == "iid":
        parts = partition.iid(len(pool), MEMBERS, seed)
    else:
        parts = partition.dirichlet(train.y[pool], MEMBERS, float(split), seed, least=least)
    own = [pool[chance.permutation(part)] for part in parts]
    trained = [part[JUDGING : None if rows is None else least] for part in own]

    def held(places: Any) -> Rows:
        return Rows(train.x[places], train.y[places])

    learner = mlp(HIDDEN, rate=RATE)
    plan = SimpleNamespace(task=task(["pixel"], "digit", range(LABELS), shape=(PIXELS,)))
    return Team(
        seed=seed,
        learner=learner,
        start=jax.tree.map(np.asarray, learner.init(plan, jax.random.key(seed))),
        cohort=Cohort((*map(held, trained), held(kept[HOLD_OUT:]))),
        judges=Cohort(tuple(held(part[:JUDGING]) for part in own)),
        hold_out=held(kept[:HOLD_OUT]),
        test=digits.test,
    )


@lru_cache(2)
def turned(team: Team, malicious: int) -> Cohort:
    """The cohort in which the malicious train on labels turned around."""
    members = list(team.cohort.members)
    for place in range(MEMBERS - malicious, MEMBERS):
        members[place] = members[place]._replace(y=flipped_labels(members[place].y, LABELS))
    return Cohort(tuple(members))


@cache
def runner() -> Callable[[Work], Any]:
    """One runner for all runs: it keeps the rows where they are trained on."""
    return scan()


@cache
def judge() -> Any:
    return judging()


def play(
    team: Team,
    rule: Rule,
    attack: Attack | None = None,
    malicious: int = 0,
    *,
    flipped: bool = False,
    scored: bool = False,
    paid: bool = False,
    rounds: int = ROUNDS,
) -> Run:
    """Rounds of training, attacking, judging where it is needed, and combining."""
    work = Work(team.learner, turned(team, malicious) if flipped else team.cohort, team.start, team.start,
                *orders(team, 0), models=True, total=False)  # fmt: skip
    start = before = vector_of(team.start)
    shares = []
    try:
        for number in range(1, rounds + 1):
            batches, keys = orders(team, number)
            work = replace(work, start=model_of(start, team.start), orders=batches, keys=keys)
            models = runner()(work).models
            posted, root = models[:MEMBERS], models[MEMBERS]
            if attack is not None and malicious:
                seen = Seen(
                    posted[:-malicious], posted[-malicious:], start, before, 1000 * team.seed + number
                )
                posted[-malicious:] = attack(seen)
            looked = paid and number % PAID_EVERY == 0
            scored_by = scores(team, posted, start, malicious, number) if scored or looked else None
            if looked and scored_by is not None:
                shares.append(pay(posted - start, scored_by, malicious))
            known = None if scored_by is None else scored_by[:-1]
            combined = rule(PostedModels(posted, start, team.weights, known, root))
            start, before = combined, start
        model = model_of(start, team.start)
        accuracies = accuracy(team, model, team.hold_out), accuracy(team, model, team.test)
    except (NotFinite, Overflow):
        accuracies = GUESSING, GUESSING
    return Run(*accuracies, pay=float(np.mean(shares)) if shares else None)


@lru_cache(2 * ROUNDS)
def orders(team: Team, number: int) -> tuple[Any, Any]:
    """The members' batches of a round, and their keys."""
    keys = keys_of((team.seed, number, member) for member in range(MEMBERS + 1))
    return shuffles(team.cohort.counts, SIZE, 1, keys), keys


def scores(team: Team, posted: Any, start: Any, malicious: int, number: int) -> Any:
    """Each model's median loss gain by drawn judges, and last the start's by all.

    Malicious judges say the best of one another and the worst of all others.
    """
    pairs = np.ones((MEMBERS + 1, MEMBERS), bool)
    pairs[:MEMBERS] = drawn_judges(MEMBERS, range(MEMBERS), JUDGES, 1000 * team.seed + number)
    models = np.concatenate([posted, start[None]])
    gains = judge()(Judging(team.learner, models, team.start, team.judges, (LOSS,), pairs))[:, :, 0]
    gains = np.clip(np.nan_to_num(gains, nan=LOSS.lower), LOSS.lower, LOSS.upper).astype(np.float64)
    if malicious:
        gains[:, -malicious:] = LOSS.lower
        gains[-1 - malicious : -1, -malicious:] = LOSS.upper
    return np.nanmedian(np.where(pairs, gains, np.nan), axis=1)


def pay(steps: Any, gained: Any, malicious: int) -> float:
    """The share of a round's reward that the malicious get, as the ledger counts it.

    By gain over the round's start, none for what is unchanged or a later copy, nobody above 2/n.
    """
    gains = np.maximum(gained[:-1] - gained[-1], 0)
    gains[updates.unchanged(steps)] = 0
    gains[updates.later_copies(steps)] = 0
    parts: Sequence[int] = capped_weights([round(1e6 * gain) for gain in gains])
    return sum(parts[-malicious:]) / sum(parts)


def accuracy(team: Team, model: Model, rows: Rows) -> float:
    """The share of rows whose label the model says."""
    predicted = np.asarray(team.learner.predict(model, rows.x))
    if not np.isfinite(predicted).all():
        raise NotFinite("the model says nothing finite")
    return float(np.mean(np.argmax(predicted, axis=1) == rows.y))
