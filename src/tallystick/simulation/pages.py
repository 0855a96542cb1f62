"""A run as a screen of text, as plots, and as one page that holds everything it shows."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Sequence

from ..history import figures
from ..history.sentences import evidence_sentence, gone, missed
from ..history.statements import Charged, guarantee, privacy_sentence, terms
from ..report import page, plots
from ..report.tables import TextTable, bars
from .result import RunResult

WIDTH = 80
SHOWN = 12  # rounds on a screen; of more, the ones between are left out
FEW = 6  # names that are listed one by one
JUDGED = 9  # models whose scores fit on a screen


def screen(result: RunResult) -> str:
    """Everything that matters, on one screen of 80 columns."""
    blocks = [_wrapped(_head(result)), _rounds_table(result).text(WIDTH), _beside(result)]
    events = _events(result)
    if events:
        blocks.append("\n".join(_wrapped(line) for line in events))
    blocks += _scored_table(result)
    blocks.append(_pay_table(result, everybody=False).text(WIDTH))
    if len(result.pay) > SHOWN:
        blocks[-1] += f"\n… and {len(result.pay) - SHOWN} more"
    blocks.append("\n".join(_wrapped(line) for line in (*_privacy_lines(result), *result.notes)))
    return "\n\n".join(blocks)


def summary(result: RunResult) -> str:
    """The same for a notebook."""
    words = [_beside(result), *_events(result)]
    return page.fragment(
        [
            page.Paragraph(_head(result)),
            page.Drawing(plots_score(result)),
            *map(page.Paragraph, words),
            _pay_table(result),
            *map(page.Paragraph, _privacy_lines(result)),
        ]
    )


def page_of(result: RunResult) -> str:
    """The report: the curve with its baselines, who scored whom, what went wrong, ε, pay, how to verify."""
    pay = page.Drawing(plots_pay(result), "Tokens won or lost.")
    sections = [
        page.Section("How good it became", (_curve(result),)),
        page.Section("Rounds", (_rounds_table(result, everything=True),)),
        *_judges(result),
        page.Section("Who left, was evicted, missed a turn or attacked", _misfortunes(result)),
        page.Section("Privacy", _privacy(result)),
        page.Section("Pay", (pay, _pay_table(result))),
        page.Section("What the ledger said", (page.Lines("\n".join(figures.course(result.history))),)),
        page.Section("How to verify this", _verifying(result)),
    ]
    plan = result.setting.plan
    title = f"{len(result.setting.members)} members learn “{result.task.target.name}”"
    return page.page(title, f"{_head(result)}; learner {plan.learner}.", sections, _facts(result))


def _facts(result: RunResult) -> list[page.Fact]:
    """What is to be known first."""
    name, beside = result.task.measure.name, result.compared
    if not result.history.models:
        return [page.Fact("outcome", result.history.progress.stage, "no round was completed")]
    facts = [page.Fact(f"{name}, together", f"{result.score:.3f}", f"on {beside.on}")]
    if beside.alone:
        low, high = min(beside.alone.values()), max(beside.alone.values())
        mean = figures.mean_of(beside.alone)
        facts.append(page.Fact("each alone", f"{mean:.3f}", f"their mean; {low:.3f} to {high:.3f}"))
        facts.append(page.Fact("all rows pooled", f"{beside.pooled:.3f}", "in one place: what nobody may do"))
    training = result.privacy[0]
    if isinstance(training, Charged):
        facts.append(page.Fact("ε of training rows", f"{training.epsilon:.4g}", terms(training)))
    else:
        facts.append(page.Fact("privacy of training rows", "none stated", guarantee(training)))
    return facts


def plots_score(result: RunResult) -> str:
    """The score round by round, beside members alone and all rows pooled."""
    numbers = [each.number for each in result.each_round]
    values = result.compared.values
    series: dict[str, list[float | None]] = {"together": [values.get(number) for number in numbers]}
    team = [each.figure for each in result.each_round]
    if any(value is not None for value in team):
        series["as the team measures it"] = team
    if result.compared.alone:
        series["alone (mean)"] = [figures.mean_of(result.compared.alone)] * len(numbers)
        series["pooled"] = [result.compared.pooled] * len(numbers)
    return plots.lines(series, "round", result.task.measure.name)


def plots_pay(result: RunResult) -> str:
    """What each member won or lost."""
    return plots.bars({each.member: float(each.net) for each in result.pay}, "tokens")


def plots_epsilon(result: RunResult) -> str:
    """ε spent after each round, by the ledger's account."""
    return plots.lines({"ε": [each.epsilon for each in result.each_round]}, "round", "ε spent")


def plots_judges(result: RunResult) -> str:
    """Who scored whom in the last judged round."""
    judged = figures.judged_rounds(result.history)
    if not judged:
        raise ValueError(f"nobody judges single models under {result.preset}")
    return _grid(result, judged[-1])


PLOTS: dict[str, Callable[[RunResult], str]] = {
    "score": plots_score,
    "pay": plots_pay,
    "epsilon": plots_epsilon,
    "judges": plots_judges,
}


def _head(result: RunResult) -> str:
    plan, count = result.setting.plan, len(result.setting.members)
    done = f"{result.history.progress.completed} of {result.setting.rounds} rounds"
    given = f"{result.preset} · {plan.learner} · {count} members · {done} · seed {result.setting.seed}"
    return f"{given} · {result.outcome}"


def _beside(result: RunResult) -> str:
    name, beside = result.task.measure.name, result.compared
    if not result.history.models:
        return "No round was completed: there is no model."
    words = f"{name} {result.score:.3f} together"
    if beside.alone:
        low, high = min(beside.alone.values()), max(beside.alone.values())
        words += f", {figures.mean_of(beside.alone):.3f} alone ({low:.3f} to {high:.3f})"
        words += f", {beside.pooled:.3f} pooled"
    return _wrapped(f"{words}; on {beside.on}.")


def _rounds_table(result: RunResult, everything: bool = False) -> TextTable:
    values, measure = result.compared.values, result.task.measure
    rows = list(result.each_round)
    if not everything and len(rows) > SHOWN:
        rows = [*rows[: SHOWN // 2], *rows[-SHOWN // 2 :]]
    scores = [values.get(each.number, math.nan) for each in rows]
    top = 1.0 if measure.direction == "higher" else None
    drawn = bars([0.0 if math.isnan(score) else score for score in scores], 20, top)
    lines = [
        (each.number, None if math.isnan(score) else score, bar, each.figure, _happened(each))
        for each, score, bar in zip(rows, scores, drawn, strict=True)
    ]
    table = TextTable(("round", measure.name, "", "team", "what happened"), tuple(lines))
    return table.without_empty(kept=("round", measure.name))


def _happened(each: figures.Round) -> str:
    """Who went or missed a turn in a round, and why."""
    events = [(member, gone(reason).short) for member, reason in each.gone]
    events += [(member, str(missed(reason))) for member, reason in each.missed]
    lines = [f"{who} {why}" for why, who in _grouped(events, 2).items()]
    return ", ".join(lines if each.complete else ["does not count", *lines])


def _grouped(events: Sequence[tuple[str, str]], few: int = FEW) -> dict[str, str]:
    """To whom the same happened: by name, or how many where they are more than a few."""
    who: dict[str, list[str]] = {}
    for member, why in events:
        who.setdefault(why, []).append(member)
    return {why: ", ".join(some) if len(some) <= few else f"{len(some)} members" for why, some in who.items()}


def _events(result: RunResult) -> list[str]:
    """What was added to the run, and what the ledger made of it."""
    lines = [f"added: {behaviour}" for behaviour in result.setting.behaviours]
    evidence = figures.evidence(result.history)
    evidence = evidence if len(evidence) <= FEW else {}
    events = []
    for each in result.pay:
        if each.why or each.fined:
            scores = evidence_sentence(evidence[each.member]) if each.member in evidence else ""
            why = f"{each.why or 'no reason is noted'}{f' ({scores})' if scores else ''}"
            events.append((each.member, f"{why}; {_fined(each)}"))
    return lines + [f"{who}: {why}" for why, who in _grouped(events).items()]


def _fined(pay: figures.Pay) -> str:
    return f"fined {pay.fined:,} tokens" if pay.fined else "not fined"


def _scored_table(result: RunResult) -> list[str]:
    """Who scored whom in the round after which somebody was evicted, or in the last one; small teams only."""
    judged = figures.judged_rounds(result.history)
    if not judged:
        return []
    number = next((number for number in _sent_away(result) if number in judged), judged[-1])
    grid = figures.score_grid(result.history, number)
    if len(grid.authors) > JUDGED:
        return []
    rows = tuple((judge, *row) for judge, row in zip(grid.judges, grid.values, strict=True))
    table = TextTable((f"round {number}", *grid.authors), rows)
    return [f"Who scored whom (down: the judge; across: whose model)\n{table.text(WIDTH)}"]


def _pay_table(result: RunResult, everybody: bool = True) -> TextTable:
    """What each won or lost; not `everybody` is those who went or were fined, and those who won most."""
    shown = list(result.pay)
    if not everybody and len(shown) > SHOWN:
        odd = [each for each in shown if each.why or each.fined][: SHOWN // 2]
        others = sorted((each for each in shown if each not in odd), key=lambda each: -each.net)
        shown = [*odd, *others[: SHOWN - len(odd)]]
    rows = [
        (
            each.member,
            f"{100 * each.contribution:.1f} %",
            each.reward,
            each.fees,
            each.compensation,
            -each.fined,
            each.net,
        )
        for each in shown
    ]
    headings = ("member", "contribution", "reward", "fees", "compensation", "fines", "net")
    return TextTable(headings, tuple(rows)).without_empty(("member", "contribution", "reward", "net"))


def _curve(result: RunResult) -> page.Drawing:
    measured = f"{result.task.measure.name} on {result.compared.on}."
    caption = f"{measured} Alone: each by itself; pooled: all in one place."
    return page.Drawing(plots_score(result), caption)


def _judges(result: RunResult) -> list[page.Section]:
    judged = figures.judged_rounds(result.history)
    if not judged:
        return []
    middle = next((number for number in _sent_away(result) if number in judged), judged[len(judged) // 2])
    chosen = sorted({judged[0], middle, judged[-1]})
    caption = "each row is a judge, each column whose model it is."
    drawn = [page.Drawing(_grid(result, number), f"Round {number}: {caption}") for number in chosen]
    return [page.Section("Who scored whom", (page.Drawings(tuple(drawn)),))]


def _grid(result: RunResult, number: int) -> str:
    grid = figures.score_grid(result.history, number)
    return plots.grid(grid.judges, grid.authors, grid.values, f"{result.task.measure.name}, round {number}")


def _misfortunes(result: RunResult) -> tuple[page.Block, ...]:
    lines = _events(result)
    lines += [
        f"refused by the ledger: {refused.kind} of {refused.member}: {refused.why}"
        for refused in result.history.refused[:20]
    ]
    return tuple(map(page.Paragraph, lines or ["Nobody."]))


def _privacy_lines(result: RunResult) -> list[str]:
    return list(map(privacy_sentence, result.privacy))


def _privacy(result: RunResult) -> tuple[page.Block, ...]:
    lines = tuple(map(page.Paragraph, (*_privacy_lines(result), *result.notes)))
    if not any(each.epsilon for each in result.each_round):
        return lines
    caption = "ε of the training rows after each round, by the ledger's own account, for whoever spent most."
    return (*lines, page.Drawing(plots_epsilon(result), caption))


def _verifying(result: RunResult) -> tuple[page.Block, ...]:
    history = result.history
    return (
        page.Paragraph(
            f"The ledger of this run has {history.height:,} blocks; its state's root at the end is below. "
            "Export it and execute it again from its genesis: every election, payment and ε follows from "
            "what was posted, and must come out the same."
        ),
        page.Lines(
            f"state  {history.head.hex()}\nmodel  {history.progress.model.hex()}\n\n"
            "tally ledger export run.tally --ledger <folder>/ledger\ntally ledger verify run.tally"
        ),
    )


def _wrapped(line: str) -> str:
    return textwrap.fill(line, WIDTH, subsequent_indent="  ")


def _sent_away(result: RunResult) -> list[int]:
    """The rounds after which somebody was evicted or expelled."""
    sent = ("evicted", "expelled")
    return [each.number for each in result.each_round if any(why in sent for _, why in each.gone)]
