"""What an attacker finds, as functions of arrays: membership, a bound on epsilon, rows out of gradients.

Membership inference after Carlini et al. 2022 (LiRA), one-run audit after Steinke, Nasr, Jagielski 2023,
inversion of a first layer after Phong et al. 2018. A lower bound catches bugs; it never proves safety.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from .clipping import Floats, finite

Flags = npt.NDArray[np.bool_]


def log_odds(probability: npt.ArrayLike) -> Floats:
    """ln(p / (1 - p)) of the true label's probability: close to normal over models, which p is not."""
    p = np.clip(finite(probability), 1e-12, 1 - 1e-12)
    return np.asarray(np.log(p) - np.log1p(-p), np.float64)


def likelihood_ratio(
    target: npt.ArrayLike, shadows: npt.ArrayLike, inside: npt.NDArray[Any], *, pooled: bool = True
) -> Floats:
    """LiRA: how much likelier each example's score is among shadow models that saw it than among the others.

    `target` [examples], `shadows` and `inside` [models, examples]; `pooled` shares one variance over all
    examples, which fewer than about 64 shadow models need.
    """
    scores, shadow_scores = finite(target), finite(shadows)
    seen = np.asarray(inside, bool)
    if shadow_scores.shape != seen.shape or shadow_scores.shape[1:] != scores.shape:
        raise ValueError(
            f"shapes do not fit: target {scores.shape}, shadows {shadow_scores.shape}, inside {seen.shape}"
        )
    if not (seen.sum(0).min() >= 2 and (~seen).sum(0).min() >= 2):
        raise ValueError("every example must lie inside at least two shadow models and outside at least two")

    def fitted(mask: Flags) -> tuple[Floats, Floats]:
        count = mask.sum(0)
        mean = np.where(mask, shadow_scores, 0).sum(0) / count
        square = np.where(mask, (shadow_scores - mean) ** 2, 0).sum(0)
        variance = square.sum() / (count - 1).sum() if pooled else square / (count - 1)
        return mean, np.sqrt(np.maximum(variance, 1e-12)) + np.zeros_like(mean)

    (mean_in, sd_in), (mean_out, sd_out) = fitted(seen), fitted(~seen)
    ratio: Floats = stats.norm.logpdf(scores, mean_in, sd_in) - stats.norm.logpdf(scores, mean_out, sd_out)
    return ratio


@dataclass(frozen=True)
class MembershipScores:
    """How well scores tell members from others."""

    auc: float
    tpr: float  # share of members found at `fpr`
    fpr: float
    tpr_interval: tuple[float, float]  # 95 %, Clopper and Pearson

    @property
    def protection(self) -> float:
        """For bpcv fig. 7's undefined "privacy protection degree" (erratum 9): 1 where attacks only guess."""
        return 1 - 2 * max(0.0, self.auc - 0.5)


def membership(scores: npt.ArrayLike, member: npt.NDArray[Any], fpr: float = 0.01) -> MembershipScores:
    """The attack's figures; higher scores mean member, and at most `fpr` of the others lie above."""
    values, inside = finite(scores), np.asarray(member, bool)
    ins, outs = values[inside], np.sort(values[~inside])
    if not len(ins) or not len(outs) or not 0 < fpr < 1:
        raise ValueError(f"need members, others and 0 < fpr < 1; got {len(ins)}, {len(outs)}, {fpr}")
    auc = float(stats.mannwhitneyu(ins, outs).statistic) / (len(ins) * len(outs))
    threshold = outs[len(outs) - 1 - int(fpr * len(outs))]
    caught = int(np.count_nonzero(ins > threshold))
    return MembershipScores(auc, caught / len(ins), fpr, proportion_interval(caught, len(ins)))


def curve_of(scores: npt.ArrayLike, member: npt.NDArray[Any]) -> tuple[list[float], list[float]]:
    """Rates of false alarms from 0.1 % up, even in their logarithm, and the share of members found there."""
    values, inside = finite(scores), np.asarray(member, bool)
    outs, ins = np.sort(values[~inside]), np.sort(values[inside])
    alarms = np.logspace(-3, 0, 31)
    thresholds = outs[len(outs) - 1 - np.minimum((alarms * len(outs)).astype(int), len(outs) - 1)]
    caught = 1 - np.searchsorted(ins, thresholds, side="right") / len(ins)
    return alarms.tolist(), caught.tolist()


def proportion_interval(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Clopper and Pearson's interval."""
    tail = (1 - confidence) / 2
    low = stats.beta.ppf(tail, successes, trials - successes + 1) if successes else 0.0
    high = stats.beta.ppf(1 - tail, successes + 1, trials - successes) if successes < trials else 1.0
    return float(low), float(high)


def one_run_p_value(canaries: int, guesses: int, correct: int, epsilon: float, delta: float) -> float:
    """Chance of so many correct guesses if (epsilon, delta) held: theorem 5.2 of Steinke et al. 2023."""
    if not 0 <= correct <= guesses <= canaries:
        raise ValueError(f"{correct} correct of {guesses} guesses on {canaries} canaries is not possible")
    chance = 1 / (1 + np.exp(-epsilon))
    beta = float(stats.binom.sf(correct - 1, guesses, chance))
    if correct == 0 or delta == 0:
        return min(beta, 1.0)
    sums = np.cumsum(stats.binom.pmf(np.arange(correct - 1, -1, -1), guesses, chance))
    alpha = float(np.max(sums / np.arange(1, correct + 1)))
    return min(beta + 2 * canaries * delta * alpha, 1.0)


def one_run_bound(canaries: int, guesses: int, correct: int, delta: float, confidence: float = 0.95) -> float:
    """The largest epsilon that so many correct guesses refute; 0 where they refute none."""
    low, high = 0.0, 1.0
    while high < 64 and one_run_p_value(canaries, guesses, correct, high, delta) < 1 - confidence:
        low, high = high, 2 * high
    for _ in range(40):
        middle = (low + high) / 2
        refuted = one_run_p_value(canaries, guesses, correct, middle, delta) < 1 - confidence
        low, high = (middle, high) if refuted else (low, middle)
    return low


def one_run(
    scores: npt.ArrayLike,
    included: npt.NDArray[Any],
    delta: float,
    *,
    shares: Sequence[float] = (0.02, 0.08, 0.3),
    confidence: float = 0.95,
) -> float:
    """Lower bound on epsilon from one run in which each canary was included by a fair coin.

    The extreme scores are guessed, as many high as low; the best of several shares of guesses counts, at a
    confidence that is corrected for the choice.
    """
    values, inside = finite(scores), np.asarray(included, bool)
    if values.ndim != 1 or values.shape != inside.shape or not len(values):
        raise ValueError(f"need one score and one flag per canary, got {values.shape} and {inside.shape}")
    order = np.argsort(values, kind="stable")
    each = 1 - (1 - confidence) / len(shares)
    best = 0.0
    for share in shares:
        half = max(1, int(len(values) * share / 2))
        low, high = order[:half], order[-half:]
        correct = int(np.count_nonzero(~inside[low]) + np.count_nonzero(inside[high]))
        if 2 * half <= len(values):
            best = max(best, one_run_bound(len(values), 2 * half, correct, delta, each))
    return best


def canary_scores(releases: npt.ArrayLike, canaries: npt.ArrayLike) -> Floats:
    """How much of each canary's direction [canaries, numbers] all noised releases [steps, numbers] hold."""
    return np.asarray(finite(releases).sum(axis=0) @ finite(canaries).T, np.float64)


def invert_first_layer(weight_gradient: npt.ArrayLike, bias_gradient: npt.ArrayLike) -> Floats:
    """Rows that a dense first layer's gradient gives away: dW[:, i] / db[i] for each unit i."""
    weights, bias = finite(weight_gradient), finite(bias_gradient)
    if weights.ndim != 2 or bias.shape != weights.shape[1:]:
        raise ValueError(f"expected gradients [inputs, units] and [units], got {weights.shape}, {bias.shape}")
    speaking = np.abs(bias) > 1e-12 * max(float(np.abs(bias).max(initial=0.0)), 1e-300)
    return np.asarray((weights[:, speaking] / bias[speaking]).T, np.float64)


def recovered(candidates: npt.ArrayLike, rows: npt.ArrayLike, decibels: float = 30.0) -> float:
    """Share of rows that some candidate shows at this peak signal-to-noise ratio or better."""
    guesses, true = finite(candidates), finite(rows)
    if not len(true):
        raise ValueError("no rows to recover")
    if not len(guesses):
        return 0.0
    span = float(true.max() - true.min()) or 1.0
    # One row at a time: rows x candidates x inputs would not fit for images.
    least = np.array([np.min(np.mean((guesses - row) ** 2, axis=1)) for row in true])
    return float(np.mean(10 * np.log10(span**2 / np.maximum(least, 1e-300)) >= decibels))
