"""Whose fault a round's harm is, by the books: authors of models that made it worse, judges who stray."""

from __future__ import annotations

from typing import Any

from tallystick.ledger.rules import Rules
from tests.ledger.model.sums import middle

Vectors = dict[str, tuple[Any, dict[str, Any]]]  # judge: its score of the start, of each author


def better(rules: Rules, one: int, other: int) -> int:
    return one - other if rules.higher_is_better else other - one


def far_below(rules: Rules, figures: dict[str, int], start: int | None) -> list[str]:
    """Who is far below the middle of all, and has made the start worse by more than is tolerated."""
    if start is None or len(figures) < 2:
        return []
    centre, tolerated = middle(list(figures.values())), rules.electing.tolerance
    spread = middle([abs(figure - centre) for figure in figures.values()])
    bound = max(tolerated, rules.evicting.bound * spread)
    below = {m for m, figure in figures.items() if better(rules, centre, figure) > bound}
    return [m for m in figures if m in below and better(rules, start, figures[m]) > tolerated * 3 // 2]


def at_fault(rules: Rules, vectors: Vectors, figures: dict[str, int], start: int | None) -> list[str]:
    """Both kinds, by name; nobody where the rules expel nobody."""
    if not rules.evicting.expel:
        return []
    harming = []
    for member in far_below(rules, figures, start):
        said = [(first, scores[member]) for first, scores in vectors.values() if member in scores]
        said = [(first, score) for first, score in said if score.verdict != "abstain"]
        worse = 0
        for first, score in said:
            measured = first.verdict == "fine" and score.verdict == "fine"
            worse += (
                measured and better(rules, first.figure, score.figure) > rules.electing.tolerance * 3 // 2
            )
        if len(said) > 2 and worse * 3 > len(said) * 2:
            harming.append(member)
    return sorted(dict.fromkeys([*harming, *_strayed(rules, vectors)]))


def _strayed(rules: Rules, vectors: Vectors) -> list[str]:
    measured = {
        judge: {m: score.figure for m, score in scores.items() if score.verdict == "fine"}
        for judge, (_, scores) in vectors.items()
    }
    authors = sorted({m for found in measured.values() for m in found})
    columns = {m: [found[m] for found in measured.values() if m in found] for m in authors}
    centres = {m: middle(column) for m, column in columns.items()}
    residues = {}
    for judge, found in measured.items():
        if len(found) > 2:
            level = middle([found[m] - centres[m] for m in found])
            residues[judge] = {m: abs(found[m] - centres[m] - level) for m in found}
    every = [value for one in residues.values() for value in one.values()]
    if not every:
        return []
    reach = max(rules.electing.tolerance, rules.evicting.bound * middle(every))
    found = []
    for judge, one in residues.items():
        far = 0
        for m in [m for m, value in one.items() if value > reach]:
            others = [scores[m] for other, scores in measured.items() if other != judge and m in scores]
            near = [figure for figure in others if abs(figure - centres[m]) <= rules.electing.tolerance]
            far += len(others) > 1 and len(near) * 3 > len(others) * 2
        found += [judge] * (far > 1)
    return found
