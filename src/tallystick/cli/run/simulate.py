"""`tally simulate`: a scheme tried on one's own table, its rows divided among simulated members."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import output
from ..command import (
    FILE,
    Choices,
    argument,
    command,
    learning_parts,
    stop,
    whole,
)
from .progress import Progress
from .run_file import Wanted, read_wanted, toml_of
from .run_setup import Prepared, prepared

if TYPE_CHECKING:
    from ...engines.export import Report
    from ...simulation.members import Members
    from ...simulation.outcome import Run
    from ...simulation.schemes import Scheme

RUNS = Path("runs")
ASKED = "run.toml"  # in a run's folder: what was asked for
STANDARDISED = "what these means and spreads say of the rows is told without noise: no formal guarantee"
EXAMPLES = (
    "tally simulate --data mine.csv --label fault --by site",
    "tally simulate --data mine.csv --label fault --by site --malicious b:sign-flip",
    "tally simulate run.toml --rounds 20",
)


@command(*EXAMPLES)
@argument(
    "file",
    "What is wanted, in TOML: the names of the options. Options say otherwise.",
    type=FILE,
    required=False,
)
@click.option("--data", type=FILE, metavar="FILE", help="A table: CSV, Parquet or NPZ.")
@click.option("--by", metavar="COLUMN", help="The column that says whose row it is.")
@click.option("--label", metavar="COLUMN", help="The column that is to be told from the others.")
@click.option("--columns", metavar="A,B", help="What to tell it from. [default: all other columns]")
@click.option("--measure", metavar="NAME", help="Such as macro_f1 or rmse. [default: accuracy or mae]")
@click.option("--task", type=FILE, metavar="FILE", help="A task in TOML, in place of the three above.")
@click.option("--test", type=FILE, metavar="FILE", help="Rows that only the requester has, to compare on.")
@click.option(
    "--subject", metavar="COLUMN", help="Which person a row is about: nobody is parted, ε is theirs."
)
@click.option("--preset", metavar="NAME", help="See `tally presets`. [default: mutual]")
@click.option("--setting", multiple=True, metavar="NAME=VALUE", help="A setting of the preset; repeat it.")
@click.option("--learner", metavar="NAME", help="softmax, mlp:64-32, or FILE.py:NAME. [default: mlp:64]")
@click.option("--rounds", type=whole(1), metavar="N", help="How many. [default: 10]")
@click.option("--epochs", type=whole(1), metavar="N", help="In a round. [default: 2]")
@click.option("--batch", type=whole(1), metavar="N", help="Rows in a step. [default: 16]")
@click.option("--judging", type=float, metavar="SHARE", help="Rows to judge by. [default: 0.2]")
@click.option("--epsilon", type=float, metavar="E", help="Protect each training row (or subject), by DP-SGD.")
@click.option("--delta", type=float, metavar="D", help="Goes with ε. [default: 1e-05]")
@click.option("--reward", type=whole(1), metavar="N", help="Tokens to share. [default: 1,000]")
@click.option(
    "--malicious", multiple=True, metavar="WHO:HOW", help="Such as b:sign-flip or b:copy; repeat it."
)
@click.option(
    "--leave", multiple=True, metavar="WHO:ROUND", help="Who leaves, and in which round; repeat it."
)
@click.option("--seed", type=whole(), metavar="N", help="What chance follows. [default: 7]")
@click.option("--report", type=FILE, metavar="FILE", help="The page to write. [default: report.html in DIR]")
@click.option(
    "--keep", type=FILE, metavar="DIR", help="The run's folder. [default: runs/ and the file's name]"
)
def simulate(at: Choices, /, file: Path | None, report: Path | None, keep: Path | None, **said: Any) -> None:
    """Try a scheme on your own table, as if each value of a column were a member with its own rows.

    All of it runs on a ledger of its own: offers, team, rounds, judging, pay. The result stands beside each
    member learning alone, and all rows pooled in one place. It is kept: the same command again goes on where
    the first was cut off.
    """
    said["columns"] = tuple((said["columns"] or "").split(",")) if said["columns"] else ()
    wanted = (read_wanted(file) if file else Wanted()).with_flags(said)
    carry_out(at, wanted, keep, report)


def carry_out(at: Choices, wanted: Wanted, keep: Path | None, report: Path | None = None) -> None:
    """Run what is wanted, from the beginning or from where it was cut off, and show what came of it."""
    with learning_parts("simulations"):
        from ...simulation import study
        from ...simulation.document import document

        ready = prepared(wanted)
        folder = _folder(keep, wanted, ready)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ASKED).write_text(toml_of(wanted, folder), encoding="utf-8")
        tell = Progress(at.json, wanted.rounds)
        tell.say(*_introduction(ready.members, ready.scheme))
        try:
            run = study.simulate(
                ready.scheme, ready.members, seed=wanted.seed, attacks=ready.attacks, faults=ready.faults,
                store=folder, test=ready.test, watch=tell.hear,
            )  # fmt: skip
        except KeyboardInterrupt:
            tell.end()
            tell.say(f"cut off; `tally run resume {folder}` goes on from here")
            raise
        tell.end()
        page = run.report(report or folder / "report.html")
        audit = run.verify()
    notes = [STANDARDISED] if ready.members.notes else []
    found = document(run)
    found["privacy"] += notes
    at.show(
        {**found, "report": str(page), "verified": audit, "folder": str(folder)},
        shown(run, audit, page, folder, notes),
    )
    if not audit.sound:
        stop(f"the run's export does not verify: {audit.problem}")


def shown(run: "Run", audit: "Report", report: Path, keep: Path, notes: list[str]) -> list[str]:
    """The result for people: the run's own screen, then where things lie and whether they hold."""
    verified = f"{audit.height:,} blocks, {audit.transactions:,} transactions executed again: "
    rows = [
        ("report", report),
        ("verified", verified + ("all true" if audit.sound else f"NOT TRUE: {audit.problem}")),
        ("kept in", keep),
    ]
    return [
        "",
        *str(run).splitlines(),
        *(line for note in notes for line in output.sentence(note)),
        "",
        *output.pairs(rows),
        "",
        f"  tally run show {keep}",
        f"  tally ledger status --ledger {keep / 'ledger'}",
    ]


def _folder(keep: Path | None, wanted: Wanted, ready: Prepared) -> Path:
    """Where the run is kept: as said, or the first of runs/mine, runs/mine-2 … that is free or its own."""
    from ...simulation.study import MARK, settings_digest

    known = settings_digest(ready.setting)

    def fits(folder: Path) -> bool:
        mark = folder / MARK
        return mark.exists() and json.loads(mark.read_text(encoding="utf-8")).get("settings") == known

    def free(folder: Path) -> bool:
        return not folder.exists() or not any(one.name != ASKED for one in folder.iterdir())

    if keep is None:
        plain = name_of_run(wanted)
        for number in range(1, 10_000):
            folder = RUNS / (plain if number == 1 else f"{plain}-{number}")
            if free(folder) or fits(folder):
                return folder
        stop(f"{RUNS} is full of runs called {plain}; remove some, or choose another folder with --keep")
    if not free(keep) and not (keep / MARK).exists():
        stop(f"{keep} holds other files and no run; choose a new folder to keep the run in")
    if not free(keep) and not fits(keep):
        stop(f"{keep} holds a run with other settings or data; choose another folder, or remove it")
    return keep


def name_of_run(wanted: Wanted) -> str:
    """A run's name, after the file that asks for it or the table that it is about."""
    file = wanted.file if wanted.file is not None and wanted.file.name != ASKED else wanted.data
    if wanted.file is not None and wanted.file.name == ASKED:
        file = Path(wanted.file.resolve().parent.name)
    return re.sub(r"[^\w-]+", "", (file or Path("run")).name.partition(".")[0]) or "run"


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
        *about_epsilon(scheme),
    ]


def about_epsilon(scheme: "Scheme") -> list[str]:
    """What the ε beside each round is: whose, by which mechanism, by whose account."""
    if scheme.protect is None:
        return []
    one = scheme.protect
    how = {"dp_sgd": "DP-SGD (subsampled Gaussian)"}.get(one.kind, "Gaussian noise")
    words = (
        f"ε below is spent of {one.epsilon:g} at δ {one.delta:g}, for one {one.protects} among a member's "
        f"training rows: {how}, by the ledger's own Rényi account."
    )
    return [*output.sentence(words), ""]


app = simulate
