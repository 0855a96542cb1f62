"""What a phase of scores says: medians of the others (bpcv eq. 6, erratum 7), missed posts, idleness."""

from collections.abc import Sequence
from dataclasses import dataclass

from ...base.fixed import median
from ..records import Phase, RoundState
from ..rules import PhaseRule, Rules
from ..transactions import Score
from .turns import all_subjects

NOT_TO_BE_HAD = ("unavailable", "malformed")
IDLE = ("copy", "unchanged")


@dataclass(frozen=True)
class Tally:
    """The outcome of a phase of scores."""

    start: int | None  # how good the round's start is
    figures: dict[str, int]  # how good each post is, where enough could say
    missed: tuple[str, ...]  # posts that half or more could not have or read
    idle: tuple[str, ...]  # posts that more than two thirds, with figures, call copied or unchanged


def tally(rules: Rules, rule: PhaseRule, phase: Phase, vectors: dict[str, tuple[Score, ...]]) -> Tally:
    """Combine the judges' vectors, each about the start and its own subjects."""
    starts: list[Score] = []
    given_to = all_subjects(rule, phase)
    about: dict[str, list[Score]] = {member: [] for member in phase.subjects}
    for judge, vector in sorted(vectors.items()):
        starts.append(vector[0])
        for member, score in zip(given_to[judge], vector[1:], strict=True):
            about[member].append(score)
    figures: dict[str, int] = {}
    missed: list[str] = []
    idle: list[str] = []
    for member, scores in about.items():
        given = [score for score in scores if score.verdict != "abstain"]
        lost = sum(score.verdict in NOT_TO_BE_HAD for score in given)
        lazy = sum(score.verdict in IDLE for score in given)
        if given and half_had_none(lost, len(given)):
            missed.append(member)
            continue
        if called_idle(lazy, len(given)):
            idle.append(member)
        measured = combined(rules, [score.figure for score in given if score.verdict not in NOT_TO_BE_HAD])
        if measured is not None:
            figures[member] = measured
    start = combined(rules, [score.figure for score in starts if score.verdict == "fine"])
    return Tally(start, figures, tuple(missed), tuple(idle))


def half_had_none(lost: int, judges: int) -> bool:
    """Whether at least half of a post's judges could not have or read it."""
    return 2 * lost >= judges


def called_idle(lazy: int, judges: int) -> bool:
    """Whether more than two thirds of a post's judges call it copied or unchanged."""
    return 3 * lazy > 2 * judges


def combined(rules: Rules, figures: Sequence[int]) -> int | None:
    """The figure that a list of judges' figures stands for, by the rule that the request names."""
    if not figures:
        return None
    if rules.combine_scores == "sum":
        return sum(figures)
    if rules.combine_scores == "trimmed":
        cut = len(figures) // 5
        kept = sorted(figures)[cut : len(figures) - cut]
        return sum(kept) // len(kept)
    return median(figures)


def better(rules: Rules, figure: int, other: int) -> int:
    """By how much one figure is better than another; negative when it is worse."""
    return figure - other if rules.higher_is_better else other - figure


def gains(
    rules: Rules, one_by_one: bool, start: int | None, order: Sequence[str], figures: dict[str, int]
) -> dict[str, int]:
    """Each post's gain over the best of the round's start and, in a relay, the earlier hops (erratum 21)."""
    best = start
    gained: dict[str, int] = {}
    for member in order:
        figure = figures.get(member)
        if figure is None:
            continue
        gained[member] = 0 if best is None else max(0, better(rules, figure, best))
        if one_by_one and (best is None or better(rules, figure, best) > 0):
            best = figure
    return gained


def figures_of(state: RoundState) -> dict[str, int]:
    """What a round's members were last measured at."""
    return {member: figure for _, figures in state.judged for member, figure in figures}
