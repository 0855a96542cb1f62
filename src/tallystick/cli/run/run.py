"""`tally run`: the runs that are kept: list, show, read the log, go on with one, compare several."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from .. import output
from ..command import FILE, argument, command, noun
from ..context import Context, learning_parts, read_json, stop
from .run_file import read_run_file
from .simulate import RUNS, carry_out

run = noun("run")
WHERE = click.option(
    "--runs", type=FILE, metavar="DIR", default=RUNS, show_default=True, help="Where runs are kept."
)


@command("tally run list", into=run, name="list")
@WHERE
def list_(at: Context, runs: Path) -> None:
    """List the runs that are kept, and what came of each."""
    briefs = [_brief(folder) for folder in _folders(runs)]
    rows = [
        tuple(shown[name] for name in ("run", "preset", "rounds", "score", "alone", "pooled", "state"))
        for shown in map(_shown, briefs)
    ]
    heads = ("run", "preset", "rounds", "together", "alone", "pooled", "")
    empty = f"no runs in {runs} yet; `tally simulate` makes one"
    at.show(briefs, output.table(heads, rows, empty))


@command("tally run show mine", into=run)
@argument("name", "A run's folder, or its name in runs/.")
@WHERE
def show(at: Context, name: str, runs: Path) -> None:
    """Show what came of a run, on one screen."""
    folder = _folder(name, runs)
    result = _result(folder)
    at.show(
        {key: value for key, value in result.items() if key not in ("screen", "log")},
        [*result["screen"].splitlines(), "", *output.pairs([("kept in", folder)])],
    )


@command("tally run log mine", into=run)
@argument("name", "A run's folder, or its name in runs/.")
@WHERE
def log(at: Context, name: str, runs: Path) -> None:
    """Print everything that changed the course of a run, in virtual time."""
    folder = _folder(name, runs)
    lines = _log_so_far(folder) if _finished(folder) is None else _result(folder)["log"]
    at.show(lines, lines)


@command("tally run resume mine", into=run)
@argument("name", "A run's folder, or its name in runs/.")
@WHERE
def resume(at: Context, name: str, runs: Path) -> None:
    """Go on with a run that was cut off: from its ledger, with the work that its members had on disk."""
    folder = _folder(name, runs)
    carry_out(at, read_run_file(_asked(folder)), folder)


@command("tally run compare mine mine-2", into=run)
@argument("names", "Runs' folders, or their names in runs/.", nargs=-1, required=True)
@WHERE
def compare(at: Context, names: Sequence[str], runs: Path) -> None:
    """Put runs side by side: how good, beside alone and pooled, at which privacy, and who was lost."""
    folders = [_folder(name, runs) for name in names]
    results = [{"run": folder.name, **_result(folder)} for folder in folders]
    measures = {result["measure"] for result in results}
    measure = measures.pop() if len(measures) == 1 else "score"
    heads = ("run", "preset", "learner", "members", measure, "alone", "pooled", "lost")
    rows = [
        (result["run"], result["preset"], result["learner"], len(result["members"]), _three(result["score"]),
         _three(_mean(result["alone"])), _three(result["pooled"]), _lost(result) or "–")
        for result in results
    ]  # fmt: skip
    lines = output.table(heads, rows, "")
    for result in results:
        for line in result["privacy"][:1]:
            lines += ["", *output.sentence(f"{result['run']}: {line}")]
    documents = [{key: result[key] for key in result if key not in ("screen", "log")} for result in results]
    at.show(documents, lines)


def _folders(runs: Path) -> list[Path]:
    from ...simulation.layout import MARK

    return sorted(file.parent for file in runs.glob(f"*/{MARK}"))


def _folder(name: str, runs: Path) -> Path:
    from ...simulation.layout import MARK

    for folder in (Path(name), runs / name):
        if (folder / MARK).is_file():
            return folder
    there = ", ".join(folder.name for folder in _folders(runs)) or "none"
    stop(f"there is no run {name!r}; in {runs} there are: {there}")


def _finished(folder: Path) -> dict[str, Any] | None:
    from ...simulation.layout import RESULT

    file = folder / RESULT
    result: dict[str, Any] | None = read_json(file) if file.is_file() else None
    return result


def _result(folder: Path) -> dict[str, Any]:
    result = _finished(folder)
    if result is None:
        stop(f"{folder} {_stage(folder)}; `tally run resume {folder}` goes on with it")
    return result


def _asked(folder: Path) -> Path:
    from ...simulation.layout import ASKED

    file = folder / ASKED
    if not file.is_file():
        again = f"call ts.simulate again with the same members and store={str(folder)!r}"
        stop(f"{folder} was made in Python: {again}")
    return file


def _brief(folder: Path) -> dict[str, Any]:
    """A run in a few words; of one that was cut off, how far it came."""
    result = _finished(folder)
    if result is None:
        return {"run": folder.name, "finished": False, "state": _stage(folder)}
    chosen = ("preset", "learner", "measure", "score", "pooled", "outcome")
    return {
        "run": folder.name,
        "finished": True,
        "state": result["outcome"],
        **{name: result[name] for name in chosen},
        "alone": _mean(result["alone"]),
        "rounds": sum(played["complete"] for played in result["rounds"]),
    }


def _shown(brief: dict[str, Any]) -> dict[str, Any]:
    figures = {name: _three(brief.get(name)) for name in ("score", "alone", "pooled")}
    return {"preset": "–", "rounds": "–", **brief, **figures}


def _stage(folder: Path) -> str:
    """How far a run came that is not finished, as its ledger says."""
    from ...engines.embedded.reader import open_reader
    from ...engines.engine import EngineError
    from ...ledger.state import PROGRESS
    from ...ledger.views.reading import every
    from ...simulation.layout import LEDGER

    try:
        with open_reader(folder / LEDGER, check=False) as reader:
            progress = next(iter(every(reader, PROGRESS)), None)
    except (EngineError, OSError):
        return "was cut off before it began"
    if progress is None:
        return "was cut off before its request was posted"
    where = f"in round {progress.round}" if progress.stage == "rounds" else f"when it was {progress.stage}"
    return f"was cut off {where}"


def _log_so_far(folder: Path) -> list[str]:
    with learning_parts("simulations"):
        from ...engines.embedded.reader import open_reader
        from ...history.figures import course
        from ...history.replay import replay
        from ...simulation.layout import LEDGER
        from ...simulation.setting import genesis_of
        from .run_setup import prepare

        setting = prepare(read_run_file(_asked(folder))).setting
        with open_reader(folder / LEDGER, check=False) as reader:
            return course(replay(reader, genesis_of(setting), setting.plan.task.measure))


def _lost(result: dict[str, Any]) -> str:
    return ", ".join(f"{member} ({why})" for played in result["rounds"] for member, why in played["gone"])


def _mean(values: dict[str, float]) -> float | None:
    return sum(values.values()) / len(values) if values else None


def _three(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


app = run
