"""`tally simulate`: a scheme tried on one's own table, its rows divided among simulated members."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from . import output
from .command import FILE, Choices, command, learning_parts, stop, whole

if TYPE_CHECKING:
    from ..base.measure import Measure
    from ..base.task import Task
    from ..data.table import Table
    from ..engines.export import Report
    from ..learning.learner import Learner
    from ..simulation.members import Members
    from ..simulation.outcome import Run
    from ..simulation.parts import Part
    from ..simulation.run import Setting
    from ..simulation.schemes import Scheme
    from ..simulation.telling import Moment

MANY = 100  # different whole numbers, above which a label is a number to be told rather than a class

Made = TypeVar("Made")
LEAST = 0.1  # ε below which the ledger's account has no orders to tell noise apart
MOST = 0.1  # δ that the ledger takes
STANDARDISED = "what these means and spreads say of the rows is told without noise: no formal guarantee"

EXAMPLES = (
    "tally simulate --data mine.csv --label fault --by site",
    "tally simulate --data mine.csv --label fault --by site --malicious b:sign-flip",
)


@dataclass(frozen=True)
class Wanted:
    """What was asked for, besides the data."""

    preset: str
    learner: str
    rounds: int
    epochs: int
    batch: int
    epsilon: float | None
    delta: float
    reward: int


@command(*EXAMPLES)
@click.option("--data", type=FILE, metavar="FILE", required=True, help="A table: CSV, Parquet or NPZ.")
@click.option("--by", metavar="COLUMN", required=True, help="The column that says whose row it is.")
@click.option("--label", metavar="COLUMN", help="The column that is to be told from the others.")
@click.option("--columns", metavar="A,B", help="What to tell it from. [default: all other columns]")
@click.option("--measure", metavar="NAME", help="Such as macro_f1 or rmse. [default: accuracy or mae]")
@click.option("--task", type=FILE, metavar="FILE", help="A task in TOML, in place of the three above.")
@click.option("--test", type=FILE, metavar="FILE", help="Rows that only the requester has, to compare on.")
@click.option("--preset", metavar="NAME", default="mutual", show_default=True, help="See `tally presets`.")
@click.option("--learner", metavar="NAME", default="mlp:64", show_default=True, help="Or softmax, mlp:64-32.")
@click.option("--rounds", type=whole(1), metavar="N", default="10", show_default=True, help="How many.")
@click.option("--epochs", type=whole(1), metavar="N", default="2", show_default=True, help="In a round.")
@click.option("--batch", type=whole(1), metavar="N", default="16", show_default=True, help="Rows in a step.")
@click.option(
    "--judging", type=float, metavar="SHARE", default=0.2, show_default=True, help="Rows to judge by."
)
@click.option("--epsilon", type=float, metavar="E", help="Protect each training row, by DP-SGD.")
@click.option("--delta", type=float, metavar="D", default=1e-5, show_default=True, help="Goes with ε.")
@click.option(
    "--reward", type=whole(1), metavar="N", default="1000", show_default=True, help="Tokens to share."
)
@click.option(
    "--malicious", multiple=True, metavar="WHO:HOW", help="Such as b:sign-flip or b:copy; repeat it."
)
@click.option(
    "--leave", multiple=True, metavar="WHO:ROUND", help="Who leaves, and in which round; repeat it."
)
@click.option(
    "--seed", type=whole(), metavar="N", default="7", show_default=True, help="What chance follows."
)
@click.option("--report", type=FILE, metavar="FILE", help="The page to write. [default: FILE-report.html]")
@click.option(
    "--keep", type=FILE, metavar="DIR", help="Keep ledger and models; a finished run is not run again."
)
def simulate(at: Choices, /, data: Path, by: str, **said: Any) -> None:
    """Try a scheme on your own table, as if each value of a column were a member with its own rows.

    All of it runs on a ledger of its own: offers, team, rounds, judging, pay. The result stands beside each
    member learning alone, and all rows pooled in one place.
    """
    with learning_parts("simulations"):
        from ..data.readers import read
        from ..simulation import study

        table = read(data)
        task = _task(table, by, said)
        members = study.members_of(table, task, by, judging=said["judging"], seed=said["seed"])
        scheme = _scheme(Wanted(**{name: said[name] for name in Wanted.__dataclass_fields__}))
        test = members.rows(read(said["test"])) if said["test"] else None
        ill, parts = attacks_of(said["malicious"], members), leavings(said["leave"], members)
        setting = _fitted(study.setting_of, scheme, members, said["seed"], ill, parts, test)
        _ensure_free(said["keep"], setting)
        tell = Progress(at.json, scheme.rounds)
        tell.say(*_introduction(members, scheme))
        run = study.simulate(
            scheme, members, seed=said["seed"], attacks=ill, faults=parts, store=said["keep"], test=test,
            watch=tell.hear,
        )  # fmt: skip
        report = run.report(said["report"] or _page_of(data))
        audit = run.verify()
    notes = [STANDARDISED] if members.notes else []
    at.show(document(run, audit, report, said["keep"], notes), shown(run, audit, report, said["keep"], notes))
    if not audit.sound:
        stop(f"the run's export does not verify: {audit.problem}")


class Progress:
    """A line for each round as it ends, and for whatever goes wrong; nothing for programs."""

    def __init__(self, silent: bool, rounds: int) -> None:
        self.silent = silent
        self.rounds = rounds

    def say(self, *lines: str) -> None:
        if not self.silent:
            for line in lines:
                print(line, flush=True)

    def hear(self, moment: "Moment") -> None:
        line = told(moment, self.rounds)
        if line:
            self.say(*output.sentence(f"  {line}"))


def told(moment: "Moment", rounds: int) -> str:
    """A moment as a line; nothing for the phases of a round, which are many."""
    from ..ledger import notices

    if isinstance(moment.notice, notices.PhaseOpened):
        return ""
    return re.sub(r"^(round \d+)\b", rf"\1 of {rounds}", moment.text)


def shown(run: "Run", audit: "Report", report: Path, keep: Path | None, notes: list[str]) -> list[str]:
    """The result for people: the run's own screen, then where things lie and whether they hold."""
    verified = f"{audit.height:,} blocks, {audit.transactions:,} transactions executed again: "
    rows = [
        ("report", report),
        ("verified", verified + ("all true" if audit.sound else f"NOT TRUE: {audit.problem}")),
        ("kept in", keep),
    ]
    lines = [
        "",
        *str(run).splitlines(),
        *(line for note in notes for line in output.sentence(note)),
        "",
        *output.pairs(rows),
    ]
    if keep is not None:
        lines += ["", f"  tally ledger show status --ledger {keep / 'ledger'}"]
    return lines


def document(
    run: "Run", audit: "Report", report: Path, keep: Path | None, notes: list[str]
) -> dict[str, Any]:
    """The result for programs."""
    rounds = [
        {"round": one.number, "complete": one.complete, "score": _figure(run.compared.values.get(one.number)),
         "team": one.figure, "missed": one.missed, "gone": one.gone, "epsilon": one.epsilon}
        for one in run.each_round
    ]  # fmt: skip
    return {
        "preset": run.preset,
        "learner": run.setting.learner.name,
        "outcome": run.outcome,
        "measure": run.task.measure.name,
        "score": _figure(run.score),
        "alone": {name: _figure(value) for name, value in run.compared.alone.items()},
        "pooled": _figure(run.compared.pooled),
        "compared_on": run.compared.on,
        "rounds": rounds,
        "pay": [vars(one) for one in run.pay],
        "privacy": [*run.privacy, *run.notes, *notes],
        "report": str(report),
        "verified": audit,
        "folder": None if keep is None else str(keep),
    }


def _figure(value: float | None) -> float | None:
    """A figure as JSON has it, which knows no NaN."""
    return None if value is None or value != value else value


def attacks_of(given: Sequence[str], members: "Members") -> dict[str, Any]:
    """Who attacks, and how, of words such as site-3:sign-flip or site-3:sign-flip:5."""
    from ..simulation.attacks import named

    found = {}
    for words in given:
        who, _, how = words.partition(":")
        try:
            attacker = _member(who, words, "such as site-3:sign-flip", members)
            found[attacker] = named(how)
        except ValueError as error:
            stop(f"--malicious {words}: {error}")
    return found


def leavings(given: Sequence[str], members: "Members") -> list["Part"]:
    """Who leaves, and when, of words such as site-2:4."""
    from ..simulation.faults import leave

    found = []
    for words in given:
        who, _, when = words.partition(":")
        if not when.isdigit() or int(when) < 1:
            stop(f"--leave {words}: say who leaves in which round, such as site-2:4")
        found.append(leave(_member(who, words, "such as site-2:4", members), round=int(when)))
    return found


def learner_of(said: str) -> "Learner":
    """A learner of words such as softmax, linear, mlp:64 or mlp:64-32."""
    from ..learning.models import linear, mlp

    name, _, sizes = said.partition(":")
    if name in ("softmax", "linear") and not sizes:
        return linear()
    parts = sizes.split("-")
    if name != "mlp" or not all(part.isdigit() and int(part) for part in parts):
        stop(f"there is no learner {said!r}; say softmax, mlp:64, or mlp:64-32 for two layers")
    return mlp(*map(int, parts))


def task_of(table: "Table", label: str, columns: Sequence[str], measure: str | None = None) -> "Task":
    """A task out of a table: text, yes or no, and few whole numbers are classes; others a number to tell."""
    from ..base.task import task

    _ensure_numbers(table, columns)
    labels = _labels(table, label)
    return task(columns, label, labels, measure if labels else _error(table, label, measure or "mae"))


def _task(table: "Table", by: str, said: dict[str, Any]) -> "Task":
    from ..base import task as tasks

    if said["task"] is not None:
        if said["label"] or said["columns"] or said["measure"]:
            stop("--task says what is learnt from what; leave --label, --columns and --measure out")
        task = tasks.load(said["task"])
        _ensure_numbers(table, [column.name for column in task.columns])
        return task
    label = said["label"]
    if label is None:
        stop(f"what is to be learnt? say --label COLUMN; there are {', '.join(table.names)}")
    for name in (by, label):
        table.ensure(name)
    if by == label:
        stop(f"{by!r} cannot say both whose row it is and what is to be learnt")
    named = [name.strip() for name in (said["columns"] or "").split(",") if name.strip()]
    return task_of(
        table, label, named or [one for one in table.names if one not in (by, label)], said["measure"]
    )


def _ensure_numbers(table: "Table", columns: Sequence[str]) -> None:
    """Refuse columns that are not numbers, with the choice that would work."""
    odd = [name for name in columns if table[name].dtype.kind not in "biuf"]
    if not columns or not odd:
        return
    rest = ",".join(name for name in columns if name not in odd)
    words = f"{', '.join(map(repr, odd))}: text or time, and a learner takes numbers;"
    stop(f"{words} code it as numbers, or leave it out" + (f": --columns {rest}" if rest else ""))


def _error(table: "Table", label: str, name: str) -> "Measure | str":
    """An error that is cut off where it is as large as the label's whole range, so that none looks alike."""
    from ..base.measure import REGRESSING, named

    values = table[label]
    return named(name, upper=max(1, ceil(float(values.max() - values.min())))) if name in REGRESSING else name


def _labels(table: "Table", label: str) -> list[str]:
    """The classes in the label's column; none where it is a number to be told."""
    import numpy as np

    from ..data.inputs import text_of

    values = table[label]
    real = values.dtype.kind == "f"
    gaps = int(np.isnan(values).sum()) if real else sum(one is None for one in values.tolist())
    if gaps:
        stop(f"the label {label!r} is missing in {gaps:,} of {len(values):,} rows; fill it in, or drop them")
    if real and (values != np.round(values)).any():
        return []
    found = np.unique(values if values.dtype.kind in "biuf" else text_of(values))
    if values.dtype.kind in "iuf" and len(found) > MANY:
        return []
    if len(found) < 2:
        stop(f"the label {label!r} is the same in every row; there is nothing to tell apart")
    return [str(one) for one in text_of(found)]


def _scheme(wanted: Wanted) -> "Scheme":
    from ..protocols.presets import names
    from ..simulation import schemes

    if wanted.preset not in names():
        stop(f"there is no preset {wanted.preset!r}; choose one of {', '.join(names())}")
    settings: dict[str, Any] = {"epochs": wanted.epochs, "batch": wanted.batch, "reward": wanted.reward}
    if wanted.epsilon is not None:
        if not (wanted.epsilon >= LEAST and 0 < wanted.delta <= MOST):
            given = f"{wanted.epsilon:g} and {wanted.delta:g}"
            stop(f"ε is at least {LEAST}, δ above 0 and at most {MOST}, not {given}")
        settings["protect"] = schemes.dp_sgd(wanted.epsilon, wanted.delta)
    made: Scheme = _fitted(
        schemes.scheme, wanted.preset, learner_of(wanted.learner), wanted.rounds, **settings
    )
    return made


def _fitted(make: Callable[..., Made], *given: Any, **more: Any) -> Made:
    """What is prepared; what does not fit these members or this learner is a person's to change."""
    try:
        return make(*given, **more)
    except ValueError as error:
        stop(str(error))


def _member(who: str, words: str, such: str, members: "Members") -> str:
    from ..simulation.members import name_of

    name = name_of(who) if who else ""
    if name not in members.brought:
        stop(f"{words}: there is no member {who!r} ({such}); there are {', '.join(members)}")
    return name


def _ensure_free(folder: Path | None, setting: "Setting") -> None:
    """Refuse a folder that holds something else than this run."""
    from ..simulation.study import MARK, settings_digest

    if folder is None or not folder.exists() or not any(folder.iterdir()):
        return
    if not (folder / MARK).exists():
        stop(f"{folder} holds other files and no run; choose a new folder to keep the run in")
    kept = json.loads((folder / MARK).read_text(encoding="utf-8"))
    if kept.get("settings") != settings_digest(setting):
        stop(f"{folder} holds a run with other settings or data; choose another folder, or remove it")


def _introduction(members: "Members", scheme: "Scheme") -> list[str]:
    task = members.task
    aim = f"{len(task.labels)} classes" if task.labels else "a number"
    first = f"{len(members)} members learn {task.target.name!r} ({aim}) from {len(task.columns)} columns by"
    rows = [
        (name, f"{len(one.training.y):,}", f"{len(one.judging.y):,}") for name, one in members.brought.items()
    ]
    return [
        *output.sentence(f"{first} {scheme.preset}, {scheme.rounds} rounds."),
        "",
        *output.table(("member", "rows to train on", "to judge by"), rows, ""),
        "",
    ]


def _page_of(data: Path) -> Path:
    plain = re.sub(r"[^\w-]+", "", data.name.partition(".")[0]) or "simulation"
    return Path(f"{plain}-report.html")


app = simulate
