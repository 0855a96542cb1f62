"""`tally audit`: what attackers find in a way to train, beside what is promised."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import output
from ..command import FILE, command, noun, whole
from ..context import Context, ensure_writable, learning_parts, stop
from .run_setup import learner_of, task_of

if TYPE_CHECKING:
    from ...learning.learner import Rows
    from ...privacy.probe import Findings, Way

FEWEST = 100  # rows, of which half of the models see each
LEAST_DELTA, MOST_DELTA = 1e-9, 0.1

app = noun("audit")


@dataclass(frozen=True)
class AuditSettings:
    """What `tally audit privacy` is asked for, by the names of its options."""

    data: Path | None
    label: str | None
    columns: str | None
    learner: str
    epsilon: float | None
    delta: float
    steps: int
    rate: float
    most: int
    shadows: int
    seed: int
    report: Path


@command("tally audit privacy --epsilon 4", "tally audit privacy --data mine.csv --label fault", into=app)
@click.option("--data", type=FILE, metavar="FILE", help="A table of numbers. [default: handwritten digits]")
@click.option("--label", metavar="COLUMN", help="The column to predict.")
@click.option("--columns", metavar="A,B", help="What to predict it from. [default: all other columns]")
@click.option("--learner", metavar="NAME", default="mlp:64", show_default=True, help="Or softmax, mlp:64-32.")
@click.option("--epsilon", type=float, metavar="E", help="Train by DP-SGD within this ε. [default: without]")
@click.option("--delta", type=float, metavar="D", default=1e-5, show_default=True, help="Goes with ε.")
@click.option("--steps", type=whole(1), metavar="N", default="200", show_default=True, help="Of training.")
@click.option("--rate", type=float, metavar="SHARE", default=0.1, show_default=True, help="Drawn in a step.")
@click.option(
    "--most", type=whole(FEWEST), metavar="N", default="600", show_default=True, help="Rows to take."
)
@click.option(
    "--shadows", type=whole(5), metavar="N", default="16", show_default=True, help="Beside the target."
)
@click.option(
    "--seed", type=whole(), metavar="N", default="7", show_default=True, help="What chance follows."
)
@click.option(
    "--report", type=FILE, metavar="FILE", default=Path("privacy-report.html"), show_default=True,
    help="The page to write.",
)  # fmt: skip
def privacy(at: Context, /, **options: Any) -> None:
    """Attack a way to train, and show what is found beside what the accountant says.

    Who was trained on (membership), a lower bound on ε from one run on canaries, and rows read out of a
    gradient. A bound above the accountant's ε shows a defect; one below it proves nothing.
    """
    asked = AuditSettings(**options)
    ensure_writable(asked.report)
    with learning_parts("audits"):
        from ...privacy import probe

        rows, labels = _rows(asked)
        way = _way(asked)
        learner = learner_of(asked.learner)
        if not learner.traced:
            stop(f"{asked.learner} is code of your own; audits take softmax, mlp:64 or mlp:64-32")
        findings = probe.probe(way, learner, rows, labels, asked.seed, asked.shadows)
        asked.report.write_text(_page(way, findings, asked.learner), encoding="utf-8")
    at.show(_document(way, findings, asked.report), _lines(way, findings, asked.report))
    if not findings.sound:
        stop(f"ε is at least {findings.bound:.2f}, more than the accountant says: this training has a defect")


def _rows(asked: AuditSettings) -> tuple["Rows", int]:
    """The rows under attack, and how many labels they have."""
    import numpy as np

    from ...learning.learner import Rows

    if asked.data is None:
        if asked.label or asked.columns:
            stop("--label and --columns name columns of a table; say --data FILE too")
        from sklearn.datasets import load_digits

        x, y = load_digits(return_X_y=True)
        x, y, labels = x / 16, y, 10
    else:
        x, y, labels = _table(asked, asked.data)
    chosen = np.random.default_rng(asked.seed).permutation(len(y))[: asked.most]
    if len(chosen) < FEWEST:
        stop(f"{len(chosen)} rows are too few to tell who was trained on; bring at least {FEWEST}")
    return Rows(np.asarray(x, np.float32)[chosen], np.asarray(y, np.int32)[chosen]), labels


def _table(asked: AuditSettings, file: Path) -> tuple[Any, Any, int]:
    """Columns of a table on one scale, the places of its labels, and how many labels there are."""
    import numpy as np

    from ...data.inputs import text_of
    from ...data.readers import read

    table = read(file)
    if asked.label is None:
        stop(f"what is to be learnt? say --label COLUMN; there are {', '.join(table.names)}")
    table.ensure(asked.label)
    named = [name.strip() for name in (asked.columns or "").split(",") if name.strip()]
    columns = named or [name for name in table.names if name != asked.label]
    for name in columns:
        table.ensure(name)
    labels = list(task_of(table, asked.label, columns).labels)
    if not labels:
        stop(f"{asked.label!r} is a number to predict; membership is attacked by labels")
    x = np.stack([np.asarray(table[name], np.float64) for name in columns], axis=1)
    if not np.isfinite(x).all():
        stop("columns hold missing or infinite values; clean them first")
    spread = x.std(axis=0)
    places = {name: place for place, name in enumerate(labels)}
    y = [places[str(value)] for value in text_of(table[asked.label])]
    return (x - x.mean(axis=0)) / np.where(spread > 0, spread, 1), np.array(y), len(labels)


def _way(asked: AuditSettings) -> "Way":
    from ...privacy import probe
    from ...privacy.accounting import sigma_for

    rate, delta, epsilon = asked.rate, asked.delta, asked.epsilon
    if not 0 < rate <= 1:
        stop(f"--rate is the share of rows drawn in a step, above 0 and at most 1, not {rate:g}")
    if not LEAST_DELTA <= delta <= MOST_DELTA:
        stop(f"--delta lies between {LEAST_DELTA:g} and {MOST_DELTA:g}, not {delta:g}")
    if epsilon is None:
        return probe.unprotected(rate, asked.steps, delta=delta)
    if not 0.1 <= epsilon <= 100:
        stop(f"--epsilon lies between 0.1 and 100, not {epsilon:g}; leave it out to train without privacy")
    sigma = sigma_for(epsilon, delta, steps=asked.steps, rate_nano=round(rate * 10**9))
    return probe.dp_sgd(sigma, rate, asked.steps, delta=delta)


def _figures(way: "Way", findings: "Findings") -> list[tuple[str, str]]:
    """What is promised and what was found, in words."""
    low, high = findings.members.tpr_interval
    return [
        ("training", way.stated),
        ("theory", "no formal guarantee" if findings.theory is None else str(findings.theory)),
        (
            "lower bound",
            f"ε ≥ {findings.bound:.2f} at δ = {way.delta:g} (95 %, one run, {findings.canaries:,} canaries)",
        ),
        ("membership", f"{findings.members.tpr:.1%} found at 1 % false alarms ({low:.1%} – {high:.1%})"),
        ("", f"AUC {findings.members.auc:.3f}; protection degree {findings.members.protection:.3f} of 1"),
        ("recovery", f"{findings.recovered:.0%} of rows read out of a step of 8 rows"),
        ("accuracy", f"{findings.accuracy:.1%} on rows not trained on"),
    ]


def _lines(way: "Way", findings: "Findings", report: Path) -> list[str]:
    return output.pairs([*_figures(way, findings), ("report", report)])


def _document(way: "Way", findings: "Findings", report: Path) -> dict[str, object]:
    theory = findings.theory
    return {
        "training": way.stated,
        "epsilon": None if theory is None else theory.epsilon,
        "delta": way.delta,
        "protects": "record",
        "accountant": None if theory is None else theory.accountant,
        "lower_bound": findings.bound,
        "canaries": findings.canaries,
        "auc": findings.members.auc,
        "tpr": findings.members.tpr,
        "fpr": findings.members.fpr,
        "protection": findings.members.protection,
        "recovered": findings.recovered,
        "accuracy": findings.accuracy,
        "sound": findings.sound,
        "report": str(report),
    }


def _page(way: "Way", findings: "Findings", learner: str) -> str:
    """The same figures with a picture: how many members are found at which rate of false alarms."""
    from ...report import page

    lines = [f"{name + ': ' if name else ''}{figure}" for name, figure in _figures(way, findings)]
    caption = "Members found at each rate of false alarms, and by guessing; ε as promised and as found."
    return page.page(
        "A way to train, attacked",
        f"{learner}, {way.stated}. A bound above the accountant's ε shows a defect; below it proves nothing.",
        [
            page.Section("What is promised, and what was found", tuple(map(page.Paragraph, lines))),
            page.Section("Picture", (page.Drawing(_picture(findings), caption),)),
        ],
    )


def _picture(findings: "Findings") -> str:
    from ...privacy.audit import curve_of
    from ...report.plots import Curve, Panel, panels

    alarms, hits = curve_of(findings.scores, findings.inside)
    epsilons = {} if findings.theory is None else {"theory": Curve([0.0], [findings.theory.epsilon])}
    epsilons["found, at least"] = Curve([1.0], [findings.bound])
    return panels(
        [
            Panel("false alarms", "members found",
                  {"attack": Curve(alarms, hits), "guessing": Curve(alarms, alarms)}, log=True),
            Panel("", "ε", epsilons, bars=True),
        ]
    )  # fmt: skip
