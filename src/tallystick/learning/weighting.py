"""Rules that shorten, weigh or drop members' steps by their length, a trusted step, or judges' scores."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .posted import PostedModels, Rule, Step, Vectors
from .updates import norms


def clip_norms(bound: float | None = None) -> Step:
    """Shorten each step to min(‖step‖, bound) (Sun et al. 2019); to the median length without a bound."""
    if bound is not None and not 0 < bound < float("inf"):
        raise ValueError(f"a bound of norms is finite and above 0, not {bound}")

    def step(posted: PostedModels) -> PostedModels:
        updates = posted.updates()
        lengths = norms(updates)
        limit = float(np.median(lengths)) if bound is None else bound
        shares = np.where(lengths > limit, limit / np.maximum(lengths, 1e-300), 1)
        long = np.flatnonzero(shares < 1)
        if not len(long):
            return posted
        models = posted.models.copy()
        models[long] = posted.start + updates[long] * shares[long, None].astype(np.float32)
        return replace(posted, models=models)

    return step


def trust_root() -> Rule:
    """Steps as long as a trusted one, weighted by max(0, cosine with it) (FLTrust, Cao et al. 2021, eq. 4).

    The root is a model that the requester or another trusted party trained from the same start on a few clean
    rows. Where nobody points its way, the start stays.
    """

    def rule(posted: PostedModels) -> Vectors:
        if posted.root is None:
            raise ValueError("trust-root weighting needs a root: a model trained by a trusted party")
        aim = posted.root.astype(np.float64) - posted.start
        length = float(np.sqrt(np.dot(aim, aim)))
        updates = posted.updates()
        lengths = norms(updates)
        products = np.array([np.dot(row.astype(np.float64), aim) for row in updates])
        moved = lengths * length > 0
        trust = np.where(moved, np.maximum(products, 0) / np.maximum(lengths * length, 1e-300), 0)
        if not trust.any():
            return posted.start.copy()
        shares = trust / trust.sum() * length / np.maximum(lengths, 1e-300)
        stepped: Vectors = posted.start + (shares.astype(np.float32) @ updates)
        return stepped

    return rule


def drop_worst(count: int = 1) -> Step:
    """Without the `count` members of the lowest scores (bpcv § 4.1); who has no score goes first."""

    def step(posted: PostedModels) -> PostedModels:
        if posted.scores is None:
            raise ValueError("dropping the worst needs the judges' scores")
        if not 0 <= count < len(posted):
            raise ValueError(f"{count} of {len(posted)} members cannot be dropped")
        scores = np.where(np.isnan(posted.scores), -np.inf, posted.scores)
        return posted.chosen(np.sort(np.argsort(scores, kind="stable")[count:]))

    return step
