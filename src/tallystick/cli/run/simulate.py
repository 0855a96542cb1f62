"""`tally simulate`: a scheme tried on one's own table, its rows divided among simulated members."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import output
from ..command import FILE, argument, command, whole
from ..context import Context, ensure_writable, learning_parts, read_json, stop
from .live_view import LiveView
from .run_file import RunSettings, read_run_file, run_file_text
from .run_setup import RunSetup, prepare

if TYPE_CHECKING:
    from ...engines.export import AuditReport
    from ...protocols.request_plan import RequestPlan
    from ...simulation.finished import Run
    from ...simulation.members import Members

RUNS = Path("runs")
STANDARDISED = "what these means and spreads say of the rows is told without noise: no formal guarantee"
EXAMPLES = (
    "tally simulate --data mine.csv --label fault --by site",
    "tally simulate --data mine.csv --label fault --by site --malicious b:sign-flip",
    "tally simulate run.toml --rounds 20",
)


@command(*EXAMPLES)
@argument(
    "file",
    "A run's settings in TOML, by the names of the options; options come before it.",
    type=FILE,
    required=False,
)
@click.option("--data", type=FILE, metavar="FILE", help="A table: CSV, Parquet or NPZ.")
@click.option("--by", metavar="COLUMN", help="The column that says whose row it is.")
@click.option("--label", metavar="COLUMN", help="The column to predict.")
@click.option("--columns", metavar="A,B", help="What to predict it from. [default: all other columns]")
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
def simulate(
    at: Context, /, file: Path | None, report: Path | None, keep: Path | None, **options: Any
) -> None:
    """Try a scheme on your own table, as if each value of a column were a member with its own rows.

    All of it runs on a ledger of its own: offers, team, rounds, judging, pay. The result stands beside each
    member learning alone, and all rows pooled in one place. It is kept: the same command again goes on where
    the first was cut off.
    """
    options["columns"] = tuple((options["columns"] or "").split(",")) if options["columns"] else ()
    settings = (read_run_file(file) if file else RunSettings()).with_options(options)
    carry_out(at, settings, keep, report)


def carry_out(at: Context, settings: RunSettings, keep: Path | None, report: Path | None = None) -> None:
    """Run it, from the beginning or from where it was cut off, and show what came of it."""
    if report is not None:
        ensure_writable(report)
    with learning_parts("simulations"):
        from ...simulation import study
        from ...simulation.layout import ASKED
        from ...simulation.result import document

        ready = prepare(settings)
        folder = _folder(keep, settings, ready)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ASKED).write_text(run_file_text(settings, folder), encoding="utf-8")
        tell = LiveView(at.json)
        tell.say(*_introduction(ready.members, ready.setting.plan))
        try:
            run = study.simulate(
                ready.scheme, ready.members, seed=settings.seed, attacks=ready.attacks, faults=ready.faults,
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
    result = document(run)
    result["privacy"] += notes
    at.show(
        {**result, "report": str(page), "verified": audit, "folder": str(folder)},
        shown(run, audit, page, folder, notes),
    )
    if not audit.sound:
        stop(f"the run's export does not verify: {audit.problem}")


def shown(run: "Run", audit: "AuditReport", report: Path, keep: Path, notes: list[str]) -> list[str]:
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


def _folder(keep: Path | None, settings: RunSettings, ready: RunSetup) -> Path:
    """Where the run is kept: as said, or the first of runs/mine, runs/mine-2 … that is free or its own."""
    from ...simulation.layout import ASKED, MARK
    from ...simulation.study import settings_digest

    known = settings_digest(ready.setting)

    def fits(folder: Path) -> bool:
        mark = folder / MARK
        return mark.exists() and read_json(mark).get("settings") == known

    def free(folder: Path) -> bool:
        return not folder.exists() or not any(entry.name != ASKED for entry in folder.iterdir())

    if keep is None:
        plain = name_of_run(settings)
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


def name_of_run(settings: RunSettings) -> str:
    """A run's name, after the file that asks for it or the table that it is about."""
    from ...simulation.layout import ASKED

    file = settings.file if settings.file is not None and settings.file.name != ASKED else settings.data
    if settings.file is not None and settings.file.name == ASKED:
        file = Path(settings.file.resolve().parent.name)
    return re.sub(r"[^\w-]+", "", (file or Path("run")).name.partition(".")[0]) or "run"


def _introduction(members: "Members", plan: "RequestPlan") -> list[str]:
    task = members.task
    aim = f"{len(task.labels)} classes" if task.labels else "a number"
    first = f"{len(members)} members learn {task.target.name!r} ({aim}) from {len(task.columns)} columns by"
    rows = [
        (name, f"{len(share.training.y):,}", f"{len(share.judging.y):,}")
        for name, share in members.brought.items()
    ]
    return [
        *output.sentence(f"{first} {plan.preset}, {dict(plan.settings)['rounds']} rounds."),
        "",
        *output.table(("member", "rows to train on", "to judge by"), rows, ""),
        "",
        *about_epsilon(plan),
    ]


def about_epsilon(plan: "RequestPlan") -> list[str]:
    """What the ε beside each round is: whose, by which mechanism, by whose account."""
    stated = dict(plan.settings)
    kind = stated.get("protect", "none")
    if kind == "none":
        return []
    if kind == "printed_laplace":
        return [*output.sentence("Training adds Laplace noise as printed: no formal guarantee."), ""]
    how = {"dp_sgd": "DP-SGD (subsampled Gaussian)"}.get(kind, "Gaussian noise")
    whose = {"dp_sgd": stated["protects"], "noised_update": "member"}.get(kind, "record")
    words = (
        f"ε below is spent of {stated['epsilon']} at δ {float(stated['delta']):g}, for one {whose} among "
        f"a member's training rows: {how}, by the ledger's own Rényi account."
    )
    return [*output.sentence(words), ""]


app = simulate
