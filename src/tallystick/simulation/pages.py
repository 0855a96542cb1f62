"""A run as a screen of text, as plots, and as one page that holds everything it shows."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Callable, Sequence
from html import escape

from ..base.measure import Measure
from ..history import figures as accounts
from ..history.replay import Chronicle
from ..history.sentences import WHY_GONE, WHY_MISSED, tell
from ..ledger.notices import PhaseOpened
from ..report import page, plots
from ..report.tables import Table, bars
from .finished import Finished

WIDTH = 80
SHOWN = 12  # rounds on a screen; of more, the ones between are left out
FEW = 6  # names that are listed one by one
JUDGED = 9  # models whose scores fit on a screen


def screen(run: Finished) -> str:
    """Everything that matters, on one screen of 80 columns."""
    blocks = [_wrapped(_head(run)), _rounds_table(run).text(WIDTH), _beside(run)]
    events = _events(run)
    if events:
        blocks.append("\n".join(_wrapped(line) for line in events))
    blocks += _scored_table(run)
    blocks.append(_pay_table(run, everybody=False).text(WIDTH))
    if len(run.pay) > SHOWN:
        blocks[-1] += f"\n… and {len(run.pay) - SHOWN} more"
    blocks.append("\n".join(_wrapped(line) for line in (*run.privacy, *run.notes)))
    return "\n\n".join(blocks)


def summary(run: Finished) -> str:
    """The same for a notebook."""
    parts = [
        f"<p>{escape(_head(run))}</p>", plots_score(run), f"<p>{escape(_beside(run))}</p>",
        *(f"<p>{escape(line)}</p>" for line in _events(run)),
        _pay_table(run).html(),
        *(f"<p>{escape(line)}</p>" for line in run.privacy),
    ]  # fmt: skip
    return "".join(parts)


def page_of(run: Finished) -> str:
    """The report: the curve with its baselines, who scored whom, what went wrong, ε, pay, how to verify."""
    sections = [
        page.Section("How good it became", _curve(run)),
        page.Section("Rounds", _rounds_table(run, everything=True).html()),
        *_judges(run),
        page.Section("Who left, was evicted, missed a turn or attacked", _told(run)),
        page.Section("Privacy", _privacy(run)),
        page.Section("Pay", page.picture(plots_pay(run), "Tokens won or lost.") + _pay_table(run).html()),
        page.Section("What the ledger said", page.code("\n".join(course(run)))),
        page.Section("How to verify this", _verifying(run)),
    ]
    plan = run.setting.plan
    title = f"{len(run.setting.members)} members learn “{run.task.target.name}”"
    return page.page(title, f"{_head(run)}; learner {plan.learner}.", sections, _facts(run))


def _facts(run: Finished) -> list[page.Fact]:
    """What one wants to know first."""
    name, beside = run.task.measure.name, run.compared
    if not run.chronicle.models:
        return [page.Fact("outcome", run.chronicle.progress.stage, "no round was completed")]
    found = [page.Fact(f"{name}, together", f"{run.score:.3f}", f"on {beside.on}")]
    if beside.alone:
        low, high = min(beside.alone.values()), max(beside.alone.values())
        mean = accounts.mean_of(beside.alone)
        found.append(page.Fact("each alone", f"{mean:.3f}", f"their mean; {low:.3f} to {high:.3f}"))
        found.append(page.Fact("all rows pooled", f"{beside.pooled:.3f}", "in one place: what nobody may do"))
    training = run.privacy[0].partition(": ")[2]
    epsilon = re.match(r"ε = ([\d.]+) (.*)", training)
    if epsilon:
        found.append(page.Fact("ε of training rows", epsilon[1], epsilon[2].partition(";")[0]))
    else:
        found.append(page.Fact("privacy of training rows", "none stated", training))
    return found


def plots_score(run: Finished) -> str:
    """The score round by round, beside members alone and all rows pooled."""
    numbers = [one.number for one in run.each_round]
    values = run.compared.values
    series: dict[str, list[float | None]] = {"together": [values.get(number) for number in numbers]}
    team = [one.figure for one in run.each_round]
    if any(figure is not None for figure in team):
        series["as the team measures it"] = team
    if run.compared.alone:
        series["alone (mean)"] = [accounts.mean_of(run.compared.alone)] * len(numbers)
        series["pooled"] = [run.compared.pooled] * len(numbers)
    return plots.lines(series, "round", run.task.measure.name)


def plots_pay(run: Finished) -> str:
    """What each member won or lost."""
    return plots.bars({one.member: float(one.net) for one in run.pay}, "tokens")


def plots_epsilon(run: Finished) -> str:
    """ε spent after each round, by the ledger's account."""
    return plots.lines({"ε": [one.epsilon for one in run.each_round]}, "round", "ε spent")


def plots_judges(run: Finished) -> str:
    """Who scored whom in the last judged round."""
    judged = accounts.judged_rounds(run.chronicle)
    if not judged:
        raise ValueError(f"nobody judges single models under {run.preset}")
    return _grid(run, judged[-1])


PLOTS: dict[str, Callable[[Finished], str]] = {
    "score": plots_score,
    "pay": plots_pay,
    "epsilon": plots_epsilon,
    "judges": plots_judges,
}


def _head(run: Finished) -> str:
    plan, count = run.setting.plan, len(run.setting.members)
    done = f"{run.chronicle.progress.completed} of {run.setting.rounds} rounds"
    return (
        f"{run.preset} · {plan.learner} · {count} members · {done} · seed {run.setting.seed} · {run.outcome}"
    )


def _beside(run: Finished) -> str:
    name, beside = run.task.measure.name, run.compared
    if not run.chronicle.models:
        return "No round was completed: there is no model."
    words = f"{name} {run.score:.3f} together"
    if beside.alone:
        low, high = min(beside.alone.values()), max(beside.alone.values())
        words += f", {accounts.mean_of(beside.alone):.3f} alone ({low:.3f} to {high:.3f})"
        words += f", {beside.pooled:.3f} pooled"
    return _wrapped(f"{words}; on {beside.on}.")


def _rounds_table(run: Finished, everything: bool = False) -> Table:
    values = run.compared.values
    rows = list(run.each_round)
    numbers = {one.number for one in rows[: SHOWN // 2]} | {one.number for one in rows[-SHOWN // 2 :]}
    kept = rows if everything or len(rows) <= SHOWN else [one for one in rows if one.number in numbers]
    found = [values.get(one.number, math.nan) for one in kept]
    higher = run.task.measure.direction == "higher"
    drawn = bars([0.0 if math.isnan(value) else value for value in found], 20, None if not higher else 1.0)
    lines = [
        (one.number, None if math.isnan(value) else value, bar, one.figure, _what(one))
        for one, value, bar in zip(kept, found, drawn, strict=True)
    ]
    table = Table(("round", run.task.measure.name, "", "team", "what happened"), tuple(lines))
    return _without_empty(table, kept=("round", run.task.measure.name))


def _without_empty(table: Table, kept: tuple[str, ...]) -> Table:
    """The table without columns that say nothing in any row."""
    places = [
        place
        for place, heading in enumerate(table.headings)
        if heading in kept or any(row[place] for row in table.rows)
    ]
    rows = tuple(tuple(row[place] for place in places) for row in table.rows)
    return Table(tuple(table.headings[place] for place in places), rows)


def _what(one: accounts.Round) -> str:
    told = [(member, WHY_GONE.get(reason, reason).split(":")[0]) for member, reason in one.gone]
    told += [(member, WHY_MISSED.get(reason, reason)) for member, reason in one.missed]
    lines = [f"{who} {why}" for why, who in _grouped(told, 2).items()]
    return ", ".join(lines if one.complete else ["does not count", *lines])


def _grouped(told: Sequence[tuple[str, str]], few: int = FEW) -> dict[str, str]:
    """Of whom the same is said: by name, or how many where they are more than a few."""
    who: dict[str, list[str]] = {}
    for member, why in told:
        who.setdefault(why, []).append(member)
    return {why: ", ".join(some) if len(some) <= few else f"{len(some)} members" for why, some in who.items()}


def _events(run: Finished) -> list[str]:
    """What was added to the run, and what the ledger made of it."""
    lines = [f"added: {', '.join(part.members)} {part.told}" for part in run.setting.parts]
    told = []
    for one in run.pay:
        if one.why or one.fined:
            fined = f"fined {one.fined:,} tokens" if one.fined else "not fined"
            told.append((one.member, f"{one.why or 'no reason is noted'}; {fined}"))
    return lines + [f"{who}: {why}" for why, who in _grouped(told).items()]


def _scored_table(run: Finished) -> list[str]:
    """Who scored whom in the round after which somebody was evicted, or in the last one; small teams only."""
    judged = accounts.judged_rounds(run.chronicle)
    if not judged:
        return []
    telling = _sent_away(run)
    number = next((one for one in telling if one in judged), judged[-1])
    judges, authors, values = accounts.scored(run.chronicle, run.task.measure, number)
    if len(authors) > JUDGED:
        return []
    rows = [(judge, *row) for judge, row in zip(judges, values, strict=True)]
    table = Table((f"round {number}", *authors), tuple(rows))
    return [f"Who scored whom (down: the judge; across: whose model)\n{table.text(WIDTH)}"]


def _pay_table(run: Finished, everybody: bool = True) -> Table:
    """What each won or lost; not `everybody` is those who went or were fined, and those who won most."""
    shown = list(run.pay)
    if not everybody and len(shown) > SHOWN:
        odd = [one for one in shown if one.why or one.fined][: SHOWN // 2]
        others = sorted((one for one in shown if one not in odd), key=lambda one: -one.net)
        shown = [*odd, *others[: SHOWN - len(odd)]]
    rows = [
        (
            one.member,
            f"{100 * one.contribution:.1f} %",
            one.reward,
            one.fees,
            one.compensation,
            -one.fined,
            one.net,
        )
        for one in shown
    ]
    headings = ("member", "contribution", "reward", "fees", "compensation", "fines", "net")
    return _without_empty(Table(headings, tuple(rows)), kept=("member", "contribution", "reward", "net"))


def _curve(run: Finished) -> str:
    said = f"{run.task.measure.name} on {run.compared.on}. Alone: each by itself; pooled: all in one place."
    return page.picture(plots_score(run), said)


def _judges(run: Finished) -> list[page.Section]:
    judged = accounts.judged_rounds(run.chronicle)
    if not judged:
        return []
    middle = next((number for number in _sent_away(run) if number in judged), judged[len(judged) // 2])
    chosen = sorted({judged[0], middle, judged[-1]})
    pictures = [
        page.picture(
            _grid(run, number), f"Round {number}: each row is a judge, each column whose model it is."
        )
        for number in chosen
    ]
    return [page.Section("Who scored whom", page.pictures(pictures))]


def _grid(run: Finished, number: int) -> str:
    judges, authors, values = accounts.scored(run.chronicle, run.task.measure, number)
    return plots.grid(judges, authors, values, f"{run.task.measure.name}, round {number}")


def _told(run: Finished) -> str:
    lines = _events(run)
    lines += [
        f"refused by the ledger: {one.what} of {one.member}: {one.why}" for one in run.chronicle.refused[:20]
    ]
    return "".join(page.paragraph(line) for line in lines) or page.paragraph("Nobody.")


def course(run: Finished) -> list[str]:
    """Everything that changed the course of the request, in its order; virtual time."""
    of_result = accounts.judges_result(run.chronicle.request.rules)
    return course_of(run.chronicle, run.task.measure, of_result)


def course_of(found: Chronicle, measure: Measure, of_result: bool) -> list[str]:
    """The same of a request that may still run."""
    told = [
        tell(notice, measure, time, of_result)
        for time, notice in found.notices
        if not isinstance(notice, PhaseOpened)
    ]
    start = found.request.posted
    return [f"{(one.time - start) / 60_000:10.1f} min  {one.text}" for one in told if one is not None]


def _privacy(run: Finished) -> str:
    lines = "".join(page.paragraph(line) for line in (*run.privacy, *run.notes))
    if not any(one.epsilon for one in run.each_round):
        return lines
    said = "ε of the training rows after each round, by the ledger's own account, for whoever spent most."
    return lines + page.picture(plots_epsilon(run), said)


def _verifying(run: Finished) -> str:
    chronicle = run.chronicle
    return page.paragraph(
        f"The ledger of this run has {chronicle.height:,} blocks; its state's root at the end is below. "
        "Export it and execute it again from its genesis: every election, payment and ε follows from what "
        "was posted, and must come out the same."
    ) + page.code(
        f"state  {chronicle.head.hex()}\nmodel  {chronicle.progress.model.hex()}\n\n"
        "tally ledger export run.tally --ledger <folder>/ledger\ntally ledger verify run.tally"
    )


def _wrapped(line: str) -> str:
    return textwrap.fill(line, WIDTH, subsequent_indent="  ")


def _sent_away(run: Finished) -> list[int]:
    """The rounds after which somebody was evicted or expelled."""
    sent = ("evicted", "expelled")
    return [one.number for one in run.each_round if any(why in sent for _, why in one.gone)]
