"""The Python face of simulation: a scheme, members, faults and attacks in; a `Run` to look at out."""

from __future__ import annotations

import json
import math
import shutil
import tempfile
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

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
from ..history.figures import judges_result
from ..history.live import Onlooker
from ..history.replay import Chronicle, chronicle
from ..history.sentences import Moment
from ..learning import payload
from ..learning.cohort import Runner, loop
from ..learning.learner import Learner, Model, Rows
from ..learning.measure import spread_of
from ..learning.models import cnn, linear, mlp
from ..learning.scan import scan
from ..ledger.rules import all_phases
from ..node.payloads import store as payloads
from ..node.payloads.store import write_durably
from ..node.worker import InstalledScheme
from ..protocols.noise import dp_sgd, noised_update, per_hop
from ..protocols.plans import Plan, presets
from ..protocols.vocabulary import Bench, Unfit
from . import attacks, document, faults, run
from .attacks import Attack
from .baselines import baselines
from .behaviours import Part
from .checkpoint import Diary
from .finished import Compared
from .layout import ASKED, DIARY, LEDGER, MARK, MODELS
from .members import Members, members_in, members_of
from .outcome import Run
from .plans import among, budget_of, notes, offered
from .run import Brought, Setting, genesis_of, rules_for

__all__ = [
    "Members", "Plan", "Run", "attacks", "cnn", "dp_sgd", "faults", "linear", "members_of", "mlp",
    "noised_update", "per_hop", "presets", "read", "simulate",
]  # fmt: skip

Watch = Callable[[Moment], None]
NO_ROWS = "all members' judging rows together"


def simulate(
    scheme: Plan,
    members: Members | Shares[Table],
    rounds: int | None = None,
    *,
    seed: int = 7,
    attacks: Mapping[str, Attack | str] | None = None,
    faults: Sequence[Part] = (),
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
    told = watch or _unheard
    folder = Path(tempfile.mkdtemp(prefix="tallystick-run-")) if store is None else Path(store)
    known = settings_digest(setting)
    kept = _opened(folder, known, told)
    if not kept.get("finished"):
        kept = _executed(setting, folder, known, told, compare)
    elif compare and "pooled" not in kept:
        kept = _with_comparison(setting, folder, kept, told)
    on = NO_ROWS if rows is None else f"{len(rows.y):,} rows of the requester's own"
    made = _loaded(setting, members, folder, kept, on)
    if compare:
        document.keep(made)
    if store is None:
        weakref.finalize(made, shutil.rmtree, folder, True)
    return made


def setting_of(
    scheme: Plan,
    members: Members,
    seed: int,
    attacks_by: Mapping[str, Attack | str],
    parts: Sequence[Part],
    test: Rows | None,
) -> Setting:
    """The request as it will run."""
    learner = scheme.learner
    if not isinstance(learner, Learner):
        raise Unfit(f"a simulation needs the learner itself, not its name {learner!r}")
    ill = {name: attacks.named(one) if isinstance(one, str) else one for name, one in attacks_by.items()}
    unfit = [one.told for one in ill.values() if one.parameters and not learner.capabilities.parameters]
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
        parts=(*attacks.parts(ill), *parts),
        budget=budget_of(resolved),
        test=judging_rows(members.brought) if test is None and hired else test,
    )


def runner_for(learner: Learner) -> Runner:
    """How many members train at once: compiled together where the learner can be, else one by one."""
    return scan() if learner.traced else loop


def judging_rows(members: Mapping[str, Brought]) -> Rows:
    """All members' judging rows together, which nobody has outside a simulation."""
    parts = [one.judging for one in members.values()]
    return Rows(np.concatenate([part.x for part in parts]), np.concatenate([part.y for part in parts]))


def settings_digest(setting: Setting) -> str:
    """What a run follows from: plan, rules, rows, seed, faults and attacks."""
    rows = [part for name, one in setting.members.items() for part in (name.encode(), *one.roots)]
    test = (
        ()
        if setting.test is None
        else (np.asarray(setting.test.x).tobytes(), np.asarray(setting.test.y).tobytes())
    )
    parts = [f"{part.told}: {' '.join(part.members)}".encode() for part in setting.parts]
    figures = f"{setting.seed} {setting.reward} {setting.balance} {setting.budget} {__version__}".encode()
    return digest(encode(setting.plan), encode(rules_for(setting)), *rows, *test, *parts, figures).hex()


def _unheard(moment: Moment) -> None:
    pass


def _opened(folder: Path, known: str, watch: Watch) -> dict[str, Any]:
    """What is noted of a run in this folder, which may be finished, cut off, or new."""
    mark = folder / MARK
    if not mark.exists():
        if folder.exists() and any(file.name != ASKED for file in folder.iterdir()):
            raise ValueError(
                f"{folder} holds other files and no run; choose a new folder to store the run in"
            )
        folder.mkdir(parents=True, exist_ok=True)
        return _noted(folder, {"settings": known, "finished": False})
    kept: dict[str, Any] = json.loads(mark.read_text(encoding="utf-8"))
    if kept.get("settings") != known:
        raise ValueError(
            f"{folder} holds a run with other settings, members or data; choose another folder, or remove it"
        )
    if kept.get("finished"):
        watch(Moment(0, f"this run is in {folder} already; it is not run again"))
    elif (folder / LEDGER).exists():
        watch(Moment(0, f"the run in {folder} was cut off; it goes on"))
    return kept


def _noted(folder: Path, kept: dict[str, Any]) -> dict[str, Any]:
    write_durably(folder / MARK, json.dumps(kept, indent=1).encode())
    return kept


def _executed(setting: Setting, folder: Path, known: str, watch: Watch, compare: bool) -> dict[str, Any]:
    rules = rules_for(setting)
    charged = any(rule.event is not None for rule in all_phases(rules) if rule.rows == "training")
    eyes = Onlooker(watch, setting.plan.task.measure, judges_result(rules), charged)
    if any(part.forgetful for part in setting.parts) and (folder / LEDGER).exists():
        # What such an attacker had in mind is gone, so that another run would come of it.
        _cleared(folder)
    ended = run.simulate(setting, folder / LEDGER, eyes.hear, folder / DIARY)
    found, shelf = _chronicle(setting, folder), payloads.PayloadFolder(folder / MODELS)
    for name in (found.request.initial, *found.models.values(), found.progress.model):
        if name in ended.payloads:
            shelf.put(ended.payloads[name])
    rows = _test_rows(setting)
    noted = {"settings": known, "finished": True, "values": _values(setting, folder, found, rows)}
    _noted(folder, noted)
    Diary.remove(folder / DIARY)
    return _with_comparison(setting, folder, noted, watch) if compare else noted


def _cleared(folder: Path) -> None:
    for part in (LEDGER, MODELS):
        shutil.rmtree(folder / part, ignore_errors=True)
    Diary.remove(folder / DIARY)


def _with_comparison(setting: Setting, folder: Path, noted: dict[str, Any], watch: Watch) -> dict[str, Any]:
    watch(Moment(0, "the same training once more: each member alone, and all rows pooled"))
    return _noted(folder, {**noted, **_compared(setting, _test_rows(setting))})


def _test_rows(setting: Setting) -> Rows:
    return judging_rows(setting.members) if setting.test is None else setting.test


def _chronicle(setting: Setting, folder: Path) -> Chronicle:
    with open_reader(folder / LEDGER, check=False) as reader:
        return chronicle(reader, genesis_of(setting))


def _values(setting: Setting, folder: Path, found: Chronicle, rows: Rows) -> dict[str, float]:
    """How good each round's model is on the same rows; the first model's is round 0."""
    shelf, specs = payloads.PayloadFolder(folder / MODELS), payload.specs_of(_blank(setting))
    values: dict[str, float] = {}
    for number, name in {0: found.request.initial, **found.models}.items():
        data = shelf.get(name)
        if data is not None:
            values[str(number)] = _measured(setting, payload.decode(data, specs)[1], rows)
    return values


def _blank(setting: Setting) -> Model:
    bench = Bench(setting.plan, setting.learner, setting.plan.task.measure, setting.runner)
    return InstalledScheme(setting.protocol, bench).blank


def _measured(setting: Setting, model: Any, rows: Rows) -> float:
    task = setting.plan.task
    return float(setting.learner.evaluate(model, rows, task.measure)) * spread_of(task)


def _compared(setting: Setting, rows: Rows) -> dict[str, Any]:
    found = baselines(setting, _blank(setting), rows)
    spread = spread_of(setting.plan.task)
    return {
        "alone": {name: value * spread for name, value in found.alone.items()},
        "pooled": found.pooled * spread,
    }


def _loaded(setting: Setting, members: Members, folder: Path, kept: dict[str, Any], on: str) -> Run:
    """A run out of what its folder holds: the ledger's blocks, the models, the comparison."""
    found = _chronicle(setting, folder)
    data = payloads.PayloadFolder(folder / MODELS).get(found.progress.model)
    model = None if data is None else payload.decode(data, payload.specs_of(_blank(setting)))[1]
    values = {int(number): value for number, value in kept["values"].items()}
    beside = Compared(values, kept.get("alone", {}), kept.get("pooled", math.nan), on)
    known = (*members.notes, *notes(setting.plan))
    return Run(setting, setting.plan.preset, known, found, beside, folder, model)


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
