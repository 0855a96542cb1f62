"""Whose fault a round's harm is, by the books: authors of models that made it worse, judges who stray."""

from __future__ import annotations

from typing import Any

from tallystick.ledger.rules import Rules
from tests.ledger.model.sums import middle

Vectors = dict[str, tuple[Any, dict[str, Any]]]  # judge: its score of the start, of each author


def better(rules: Rules, figure: int, other: int) -> int:
    return figure - other if rules.higher_is_better else other - figure


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
        stated = [(first, scores[member]) for first, scores in vectors.values() if member in scores]
        stated = [(first, score) for first, score in stated if score.verdict != "abstain"]
        worse = 0
        for first, score in stated:
            measured = first.verdict == "fine" and score.verdict == "fine"
            worse += (
                measured and better(rules, first.figure, score.figure) > rules.electing.tolerance * 3 // 2
            )
        if len(stated) > 2 and worse * 3 > len(stated) * 2:
            harming.append(member)
    return sorted(dict.fromkeys([*harming, *_strayed(rules, vectors)]))


def _strayed(rules: Rules, vectors: Vectors) -> list[str]:
    measured = {
        judge: {m: score.figure for m, score in scores.items() if score.verdict == "fine"}
        for judge, (_, scores) in vectors.items()
    }
    authors = sorted({m for figures in measured.values() for m in figures})
    columns = {m: [figures[m] for figures in measured.values() if m in figures] for m in authors}
    centres = {m: middle(column) for m, column in columns.items()}
    residues = {}
    for judge, figures in measured.items():
        if len(figures) > 2:
            level = middle([figures[m] - centres[m] for m in figures])
            residues[judge] = {m: abs(figures[m] - centres[m] - level) for m in figures}
    every = [value for own in residues.values() for value in own.values()]
    if not every:
        return []
    reach = max(rules.electing.tolerance, rules.evicting.bound * middle(every))
    strayed = []
    for judge, own in residues.items():
        far = 0
        for m in [m for m, value in own.items() if value > reach]:
            others = [scores[m] for other, scores in measured.items() if other != judge and m in scores]
            near = [figure for figure in others if abs(figure - centres[m]) <= rules.electing.tolerance]
            far += len(others) > 1 and len(near) * 3 > len(others) * 2
        strayed += [judge] * (far > 1)
    return strayed
