"""A preset with its settings becomes a protocol: the preset composes it, settings then change its rules."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from typing import Any, get_type_hints

from msgspec.structs import replace as record_with

from ..base.task import Task
from ..learning.measure import spread_of
from ..ledger.rules import MAX_ALL_JUDGES
from . import noise, presets
from .options import Option, Value, option
from .parts.share import reveal_salt
from .settings import SHARED, PlanSettings
from .vocabulary import PhasePlan, Protocol, Unfit

TOLERANCE = 0.2  # how far figures on members' own few hundred rows may lie apart, in spreads of the target
TELLING = 5  # among fewer members no deviation from the middle says who is an outlier
DRAWN = 16  # judges of each model where not everybody judges all
MILLION = 10**6
UNSAID = (None, "", ())
PARTS = {"forming": "form", "evicting": "evict", "electing": "elect", "paying": "pay"}  # rules: protocol
WHOLE = {"combine_scores": "scores"}
BROUGHT = {"protect": noise.protection, "release": noise.release}  # what a preset is handed as a part
ALIASES = {"combine": "rule", "fee": "analyst_fee", "credit": "minimum_credit"}


@dataclass(frozen=True, eq=False)
class Composed:
    """A protocol, and every setting that its preset knows with the value that it has there."""

    protocol: Protocol
    values: Mapping[str, Value]

    @property
    def asked(self) -> PlanSettings:
        """The settings that presets share."""
        return _typed(self.values)


@cache
def settings_of(preset: str) -> Mapping[str, Option]:
    """The settings that a preset knows, each with the preset's own default."""
    make = presets.preset(preset)
    parameters, hints = inspect.signature(make).parameters, get_type_hints(make, include_extras=True)
    made: Protocol = make()
    judged = any(phase.do.content == "scores" for phase in made.phases)
    known: dict[str, Option] = {}
    for name, shared in SHARED.items():
        if shared.about.needs and shared.about.needs not in parameters:
            continue
        if name in parameters and name not in BROUGHT:
            known[name] = shared.having(parameters[name].default)
        elif judged or not shared.about.judged:
            default = shared.default if shared.default is not None else _in_protocol(made, shared)
            known[name] = shared.having(None if default in UNSAID else default)
    for name, parameter in parameters.items():
        if name not in SHARED and name not in BROUGHT:
            known[name] = option(name, hints[name], parameter.default)
    return known


def read_settings(preset: str, asked: Mapping[str, object]) -> dict[str, Value]:
    """What is asked, as typed values; a setting that the preset does not know is refused with its list."""
    if preset not in presets.names():
        raise Unfit(f"there is no preset {preset!r}; choose one of {', '.join(presets.names())}")
    known, given = settings_of(preset), {}
    for word, value in asked.items():
        name = ALIASES.get(word, word) if word not in known else word
        if name not in known:
            raise Unfit(f"the preset {preset} has no setting {word!r}; choose among {', '.join(known)}")
        if value is not None:
            given[name] = known[name].read(value)
    return given


def composed(preset: str, asked: Mapping[str, object], task: Task | None = None, batch: int = 32) -> Composed:
    """The preset's protocol with these settings; what nobody says follows from the others, or is its own."""
    given = read_settings(preset, asked)
    known, make = settings_of(preset), presets.preset(preset)
    given = {**_implied(given, known), **given}
    values = {name: part.default for name, part in known.items() if part.default is not None}
    values |= _by_size(given.get("size", values["size"]), known)
    values |= given
    typed, parameters = _typed(values), inspect.signature(make).parameters
    arguments: dict[str, Any] = {name: values[name] for name in parameters if name in values}
    if "protect" in parameters:
        arguments["protect"] = noise.protection(typed, batch)
    if "release" in parameters:
        arguments["release"] = noise.release(typed)
    made = make(**arguments)
    stakes = {name: values[name] for name in known if name in SHARED and SHARED[name].default is not None}
    for name, value in {**stakes, **given}.items():
        made = _changed(made, known[name], value)
    if made.evict.kind == "outlier" and made.form.size < TELLING and "evict" not in given:
        expel = made.evict.expel and "expel" in given
        made = replace(made, evict=record_with(made.evict, kind="none", expel=expel))
    if task is not None:
        made = _tolerant(made, task, given.get("tolerance"))
    made = _with_salts(made)
    return Composed(made, {**values, **_as_composed(made, known, task)})


def _with_salts(made: Protocol) -> Protocol:
    """What is decided by chance is drawn from salts that all reveal first."""
    if made.opening or made.elect.kind != "drawn":
        return made
    return replace(made, opening=(PhasePlan("draw", "everyone", reveal_salt(), made.phases[0].wait),))


def _typed(values: Mapping[str, Value]) -> PlanSettings:
    shared: dict[str, Any] = {name: values[name] for name in SHARED if name in values}
    return PlanSettings(**shared)


def _implied(given: Mapping[str, Value], known: Mapping[str, Option]) -> dict[str, Value]:
    """What goes without saying once something else is said."""
    implied: dict[str, Value] = {}
    if given.get("named"):
        implied["leader"] = "named"
    if given.get("team"):
        implied["candidates"] = "team"
    if given.get("epsilon"):
        implied["protect"] = "dp_sgd"
    if given.get("schedule"):
        implied["pay"] = "per_round"
    if given.get("price"):
        implied["pay"] = "per_amount"
    if given.get("pay", implied.get("pay", "lump")) != "lump":
        implied["leader_share"] = False
    return {name: value for name, value in implied.items() if name in known}


def _by_size(size: Value, known: Mapping[str, Option]) -> dict[str, Value]:
    """What follows from how many members there are."""
    derived: dict[str, Value] = {}
    if not isinstance(size, int):
        return derived
    if "attackers" in known:
        derived["attackers"] = max(1, size // 10)
    if "judges" in known and size > MAX_ALL_JUDGES:
        derived["judges"] = DRAWN
    return derived


def _changed(made: Protocol, known: Option, value: Value) -> Protocol:
    """The protocol with a setting in the rule that it sets; others reach the preset, or the plan's limits."""
    part, _, name = known.about.sets.partition(".")
    ruled: Any = round(Decimal(str(value)) * MILLION) if known.kind == "share" else value
    if part in WHOLE:
        return replace(made, **{WHOLE[part]: ruled})
    if part in PARTS and name != "tolerance":
        inner = PARTS[part]
        return replace(made, **{inner: record_with(getattr(made, inner), **{name: ruled})})
    if part == "phases" and name in ("wait", "quorum"):

        def changed(phase: PhasePlan) -> PhasePlan:
            reached = name == "wait" or phase.do.rows == "training"
            return replace(phase, **{name: ruled}) if reached else phase

        served = (made.opening, made.phases, made.closing)
        opening, phases, closing = (tuple(map(changed, some)) for some in served)
        return replace(made, opening=opening, phases=phases, closing=closing)
    return made


def _in_protocol(made: Protocol, known: Option) -> Value | None:
    """The value that a setting has in a protocol; None where it sets nothing of it."""
    part, _, name = known.about.sets.partition(".")
    if part in WHOLE:
        ruled: Any = getattr(made, WHOLE[part])
    elif part in PARTS and name != "tolerance":
        ruled = getattr(getattr(made, PARTS[part]), name)
    elif (part, name) == ("phases", "wait"):
        ruled = made.phases[0].wait
    elif (part, name) == ("phases", "quorum"):
        ruled = next(phase.quorum for phase in made.phases if phase.do.rows == "training")
    else:
        return None
    return known.read(Decimal(ruled) / MILLION) if known.kind == "share" else known.read(ruled)


def _as_composed(made: Protocol, known: Mapping[str, Option], task: Task | None) -> dict[str, Value]:
    values = {name: _in_protocol(made, part) for name, part in known.items()}
    if task is not None:
        spread = Decimal(str(spread_of(task)))
        values["tolerance"] = known["tolerance"].read(Decimal(made.elect.tolerance) / MILLION / spread)
    return {name: value for name, value in values.items() if value not in UNSAID}


def _tolerant(made: Protocol, task: Task, asked: Value | None) -> Protocol:
    """Figures may lie apart as the plan says, in spreads of the target; else as few hundred rows let them."""
    spread = Decimal(str(spread_of(task))) * MILLION
    usual = max(made.elect.tolerance, round(Decimal(str(TOLERANCE)) * spread))
    allowed = usual if asked is None else round(Decimal(str(asked)) * spread)
    return replace(made, elect=record_with(made.elect, tolerance=allowed))
