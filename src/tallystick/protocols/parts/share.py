"""What members make and share: trained models, handed-on models, combined models, released models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from ...learning import fixed_point
from ...learning.combine import RULES
from ...learning.learner import model_of, vector_of
from ...learning.posted import PostedModels, Rule, Vectors
from ...privacy.mechanisms import Mechanism, member_update
from ...privacy.printed import relay_as_printed
from ..vocabulary import Bench, Do, Job, Product, Unfit
from .protect import Protection, rule_of
from .train import train, words_for

Weighing = Literal["rows", "equal"]
NEED_MORE = ("drop_worst", "drop_worst_geometric_median", "trust_root")  # scores, or a trusted model


def train_model(protect: Protection | None = None, private: bool = True) -> Do:
    """Train on one's own rows from the model that the round started from, and share the model."""

    def serve(bench: Bench, jobs: Sequence[Job]) -> list[Product]:
        return train(bench, jobs, [job.start for job in jobs], protect)

    return Do("model", serve, rows="training" if private else "none", event=rule_of(protect))


def train_last_hop(phase: str, protect: Protection | None = None) -> Do:
    """Train on from the last hop's model, and hand it on (bp2p Alg. 2)."""

    def serve(bench: Bench, jobs: Sequence[Job]) -> list[Product]:
        starts, parents = [], []
        for job in jobs:
            posted = job.inbox.get(phase, {})
            author = next((name for name in reversed(list(posted)) if isinstance(posted[name], dict)), "")
            model = posted.get(author)
            starts.append(model if isinstance(model, dict) else job.start)
            parents.append((author,) if author else ())
        made = train(bench, jobs, starts, protect)
        return [replace(product, parents=names) for product, names in zip(made, parents, strict=True)]

    event = rule_of(protect)
    return Do("model", serve, rows="training", event=event, reads=(phase,), reads_last=True)


def combine(of: str, rule: Rule | None = None, weighing: Weighing = "rows") -> Do:
    """Make one model of all: the weighted mean, summed in fixed point (bpcv eq. 5), or by a robust rule."""

    def serve(bench: Bench, jobs: Sequence[Job]) -> list[Product]:
        return [_combined(job, of, rule, weighing) for job in jobs]

    return Do("model", serve, reads=(of,))


def robust(name: str, attackers: int) -> Rule:
    """The combining rule of this name, against so many attackers."""
    if name not in RULES or name in NEED_MORE:
        known = ", ".join(sorted(RULES.keys() - set(NEED_MORE)))
        raise Unfit(f"no rule {name!r} combines models alone; choose one of {known}")

    def rule(posted: PostedModels) -> Vectors:
        # Of few members no rule withstands as many.
        return RULES[name](min(attackers, (len(posted) - 1) // 2))(posted)

    return rule


def release(mechanism: Mechanism, relative: bool) -> Do:
    """The leader noises the final model before it is recorded (bp2p eq. 5, Alg. 2 line 8).

    `relative` noises the way from the public first model, for which a bound can be stated (erratum 4).
    The rows' cost is charged where members trained; this is a release of what the team has already.
    """

    def serve(bench: Bench, jobs: Sequence[Job]) -> list[Product]:
        return [_released(bench, job, mechanism, relative) for job in jobs]

    return Do("model", serve)


def release_protecting_members(epsilon: float, bound: float) -> Do:
    """bp2p eq. 5 made sound: L1 norm `bound`, Laplace noise of 2 bound / epsilon; no better than chance."""
    return release(member_update(bound, round(epsilon * 10**9)), relative=True)


def release_as_printed(epsilon: float) -> Do:
    """bp2p eq. 5 as printed, the sensitivity taken to be 1: no formal guarantee (fig. 8)."""
    return release(relay_as_printed(epsilon), relative=False)


def reveal_salt() -> Do:
    """Open the salt whose hash one's application carried; the node does it, there is nothing to compute."""
    return Do("salt", lambda bench, jobs: [])


def _released(bench: Bench, job: Job, mechanism: Mechanism, relative: bool) -> Product:
    if relative and job.first is None:
        return Product()
    base = vector_of(job.first) if relative and job.first is not None else np.float32(0)
    apply: Callable[..., object] = mechanism.apply
    noised = np.asarray(apply(vector_of(job.start) - base, words_for(bench, job, "release")))
    return Product(model_of((base + noised).astype(np.float32), job.start))


def _combined(job: Job, of: str, rule: Rule | None, weighing: Weighing) -> Product:
    """Nothing where nobody's model can be used, or too few for the rule: the leader then says so."""
    usable = {a: m for a, m in job.inbox.get(of, {}).items() if isinstance(m, dict)}
    if not usable:
        return Product()
    vectors = [vector_of(model) for model in usable.values()]
    weights = [max(1, job.weights.get(a, 1)) if weighing == "rows" else 1 for a in usable]
    try:
        if rule is None:
            made = fixed_point.mean(vectors, weights)
        else:
            made = rule(PostedModels(np.stack(vectors), vector_of(job.start), np.array(weights, np.int64)))
    except ValueError:
        return Product()
    return Product(model_of(made, job.start), parents=tuple(usable))
