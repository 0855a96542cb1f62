"""Who harms a round in place of serving it: authors of harmful models, and judges who stray from all others.

Both are read off the scores, and both need more than two thirds: of a post's judges, each by its own rows,
or of the other judges, who agree with one another about a post.
"""

from ...base.fixed import deviation, median
from ..records import Phase
from ..rules import PhaseRule, Rules
from ..transactions import Score
from .scoring import Tally, better
from .turns import all_subjects

TELLING = 3  # with fewer posts of a judge, or judges of a post, figures tell nobody apart
STRAYS = 2  # on one post alone an honest judge's rows may be of another kind

Figures = dict[str, dict[str, int]]  # judge: author: what it measured, where it measured


def outliers(rules: Rules, figures: dict[str, int], start: int | None) -> list[str]:
    """Whose models lie far below the team's middle and made the round's start worse (bpcv 4.1, erratum 8).

    Who gained anything is none, however little it was: few rows are no ill will. Nor is anybody where all
    are alike, or where the start is as bad as chance.
    """
    if start is None or len(figures) < 2:
        return []
    values, tolerance = list(figures.values()), rules.electing.tolerance
    middle, reach = median(values), max(tolerance, rules.evicting.bound * deviation(values))
    return [
        member
        for member, figure in figures.items()
        if better(rules, middle, figure) > reach and better(rules, start, figure) > _harm(rules)
    ]


def at_fault(
    rules: Rules, rule: PhaseRule, phase: Phase, vectors: dict[str, tuple[Score, ...]], tally: Tally
) -> list[str]:
    """Members who posted a harmful model or judged against all others, by their names."""
    about = all_subjects(rule, phase)
    scored = {judge: dict(zip(about[judge], vector[1:], strict=True)) for judge, vector in vectors.items()}
    starts = {judge: vector[0] for judge, vector in vectors.items()}
    figures = {
        judge: {member: score.figure for member, score in scores.items() if score.verdict == "fine"}
        for judge, scores in scored.items()
    }
    suspects = outliers(rules, tally.figures, tally.start)
    return sorted({*_harmful(rules, suspects, starts, scored), *_straying(rules, figures)})


def _harmful(
    rules: Rules, suspects: list[str], starts: dict[str, Score], scored: dict[str, dict[str, Score]]
) -> list[str]:
    """Of these, whose model more than two thirds found to make the start worse, each on its own rows.

    The team's middle has said how much worse; a single judge's few rows need only bear it out.
    """
    harmful = []
    for member in suspects:
        given = {judge: scores[member] for judge, scores in scored.items() if member in scores}
        given = {judge: score for judge, score in given.items() if score.verdict != "abstain"}
        worse = sum(
            score.verdict == starts[judge].verdict == "fine"
            and better(rules, starts[judge].figure, score.figure) > rules.electing.tolerance
            for judge, score in given.items()
        )
        if _borne_out(worse, len(given)):
            harmful.append(member)
    return harmful


def _borne_out(worse: int, judges: int) -> bool:
    """Whether enough judged, and more than two thirds of them found the start made worse."""
    return judges >= TELLING and 3 * worse > 2 * judges


def _harm(rules: Rules) -> int:
    """Half as much again as is tolerated: few rows overfit by more than it, turned labels undo far more."""
    return rules.electing.tolerance * 3 // 2


def _straying(rules: Rules, figures: Figures) -> list[str]:
    """Judges who lie far off, whatever their own level, on posts about which the others agree."""
    about: dict[str, list[int]] = {}
    for measured in figures.values():
        for member, figure in measured.items():
            about.setdefault(member, []).append(figure)
    middle = {member: median(values) for member, values in about.items()}
    off = {judge: _off(own, middle) for judge, own in figures.items() if len(own) >= TELLING}
    apart = [abs(value) for distances in off.values() for value in distances.values()]
    if not apart:
        return []
    reach = max(rules.electing.tolerance, rules.evicting.bound * median(apart))
    strays = {
        judge: sum(
            abs(value) > reach and _agreed(rules, about[member], figures[judge][member])
            for member, value in distances.items()
        )
        for judge, distances in off.items()
    }
    return [judge for judge, count in strays.items() if count >= STRAYS]


def _agreed(rules: Rules, values: list[int], own: int) -> bool:
    """Whether more than two thirds of the other judges of a post agree about it."""
    middle, tolerance = median(values), rules.electing.tolerance
    near = sum(abs(value - middle) <= tolerance for value in values) - (abs(own - middle) <= tolerance)
    return len(values) >= TELLING and 3 * near > 2 * (len(values) - 1)


def _off(figures: dict[str, int], middle: dict[str, int]) -> dict[str, int]:
    """How far a judge's figures lie from the others', without what sets its rows apart in all of them."""
    apart = {member: figure - middle[member] for member, figure in figures.items()}
    level = median(list(apart.values()))
    return {member: value - level for member, value in apart.items()}
