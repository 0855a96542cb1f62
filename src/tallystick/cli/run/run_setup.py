"""The settings of a run become members, a task, a learner, a scheme; what does not fit is refused."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any, TypeVar

from ..context import stop
from .run_file import RunSettings

if TYPE_CHECKING:
    from ...base.measure import Measure
    from ...base.task import Task
    from ...data.table import Table
    from ...learning.learner import Learner, Rows
    from ...protocols.plans import Plan
    from ...simulation.attacks import Attack
    from ...simulation.behaviours import Behaviour
    from ...simulation.members import Members
    from ...simulation.setting import Setting

MANY = 100  # different whole numbers, above which a label is a number to predict rather than a class
LEAST = 0.1  # ε below which the ledger's account has no orders to tell noise apart
MOST = 0.1  # δ that the ledger takes

Made = TypeVar("Made")


@dataclass(frozen=True)
class RunSetup:
    """A run that can begin."""

    members: "Members"
    scheme: "Plan"
    attacks: dict[str, "Attack"]
    faults: list["Behaviour"]
    test: "Rows | None"
    setting: "Setting"


def prepare(settings: RunSettings) -> RunSetup:
    """Read the data, choose the scheme, and see that all of it fits."""
    from ...base.task import BadTask
    from ...data.readers import read
    from ...data.refusals import DataError
    from ...simulation import study

    if settings.data is None:
        stop("which data? say --data FILE, or name a file in TOML that says it")
    if not settings.by:
        stop(f"whose rows are whose? say --by COLUMN; there are {', '.join(read(settings.data).names)}")
    try:
        table = read(settings.data)
        task = _task(table, settings)
        members = study.members_of(
            table, task, settings.by, judging=settings.judging, seed=settings.seed, subject=settings.subject
        )
        test = members.rows(read(settings.test)) if settings.test else None
    except (DataError, BadTask) as error:
        stop(f"{_place_of(settings, str(error))}{error}")
    scheme = _scheme(settings)
    attacks = attacks_of(settings.malicious, members, settings)
    faults = leavings(settings.leave, members, settings)
    setting = _fitted(
        settings, "preset", study.setting_of, scheme, members, settings.seed, attacks, faults, test
    )
    return RunSetup(members, scheme, attacks, faults, test, setting)


def _place_of(settings: RunSettings, message: str) -> str:
    """Where the name of a column that a message quotes was written, in a file."""
    for name in ("by", "label", "subject", "columns", "measure", "task", "test", "data"):
        value = getattr(settings, name)
        values = value if isinstance(value, tuple) else (value,)
        start = message.split(":")[0]
        if any(entry and (f"'{entry}'" in message or str(entry) in start) for entry in values):
            return settings.place(name)
    return ""


def attacks_of(
    given: Sequence[str], members: "Members", settings: RunSettings | None = None
) -> dict[str, "Attack"]:
    """Who attacks, and how, of words such as site-3:sign-flip or site-3:sign-flip:5."""
    from ...simulation.attacks import named

    settings, attacks = settings or RunSettings(), dict[str, "Attack"]()
    for words in given:
        who, _, how = words.partition(":")
        attacker = _member(who, words, "such as site-3:sign-flip", members, settings, "malicious")
        try:
            attacks[attacker] = named(how)
        except ValueError as error:
            settings.stop("malicious", f"{words}: {error}")
    return attacks


def leavings(
    given: Sequence[str], members: "Members", settings: RunSettings | None = None
) -> list["Behaviour"]:
    """Who leaves, and when, of words such as site-2:4."""
    from ...simulation.faults import leave

    settings, faults = settings or RunSettings(), []
    for words in given:
        who, _, when = words.partition(":")
        if not when.isdigit() or int(when) < 1:
            settings.stop("leave", f"{words}: say who leaves in which round, such as site-2:4")
        member = _member(who, words, "such as site-2:4", members, settings, "leave")
        faults.append(leave(member, round=int(when)))
    return faults


def _member(who: str, words: str, such: str, members: "Members", settings: RunSettings, option: str) -> str:
    from ...simulation.members import name_of

    name = name_of(who) if who else ""
    if name not in members.brought:
        settings.stop(option, f"{words}: there is no member {who!r} ({such}); there are {', '.join(members)}")
    return name


def learner_of(words: str, settings: RunSettings | None = None) -> "Learner":
    """A learner of words such as softmax, linear, mlp:64 or mlp:64-32, or of a file of one's own."""
    from ...learning.models import linear, mlp

    settings = settings or RunSettings()
    path, parted, inner = words.partition(".py")
    if parted:
        return _own(f"{path}.py", inner.removeprefix(":") or "build", settings)
    name, _, sizes = words.partition(":")
    if name in ("softmax", "linear") and not sizes:
        return linear()
    parts = sizes.split("-")
    if name != "mlp" or not all(part.isdigit() and int(part) for part in parts):
        choice = "say softmax, mlp:64, mlp:64-32 for two layers, or FILE.py:NAME for your own"
        settings.stop("learner", f"there is no learner {words!r}; {choice}")
    return mlp(*map(int, parts))


def _own(file: str, name: str, settings: RunSettings) -> "Learner":
    """The learner in a file of one's own: run here, because its owner asked for it here."""
    from ...adapters.files import learner_from
    from ...adapters.own import BadLearner

    try:
        return learner_from(f"{file}:{name}")
    except BadLearner as error:
        settings.stop("learner", str(error))


def task_of(table: "Table", label: str, columns: Sequence[str], measure: str | None = None) -> "Task":
    """A task out of a table: text, yes or no, and few whole numbers are classes, others numbers."""
    from ...base.task import task

    _ensure_numbers(table, columns)
    labels = _labels(table, label)
    return task(columns, label, labels, measure if labels else _error(table, label, measure or "mae"))


def _task(table: "Table", settings: RunSettings) -> "Task":
    from ...base import task as tasks

    if settings.task is not None:
        if settings.label or settings.columns or settings.measure:
            stop("--task says what is learnt from what; leave --label, --columns and --measure out")
        task = tasks.load(settings.task)
        _ensure_numbers(table, [column.name for column in task.columns])
        return task
    label, apart = settings.label, [name for name in (settings.by, settings.subject) if name]
    if not label:
        stop(f"what is to be learnt? say --label COLUMN; there are {', '.join(table.names)}")
    for name in (*apart, label):
        table.ensure(name)
    if settings.by == label:
        settings.stop("by", f"{label!r} cannot say both whose row it is and what is to be learnt")
    named = [name.strip() for name in settings.columns if name.strip()]
    rest = [name for name in table.names if name not in (*apart, label)]
    return task_of(table, label, named or rest, settings.measure or None)


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
    """The classes in the label's column; none where it is a number to predict."""
    import numpy as np

    from ...data.inputs import text_of

    values = table[label]
    real = values.dtype.kind == "f"
    gaps = int(np.isnan(values).sum()) if real else sum(value is None for value in values.tolist())
    if gaps:
        stop(f"the label {label!r} is missing in {gaps:,} of {len(values):,} rows; fill it in, or drop them")
    if real and (values != np.round(values)).any():
        return []
    distinct = np.unique(values if values.dtype.kind in "biuf" else text_of(values))
    if values.dtype.kind in "iuf" and len(distinct) > MANY:
        return []
    if len(distinct) < 2:
        stop(f"the label {label!r} is the same in every row; there is nothing to predict")
    return [str(value) for value in text_of(distinct)]


def _scheme(settings: RunSettings) -> "Plan":
    from ...protocols.noise import dp_sgd
    from ...protocols.plans import plan_for
    from ...protocols.presets import names

    if settings.preset not in names():
        settings.stop("preset", f"there is no preset {settings.preset!r}; choose one of {', '.join(names())}")
    chosen = _preset_settings(settings)
    chosen.setdefault("rounds", settings.rounds)
    chosen |= {"epochs": settings.epochs, "batch": settings.batch, "reward": settings.reward}
    if settings.epsilon is not None:
        if not (settings.epsilon >= LEAST and 0 < settings.delta <= MOST):
            given = f"{settings.epsilon:g} and {settings.delta:g}"
            settings.stop("epsilon", f"ε is at least {LEAST}, δ above 0 and at most {MOST}, not {given}")
        protects = "subject" if settings.subject else "record"
        chosen["protect"] = dp_sgd(settings.epsilon, settings.delta, protects)
    learner = learner_of(settings.learner, settings)
    place = "setting" if settings.setting else "preset"
    return _fitted(settings, place, plan_for, settings.preset, learner, **chosen)


def _preset_settings(settings: RunSettings) -> dict[str, Any]:
    """Settings of the preset in words such as evict=none or mu=0.1."""
    chosen = {}
    for words in settings.setting:
        name, parted, value = (part.strip() for part in words.partition("="))
        if not parted or not name:
            settings.stop("setting", f"{words!r} says no value; write it as NAME=VALUE")
        chosen[name] = value
    return chosen


def _fitted(settings: RunSettings, place: str, make: Callable[..., Made], *given: Any, **more: Any) -> Made:
    """What is prepared; what does not fit these members or this learner is a person's to change."""
    try:
        return make(*given, **more)
    except ValueError as error:
        settings.stop(place, str(error))
