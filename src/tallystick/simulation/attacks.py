"""Ill will: bad models, false scores, others' work or none. Members with the same attack collude."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from msgspec.structs import replace as record_with

from ..base.ids import digest
from ..base.measure import Measure
from ..base.task import Task
from ..learning import attacks as mathematics
from ..learning.learner import Model, Rows, Vector, model_of, vector_of
from ..ledger import transactions as tx
from ..ledger import views
from ..ledger.state import PHASES, POSTS, PROGRESS
from ..ledger.transactions import posts
from ..node.loop import Node
from ..protocols.vocabulary import Bench, Job, PhasePlan, Product, Scored, Serve
from .behaviours import Behaviour, LiveRun

Team: TypeAlias = frozenset[str]  # all who attack in a run, whatever they do


@dataclass(frozen=True)
class Attack:
    """One kind of ill will; who attacks is named where it is added to a run."""

    id: str  # with its settings: the same id is the same attack
    words: str
    of: Callable[[Attack, tuple[str, ...], Team], Behaviour]  # who does this, all who attack
    parameters: bool = False  # whether it needs models that are vectors of numbers

    def by(self, who: tuple[str, ...], team: Team) -> Behaviour:
        """The behaviour of those who do this, among all who attack."""
        return self.of(self, who, team)


def behaviours(attacks: Mapping[str, Attack]) -> list[Behaviour]:
    """The behaviours of all attackers: those with the same attack act as one."""
    alike: dict[str, list[str]] = {}
    for member, attack in attacks.items():
        alike.setdefault(attack.id, []).append(member)
    known = {attack.id: attack for attack in attacks.values()}
    return [known[name].by(tuple(sorted(who)), frozenset(attacks)) for name, who in alike.items()]


def _id(name: str, setting: float | None) -> str:
    """An attack with its setting; 5 and 5.0 are the same."""
    return name if setting is None else f"{name}:{float(setting)!r}"


def sign_flip(strength: float = 1.0) -> Attack:
    """Step the other way, so many times as far."""
    return _of_models(_id("sign-flip", strength), f"sign-flip ×{strength:g}", mathematics.sign_flip(strength))


def random_weights(scale: float = 1.0) -> Attack:
    """Post weights drawn at random."""
    return _of_models(_id("random", scale), f"random weights ×{scale:g}", mathematics.random_weights(scale))


def alie(strength: float | None = None) -> Attack:
    """ "A little is enough": just inside the spread of the honest models, which these attackers know."""
    words = "a little is enough" + ("" if strength is None else f" ×{strength:g}")
    return _of_models(_id("alie", strength), words, mathematics.alie(strength))


def inner_product(strength: float = 1.0) -> Attack:
    """Against the honest mean step."""
    return _of_models(
        _id("inner-product", strength), f"inner product ×{strength:g}", mathematics.inner_product(strength)
    )


def min_max(share: float = 1.0) -> Attack:
    """As far from the honest as they are from one another."""
    return _of_models(_id("min-max", share), f"min-max ×{share:g}", mathematics.min_max("deviation", share))


def copy(noise: float = 0.0) -> Attack:
    """Post an honest member's model as one's own, perhaps with noise on it."""
    return _of_models(_id("copy", noise), f"copies a model, noise {noise:g}", mathematics.copy(noise))


def replay(noise: float = 0.0) -> Attack:
    """Post everybody's last step once more."""
    words = f"replays the last step, noise {noise:g}"
    return _of_models(_id("replay", noise), words, mathematics.replay(noise), forgetful=True)


def label_flip(strength: float = 1.0) -> Attack:
    """Train on labels that were turned around, and post a step so many times as long."""
    words = "flips labels" + ("" if strength == 1 else f", step ×{strength:g}")

    def flip(rows: Rows, task: Task) -> Rows:
        if not task.labels:
            return rows._replace(y=-np.asarray(rows.y))
        return rows._replace(y=mathematics.flipped_labels(rows.y, len(task.labels)))

    def of(attack: Attack, who: tuple[str, ...], team: Team) -> Behaviour:
        if strength == 1:
            return Behaviour(attack.id, who, words, rows=flip)
        boost = mathematics.boost(strength)

        def longer(phase: PhasePlan, honest: Serve) -> Serve:
            return _posting(phase, honest, who, team, boost)

        return Behaviour(attack.id, who, words, rows=flip, serve=longer)

    return Attack(_id("label-flip", strength), words, of, parameters=strength != 1)


def free_rider() -> Attack:
    """Train nothing, post the round's start again, and hope to be paid."""

    def of(attack: Attack, who: tuple[str, ...], team: Team) -> Behaviour:
        def idle(phase: PhasePlan, honest: Serve) -> Serve:
            if not _trains(phase):
                return honest

            def serve(bench: Bench, jobs: Sequence[Job]) -> list[Product]:
                working = [job for job in jobs if job.member not in who]
                made = dict(zip([job.member for job in working], honest(bench, working), strict=True))
                return [
                    made.get(job.member, Product(job.start, rows=len(job.holding.training.y))) for job in jobs
                ]

            return serve

        return Behaviour(attack.id, who, attack.words, serve=idle)

    return Attack("free-rider", "posts the start again", of)


def copier() -> Attack:
    """Train nothing: wait until another has posted, and post the same hash."""

    def alter(run: LiveRun, node: Node, body: tx.Transaction) -> tx.Transaction | None:
        rule = run.rule(body.phase) if isinstance(body, tx.Post) else None
        if not isinstance(body, tx.Post) or rule is None or rule.rows != "training":
            return body
        stolen = _posted(run, node.member)
        return None if stolen is None else record_with(body, content=stolen)

    return Attack("copier", "posts another's hash", _altering(alter))


def lie_about_size(times: float = 10.0) -> Attack:
    """Say that its data is so many times as large, when it is registered, offered and trained on."""

    def alter(run: LiveRun, node: Node, body: tx.Transaction) -> tx.Transaction | None:
        if isinstance(body, tx.RegisterUnit):
            return record_with(body, profile=record_with(body.profile, rows=round(times * body.profile.rows)))
        if isinstance(body, tx.Apply):
            return record_with(body, amount=round(times * body.amount))
        if isinstance(body, tx.Post) and isinstance(body.content, posts.Model):
            return record_with(body, content=record_with(body.content, rows=round(times * body.content.rows)))
        return body

    return Attack(_id("lie-about-size", times), f"claims {times:g} times its rows", _altering(alter))


def collude() -> Attack:
    """Judge fellow attackers as best and all others as worst."""

    def of(attack: Attack, who: tuple[str, ...], team: Team) -> Behaviour:
        def lie(phase: PhasePlan, honest: Serve) -> Serve:
            return honest if phase.do.content != "scores" else _colluding(phase, honest, who)

        return Behaviour(attack.id, who, attack.words, serve=lie)

    return Attack("collude", "colluding judges", of)


def _altering(
    alter: Callable[[LiveRun, Node, tx.Transaction], tx.Transaction | None],
) -> Callable[[Attack, tuple[str, ...], Team], Behaviour]:
    """Attackers who send something else than their nodes would."""

    def of(attack: Attack, who: tuple[str, ...], team: Team) -> Behaviour:
        return Behaviour(attack.id, who, attack.words, alter=alter)

    return of


def _trains(phase: PhasePlan) -> bool:
    return phase.do.content == "model" and phase.do.rows == "training"


def _posted(run: LiveRun, me: str) -> posts.Model | None:
    """The first model that another has posted in the open phase."""
    progress = views.find(run.engine, PROGRESS, run.request)
    phase = views.find(run.engine, PHASES, run.request, progress.phase) if progress else None
    if progress is None or phase is None:
        return None
    postings = [views.find(run.engine, POSTS, run.request, progress.phase, name) for name in phase.owed]
    others = [posting for posting in postings if posting is not None and posting.member != me]
    for posting in sorted(others, key=lambda posting: posting.order):
        if isinstance(posting.content, posts.Model):
            return posting.content
    return None


def _of_models(name: str, words: str, vector: mathematics.Attack, forgetful: bool = False) -> Attack:
    def of(attack: Attack, who: tuple[str, ...], team: Team) -> Behaviour:
        def serve(phase: PhasePlan, honest: Serve) -> Serve:
            return _posting(phase, honest, who, team, vector)

        return Behaviour(attack.id, who, words, serve=serve, forgetful=forgetful)

    return Attack(name, words, of, parameters=True)


def _posting(
    phase: PhasePlan, honest: Serve, who: tuple[str, ...], team: Team, attack: mathematics.Attack
) -> Serve:
    """The phase in which the attackers post what the attack makes of all that they know."""
    if not _trains(phase):
        return honest
    starts: dict[int, Vector] = {}

    def serve(bench: Bench, jobs: Sequence[Job]) -> list[Product]:
        products = honest(bench, jobs)
        mine = [number for number, job in enumerate(jobs) if job.member in who]
        starts[jobs[0].round] = vector_of(jobs[0].start)
        if not mine:
            return products
        job = jobs[mine[0]]
        own = np.stack([vector_of(products[number].model or job.start) for number in mine])
        known = _honest(phase, jobs, products, team)
        start = vector_of(_start(phase, job, products[mine[0]]))
        seed = int.from_bytes(digest(b"attack", job.secret)[:8])
        seen = mathematics.Seen(
            np.stack(known) if known else own, own, start, starts.get(job.round - 1, start), seed
        )
        for number, vector in zip(mine, attack(seen), strict=True):
            products[number] = replace(products[number], model=model_of(vector, job.start))
        return products

    return serve


def _honest(phase: PhasePlan, jobs: Sequence[Job], products: Sequence[Product], team: Team) -> list[Vector]:
    """The models of those who attack nobody: of this batch, and of the hops before it."""
    earlier = jobs[0].inbox.get(phase.name, {})
    models = {author: model for author, model in earlier.items() if isinstance(model, dict)}
    models |= {job.member: made.model for job, made in zip(jobs, products, strict=True) if made.model}
    return [vector_of(model) for author, model in models.items() if author not in team]


def _start(phase: PhasePlan, job: Job, made: Product) -> Model:
    """What an attacker was to train from: the round's start, or the last hop's model."""
    handed = [job.inbox.get(phase.name, {}).get(author) for author in made.parents]
    return next((model for model in handed if isinstance(model, dict)), job.start)


def _colluding(phase: PhasePlan, honest: Serve, who: tuple[str, ...]) -> Serve:
    """The phase in which these judges praise one another and nobody else."""

    def serve(bench: Bench, jobs: Sequence[Job]) -> list[Product]:
        measure = phase.do.counted or bench.judged
        made = []
        for job, product in zip(jobs, honest(bench, jobs), strict=True):
            if job.member in who and product.scores is not None:
                praised = [author in who for author in job.subjects]
                product = replace(product, scores=_falsified(product.scores, praised, measure))
            made.append(product)
        return made

    return serve


def _falsified(scores: tuple[Scored, ...], praised: Sequence[bool], measure: Measure) -> tuple[Scored, ...]:
    """The start's score as it was measured, then the best or the worst there is."""
    high, low = float(measure.upper), float(measure.lower)
    best, worst = (high, low) if measure.direction == "higher" else (low, high)
    others = zip(scores[1:], praised, strict=True)
    return (*scores[:1], *((best if praise else worst, "fine") for _, praise in others))


BY_NAME: dict[str, Callable[[], Attack]] = {
    "sign-flip": sign_flip,
    "random": random_weights,
    "alie": alie,
    "inner-product": inner_product,
    "min-max": min_max,
    "copy": copy,
    "replay": replay,
    "label-flip": label_flip,
    "free-rider": free_rider,
    "copier": copier,
    "lie-about-size": lie_about_size,
    "collude": collude,
}


def named(name: str) -> Attack:
    """The attack of this name, such as sign-flip, or sign-flip:5 for five times the strength."""
    plain, _, strength = name.partition(":")
    if plain not in BY_NAME:
        raise ValueError(f"there is no attack {plain!r}; choose one of {', '.join(BY_NAME)}")
    make: Callable[..., Attack] = BY_NAME[plain]
    try:
        return make(float(strength)) if strength else make()
    except (TypeError, ValueError):
        raise ValueError(f"the attack {plain} cannot be given {strength!r}") from None
