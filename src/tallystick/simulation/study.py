"""The Python face of simulation: a scheme, members, faults and attacks in; a `Run` to look at out."""

from __future__ import annotations

import json
import math
import shutil
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypedDict

import numpy as np

from .. import __version__
from ..base import task as tasks
from ..base.codec import encode
from ..base.ids import digest
from ..base.measure import Measure
from ..base.task import Column, Task
from ..data.readers import read
from ..data.table import Table
from ..data.unit import Shares
from ..engines.embedded.reader import open_reader
from ..history.moments import Moment
from ..history.replay import RequestHistory, replay
from ..learning import payload
from ..learning.cohort import Runner, loop
from ..learning.learner import Learner, Model, Rows
from ..learning.measure import spread_of
from ..learning.models import cnn, linear, mlp
from ..learning.scan import scan
from ..node.payloads import store as payloads
from ..node.payloads.store import write_durably
from ..protocols.noise import dp_sgd, noised_update, per_hop
from ..protocols.plans import Plan, presets
from ..protocols.vocabulary import Unfit
from . import attacks, faults, run
from .attacks import Attack
from .baselines import baselines
from .behaviours import Behaviour
from .checkpoint import Checkpoint
from .finished import Run, keep
from .layout import ASKED, CHECKPOINT, LEDGER, MARK, MODELS
from .members import Members, members_in, members_of
from .plans import among, budget_of, notes, offered
from .result import Compared
from .run import Watch
from .setting import Brought, Setting, blank_of, genesis_of, rules_for

__all__ = [
    "Members", "Plan", "Run", "attacks", "cnn", "dp_sgd", "faults", "linear", "members_of", "mlp",
    "noised_update", "per_hop", "presets", "read", "simulate",
]  # fmt: skip


class RunMark(TypedDict, total=False):
    """What is noted of a run beside its ledger: what it follows from, and how good its models are."""

    settings: str
    finished: bool
    values: dict[str, float]  # by the number of the round
    alone: dict[str, float]  # each member's own model
    pooled: float


NO_ROWS = "all members' judging rows together"


def simulate(
    scheme: Plan,
    members: Members | Shares[Table],
    rounds: int | None = None,
    *,
    seed: int = 7,
    attacks: Mapping[str, Attack | str] | None = None,
    faults: Sequence[Behaviour] = (),
    store: str | Path | None = None,
    test: Table | Rows | None = None,
    compare: bool = True,
    watch: Watch | None = None,
) -> Run:
    """Run a request among these members on a ledger of its own, from registration to settlement.

    With `store` the ledger is kept in that folder: the same run goes on where it was cut off, and is not run
    again when it is finished. `test` is the requester's own rows; without them models are compared on all
    members' judging rows. `compare` also trains each member alone and all rows pooled. `watch` hears of every
    moment.
    """
    members = members if isinstance(members, Members) else members_in(members)
    if rounds is not None:
        scheme = replace(scheme, rounds=rounds, settings={**scheme.settings, "rounds": rounds})
    rows = members.rows(test) if isinstance(test, Table) else test
    setting = setting_of(scheme, members, seed, attacks or {}, faults, rows)
    watch = watch or _unwatched
    folder = Path(tempfile.mkdtemp(prefix="tallystick-run-")) if store is None else Path(store)
    mark = _opened(folder, settings_digest(setting), watch)
    ended = None if mark.get("finished") else _executed(setting, folder, watch)
    history = _history(setting, folder)
    if ended is not None:
        mark = _settled(setting, folder, mark, ended, history)
    if compare and "pooled" not in mark:
        mark = _with_comparison(setting, folder, mark, watch)
    on = NO_ROWS if rows is None else f"{len(rows.y):,} rows of the requester's own"
    finished = _loaded(setting, members, folder, history, mark, on)
    if compare:
        keep(finished)
    if store is None:
        weakref.finalize(finished, shutil.rmtree, folder, True)
    return finished


def setting_of(
    scheme: Plan,
    members: Members,
    seed: int,
    attacks_by: Mapping[str, Attack | str],
    behaviours: Sequence[Behaviour],
    test: Rows | None,
) -> Setting:
    """The request as it will run."""
    learner = scheme.learner
    if not isinstance(learner, Learner):
        raise Unfit(f"a simulation needs the learner itself, not its name {learner!r}")
    ill = {name: attacks.named(how) if isinstance(how, str) else how for name, how in attacks_by.items()}
    parameters = learner.capabilities.parameters
    unfit = [attack.words for attack in ill.values() if attack.parameters and not parameters]
    if unfit:
        raise ValueError(f"{unfit[0]} needs models of one shape; learner {learner.name} has others")
    resolved = among(scheme, members, seed).resolved()
    hired = resolved.protocol.form.leader == "analyst"
    return Setting(
        resolved.plan,
        resolved.protocol,
        learner.on(members.task),
        runner_for(learner),
        members.brought,
        resolved.asked.rounds,
        reward=offered(scheme, members, resolved.asked.rounds),
        rules=resolved.rules(),
        seed=seed,
        behaviours=(*attacks.behaviours(ill), *behaviours),
        budget=budget_of(resolved),
        test=judging_rows(members.brought) if test is None and hired else test,
    )


def runner_for(learner: Learner) -> Runner:
    """How many members train at once: compiled together where the learner can be, else one by one."""
    return scan() if learner.traced else loop


def judging_rows(members: Mapping[str, Brought]) -> Rows:
    """All members' judging rows together, which nobody has outside a simulation."""
    parts = [brought.judging for brought in members.values()]
    return Rows(np.concatenate([part.x for part in parts]), np.concatenate([part.y for part in parts]))


def settings_digest(setting: Setting) -> str:
    """What a run follows from: plan, rules, rows, seed, faults and attacks."""
    members = setting.members.items()
    rows = [part for name, brought in members for part in (name.encode(), *brought.roots)]
    test = (
        ()
        if setting.test is None
        else (np.asarray(setting.test.x).tobytes(), np.asarray(setting.test.y).tobytes())
    )
    behaviours = [f"{each.id}: {' '.join(each.members)}".encode() for each in setting.behaviours]
    figures = f"{setting.seed} {setting.reward} {setting.balance} {setting.budget} {__version__}".encode()
    return digest(encode(setting.plan), encode(rules_for(setting)), *rows, *test, *behaviours, figures).hex()


def _unwatched(moment: Moment) -> None:
    pass


def _opened(folder: Path, known: str, watch: Watch) -> RunMark:
    """What is noted of a run in this folder, which may be finished, cut off, or new."""
    mark = folder / MARK
    if not mark.exists():
        if folder.exists() and any(file.name != ASKED for file in folder.iterdir()):
            raise ValueError(
                f"{folder} holds other files and no run; choose a new folder to store the run in"
            )
        folder.mkdir(parents=True, exist_ok=True)
        return _noted(folder, {"settings": known, "finished": False})
    noted: RunMark = json.loads(mark.read_text(encoding="utf-8"))
    if noted.get("settings") != known:
        raise ValueError(
            f"{folder} holds a run with other settings, members or data; choose another folder, or remove it"
        )
    if noted.get("finished"):
        watch(Moment(0, f"this run is in {folder} already; it is not run again"))
    elif (folder / LEDGER).exists():
        watch(Moment(0, f"the run in {folder} was cut off; it goes on"))
    return noted


def _noted(folder: Path, mark: RunMark) -> RunMark:
    write_durably(folder / MARK, json.dumps(mark, indent=1).encode())
    return mark


def _executed(setting: Setting, folder: Path, watch: Watch) -> run.Ended:
    """Run it from its beginning, or from where it was cut off."""
    if any(behaviour.forgetful for behaviour in setting.behaviours) and (folder / LEDGER).exists():
        # What such an attacker had in mind is gone, so that another run would come of it.
        _cleared(folder)
    return run.simulate(setting, folder / LEDGER, watch, folder / CHECKPOINT)


def _settled(
    setting: Setting, folder: Path, mark: RunMark, ended: run.Ended, history: RequestHistory
) -> RunMark:
    """Keep the models of a run that has just ended, and how good each round's is."""
    models = payloads.PayloadFolder(folder / MODELS)
    for name in (history.request.initial, *history.models.values(), history.progress.model):
        if name in ended.payloads:
            models.put(ended.payloads[name])
    values = _values(setting, folder, history, _test_rows(setting))
    mark = _noted(folder, {**mark, "finished": True, "values": values})
    Checkpoint.remove(folder / CHECKPOINT)
    return mark


def _cleared(folder: Path) -> None:
    for part in (LEDGER, MODELS):
        shutil.rmtree(folder / part, ignore_errors=True)
    Checkpoint.remove(folder / CHECKPOINT)


def _with_comparison(setting: Setting, folder: Path, mark: RunMark, watch: Watch) -> RunMark:
    watch(Moment(0, "the same training once more: each member alone, and all rows pooled"))
    return _noted(folder, {**mark, **_compared(setting, _test_rows(setting))})


def _test_rows(setting: Setting) -> Rows:
    return judging_rows(setting.members) if setting.test is None else setting.test


def _history(setting: Setting, folder: Path) -> RequestHistory:
    """What happened, as the ledger's blocks say: executed once more, and handed on to all who ask."""
    with open_reader(folder / LEDGER, check=False) as reader:
        return replay(reader, genesis_of(setting), setting.plan.task.measure)


def _values(setting: Setting, folder: Path, history: RequestHistory, rows: Rows) -> dict[str, float]:
    """How good each round's model is on the same rows; the first model's is round 0."""
    models, specs = payloads.PayloadFolder(folder / MODELS), payload.specs_of(blank_of(setting))
    values: dict[str, float] = {}
    for number, name in {0: history.request.initial, **history.models}.items():
        data = models.get(name)
        if data is not None:
            values[str(number)] = _measured(setting, payload.decode(data, specs)[1], rows)
    return values


def _measured(setting: Setting, model: Model, rows: Rows) -> float:
    task = setting.plan.task
    return float(setting.learner.evaluate(model, rows, task.measure)) * spread_of(task)


def _compared(setting: Setting, rows: Rows) -> RunMark:
    made = baselines(setting, blank_of(setting), rows)
    spread = spread_of(setting.plan.task)
    return {
        "alone": {name: value * spread for name, value in made.alone.items()},
        "pooled": made.pooled * spread,
    }


def _loaded(
    setting: Setting,
    members: Members,
    folder: Path,
    history: RequestHistory,
    mark: RunMark,
    on: str,
) -> Run:
    """A run out of what its folder holds: the ledger's blocks, the models, the comparison."""
    data = payloads.PayloadFolder(folder / MODELS).get(history.progress.model)
    model = None if data is None else payload.decode(data, payload.specs_of(blank_of(setting)))[1]
    values = {int(number): value for number, value in mark["values"].items()}
    beside = Compared(values, mark.get("alone", {}), mark.get("pooled", math.nan), on)
    known = (*members.notes, *notes(setting.plan))
    return Run(setting, setting.plan.preset, known, history, beside, folder, model)


@dataclass(frozen=True)
class Tasks:
    """Makes tasks: `Task(columns, target=…, labels=…)`, or `Task.load(file)`."""

    def __call__(
        self,
        columns: Sequence[str | Column],
        target: str | Column,
        labels: Sequence[object] = (),
        measure: str | Measure | None = None,
        shape: Sequence[int] = (),
    ) -> Task:
        """What is to be learnt; the measure is accuracy or MAE where none is named."""
        return tasks.task(columns, target, labels, measure, shape)

    def load(self, path: str | Path) -> Task:
        """The task that a TOML file describes."""
        return tasks.load(path)


task: Final = Tasks()
