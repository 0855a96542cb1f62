"""What a person asks for becomes members, a task, a learner, a scheme; what does not fit is said."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any, TypeVar

from ..command import stop
from .run_file import Wanted

if TYPE_CHECKING:
    from ...base.measure import Measure
    from ...base.task import Task
    from ...data.table import Table
    from ...learning.learner import Learner, Rows
    from ...simulation.behaviours import Part
    from ...simulation.members import Members
    from ...simulation.run import Setting
    from ...simulation.schemes import Scheme

MANY = 100  # different whole numbers, above which a label is a number to be told rather than a class
LEAST = 0.1  # ε below which the ledger's account has no orders to tell noise apart
MOST = 0.1  # δ that the ledger takes

Made = TypeVar("Made")


@dataclass(frozen=True)
class Prepared:
    """A run that can begin."""

    members: "Members"
    scheme: "Scheme"
    attacks: dict[str, Any]
    faults: list["Part"]
    test: "Rows | None"
    setting: "Setting"


def prepared(wanted: Wanted) -> Prepared:
    """Read the data, choose the scheme, and see that all of it fits."""
    from ...base.task import BadTask
    from ...data.readers import read
    from ...data.refusals import DataError
    from ...simulation import study

    if wanted.data is None:
        stop("which data? say --data FILE, or name a file in TOML that says it")
    if not wanted.by:
        stop(f"whose rows are whose? say --by COLUMN; there are {', '.join(read(wanted.data).names)}")
    try:
        table = read(wanted.data)
        task = _task(table, wanted)
        members = study.members_of(
            table, task, wanted.by, judging=wanted.judging, seed=wanted.seed, subject=wanted.subject
        )
        test = members.rows(read(wanted.test)) if wanted.test else None
    except (DataError, BadTask) as error:
        stop(f"{_place_of(wanted, str(error))}{error}")
    scheme = _scheme(wanted)
    ill, parts = attacks_of(wanted.malicious, members, wanted), leavings(wanted.leave, members, wanted)
    setting = _fitted(wanted, "preset", study.setting_of, scheme, members, wanted.seed, ill, parts, test)
    return Prepared(members, scheme, ill, parts, test, setting)


def _place_of(wanted: Wanted, message: str) -> str:
    """Where the name of a column that a message quotes was written, in a file."""
    for name in ("by", "label", "subject", "columns", "measure", "task", "test", "data"):
        value = getattr(wanted, name)
        values = value if isinstance(value, tuple) else (value,)
        if any(one and (f"'{one}'" in message or str(one) in message.split(":")[0]) for one in values):
            return wanted.place(name)
    return ""


def attacks_of(given: Sequence[str], members: "Members", wanted: Wanted | None = None) -> dict[str, Any]:
    """Who attacks, and how, of words such as site-3:sign-flip or site-3:sign-flip:5."""
    from ...simulation.attacks import named

    wanted, found = wanted or Wanted(), {}
    for words in given:
        who, _, how = words.partition(":")
        attacker = _member(who, words, "such as site-3:sign-flip", members, wanted, "malicious")
        try:
            found[attacker] = named(how)
        except ValueError as error:
            wanted.stop("malicious", f"{words}: {error}")
    return found


def leavings(given: Sequence[str], members: "Members", wanted: Wanted | None = None) -> list["Part"]:
    """Who leaves, and when, of words such as site-2:4."""
    from ...simulation.faults import leave

    wanted, found = wanted or Wanted(), []
    for words in given:
        who, _, when = words.partition(":")
        if not when.isdigit() or int(when) < 1:
            wanted.stop("leave", f"{words}: say who leaves in which round, such as site-2:4")
        member = _member(who, words, "such as site-2:4", members, wanted, "leave")
        found.append(leave(member, round=int(when)))
    return found


def _member(who: str, words: str, such: str, members: "Members", wanted: Wanted, option: str) -> str:
    from ...simulation.members import name_of

    name = name_of(who) if who else ""
    if name not in members.brought:
        wanted.stop(option, f"{words}: there is no member {who!r} ({such}); there are {', '.join(members)}")
    return name


def learner_of(said: str, wanted: Wanted | None = None) -> "Learner":
    """A learner of words such as softmax, linear, mlp:64 or mlp:64-32, or of a file of one's own."""
    from ...learning.models import linear, mlp

    wanted = wanted or Wanted()
    path, parted, inner = said.partition(".py")
    if parted:
        return _own(f"{path}.py", inner.removeprefix(":") or "build", wanted)
    name, _, sizes = said.partition(":")
    if name in ("softmax", "linear") and not sizes:
        return linear()
    parts = sizes.split("-")
    if name != "mlp" or not all(part.isdigit() and int(part) for part in parts):
        choice = "say softmax, mlp:64, mlp:64-32 for two layers, or FILE.py:NAME for your own"
        wanted.stop("learner", f"there is no learner {said!r}; {choice}")
    return mlp(*map(int, parts))


def _own(file: str, name: str, wanted: Wanted) -> "Learner":
    """The learner in a file of one's own: run here, because its owner asked for it here."""
    from ...adapters.files import learner_from
    from ...adapters.own import BadLearner

    try:
        return learner_from(f"{file}:{name}")
    except BadLearner as error:
        wanted.stop("learner", str(error))


def task_of(table: "Table", label: str, columns: Sequence[str], measure: str | None = None) -> "Task":
    """A task out of a table: text, yes or no, and few whole numbers are classes; others a number to tell."""
    from ...base.task import task

    _ensure_numbers(table, columns)
    labels = _labels(table, label)
    return task(columns, label, labels, measure if labels else _error(table, label, measure or "mae"))


def _task(table: "Table", wanted: Wanted) -> "Task":
    from ...base import task as tasks

    if wanted.task is not None:
        if wanted.label or wanted.columns or wanted.measure:
            stop("--task says what is learnt from what; leave --label, --columns and --measure out")
        task = tasks.load(wanted.task)
        _ensure_numbers(table, [column.name for column in task.columns])
        return task
    label, apart = wanted.label, [name for name in (wanted.by, wanted.subject) if name]
    if not label:
        stop(f"what is to be learnt? say --label COLUMN; there are {', '.join(table.names)}")
    for name in (*apart, label):
        table.ensure(name)
    if wanted.by == label:
        wanted.stop("by", f"{label!r} cannot say both whose row it is and what is to be learnt")
    named = [name.strip() for name in wanted.columns if name.strip()]
    rest = [one for one in table.names if one not in (*apart, label)]
    return task_of(table, label, named or rest, wanted.measure or None)


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
    from ...base.measure import REGRESSING, named

    values = table[label]
    return named(name, upper=max(1, ceil(float(values.max() - values.min())))) if name in REGRESSING else name


def _labels(table: "Table", label: str) -> list[str]:
    """The classes in the label's column; none where it is a number to be told."""
    import numpy as np

    from ...data.inputs import text_of

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
    from ...protocols.presets import names
    from ...simulation import schemes

    if wanted.preset not in names():
        wanted.stop("preset", f"there is no preset {wanted.preset!r}; choose one of {', '.join(names())}")
    settings = _settings(wanted)
    settings |= {"epochs": wanted.epochs, "batch": wanted.batch, "reward": wanted.reward}
    if wanted.epsilon is not None:
        if not (wanted.epsilon >= LEAST and 0 < wanted.delta <= MOST):
            given = f"{wanted.epsilon:g} and {wanted.delta:g}"
            wanted.stop("epsilon", f"ε is at least {LEAST}, δ above 0 and at most {MOST}, not {given}")
        protects = "subject" if wanted.subject else "record"
        settings["protect"] = schemes.dp_sgd(wanted.epsilon, wanted.delta, protects)
    learner = learner_of(wanted.learner, wanted)
    place = "setting" if wanted.setting else "preset"
    made: Scheme = _fitted(wanted, place, schemes.scheme, wanted.preset, learner, wanted.rounds, **settings)
    return made


def _settings(wanted: Wanted) -> dict[str, Any]:
    """Settings of the preset in words such as evict=none or k=3, as what their defaults are."""
    from ...protocols.presets import preset

    known, found = inspect.signature(preset(wanted.preset)).parameters, {}
    for words in wanted.setting:
        name, parted, value = (part.strip() for part in words.partition("="))
        if not parted or not name:
            wanted.stop("setting", f"{words!r} says no value; write it as NAME=VALUE")
        default = known[name].default if name in known else ""
        kind = type(default) if isinstance(default, bool | int | float) else str
        if kind is bool and value not in ("true", "false"):
            wanted.stop("setting", f"{name} is true or false, not {value!r}")
        try:
            found[name] = value == "true" if kind is bool else kind(value)
        except ValueError:
            wanted.stop("setting", f"{name} is a number such as {default}, not {value!r}")
    return found


def _fitted(wanted: Wanted, place: str, make: Callable[..., Made], *given: Any, **more: Any) -> Made:
    """What is prepared; what does not fit these members or this learner is a person's to change."""
    try:
        return make(*given, **more)
    except ValueError as error:
        wanted.stop(place, str(error))
