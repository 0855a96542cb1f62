"""A scheme as a person writes it: a preset, a learner and settings, before it is known who takes part."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any, Final

import numpy as np
from msgspec.structs import replace as record_with

from .. import __version__
from ..base.ids import digest
from ..learning.learner import Learner
from ..learning.measure import figure, spread_of
from ..ledger import transactions as tx
from ..protocols import presets as parts
from ..protocols.parts import protect
from ..protocols.parts.judge import FEWEST
from ..protocols.parts.protect import Protection
from ..protocols.request_plan import RequestPlan
from ..protocols.vocabulary import Protocol, Unfit
from .members import Members

TOLERANCE = 0.2  # how far figures on members' own few hundred rows may lie apart, as a share of the scale
DEPOSIT = 200
TELLING = 5  # among fewer members no deviation from the middle says who is an outlier
OURS = ("size", "protect")  # settings of a preset that follow from who takes part


@dataclass(frozen=True)
class Protect:
    """A wanted privacy guarantee, resolved to noise once rounds and rows are known."""

    kind: str
    epsilon: float
    delta: float
    protects: str
    settings: Mapping[str, Any] = field(default_factory=dict)

    def resolved(self, rounds: int, batch: int, members: Members) -> Protection:
        """The noise with which all rounds together stay within (epsilon, delta)."""
        make: Any = getattr(protect, self.kind)
        if self.kind == "per_hop":
            # How many rows a unit has is on the ledger: what is usual among them is nobody's secret.
            usual = round(median(len(members.brought[name].training.y) for name in members))
            given: dict[str, Any] = {"usual": usual, **self.settings}
            return make(self.epsilon, self.delta, rounds=rounds, **given)  # type: ignore[no-any-return]
        if self.kind != "dp_sgd":
            return make(self.epsilon, self.delta, rounds=rounds, **self.settings)  # type: ignore[no-any-return]
        smallest = min(self._protected(members, name) for name in members)
        given = {"batch": min(batch, smallest), "protects": self.protects, **self.settings}
        return make(  # type: ignore[no-any-return]
            self.epsilon, self.delta, rounds=rounds, smallest=smallest, **given
        )

    def _protected(self, members: Members, name: str) -> int:
        rows = members.brought[name].training
        if self.protects == "record":
            return len(rows.y)
        if rows.subject is None:
            raise Unfit("to protect subjects, say whose rows they are: members_of(…, subject=<column>)")
        return len(np.unique(rows.subject))

    @property
    def budget(self) -> tx.PrivacyBudget:
        """What every member's unit may spend: exactly this."""
        return tx.PrivacyBudget(
            round(self.epsilon * 10**9),
            round(self.delta * 10**12),
            self.protects,  # type: ignore[arg-type]
        )


def dp_sgd(epsilon: float, delta: float = 1e-5, protects: str = "record", **settings: Any) -> Protect:
    """Clipped, noised gradients on Poisson samples; `protects` a record, or a subject with all its rows."""
    return Protect("dp_sgd", epsilon, delta, protects, settings)


def per_hop(epsilon: float, delta: float = 1e-5, **settings: Any) -> Protect:
    """Noise at every hop of a relay; protects a record of the holder's."""
    return Protect("per_hop", epsilon, delta, "record", settings)


def noised_update(epsilon: float, delta: float = 1e-5, bound: float = 1.0) -> Protect:
    """The whole update clipped to the L2 norm `bound` and noised; protects a member."""
    return Protect("noised_update", epsilon, delta, "member", {"bound": bound})


@dataclass(frozen=True)
class Scheme:
    """A preset with a learner: how members will work together."""

    preset: str
    learner: Learner
    rounds: int = 10
    epochs: int = 1
    batch: int = 32
    protect: Protect | None = None
    quality: float | None = None  # stop when the team measures this
    reward: int | None = None  # where none is named, enough that shares of a round are whole tokens
    tolerance: float = TOLERANCE
    settings: Mapping[str, Any] = field(default_factory=dict)

    def plan(self, members: Members, seed: int) -> RequestPlan:
        """What all members do alike, frozen and hashed."""
        known = sorted((name, str(value)) for name, value in self.learner.settings.items())
        source = digest(b"learner", self.learner.name.encode(), repr(known).encode(), __version__.encode(),
                        self.learner.source)  # fmt: skip
        version = parts.preset(self.preset)(**self._given(members)).version
        learner = self.learner
        return RequestPlan(
            members.task, self.preset, version, learner.name, learner.version, source,
            seed=seed, batch=self.batch, epochs=self.epochs, depends=learner.needs,
        )  # fmt: skip

    def protocol(self, members: Members) -> Protocol:
        """The preset for these members."""
        given = self._given(members)
        if self.protect is not None:
            given["protect"] = self.protect.resolved(self.rounds, self.batch, members)
        made = parts.preset(self.preset)(**given)
        allowed = round(self.tolerance * spread_of(members.task) * 10**6)
        elect = record_with(made.elect, tolerance=max(made.elect.tolerance, allowed))
        none = made.evict.kind == "outlier" and len(members) < TELLING
        evict = record_with(made.evict, kind="none", expel=False) if none else made.evict
        return replace(made, elect=elect, evict=evict)

    def wanted(self, members: Members) -> int | None:
        """The quality to stop at, as the ledger counts it."""
        return None if self.quality is None else figure(members.task.measure, self.quality)

    def offered(self, members: Members) -> int:
        """The reward that the request offers."""
        return self.reward or max(1_000, 10 * len(members) * self.rounds)

    def fewest(self, members: Members) -> int:
        """With how many judging rows a member judges: 200, or what the smallest here has."""
        return min(FEWEST, *(len(one.judging.y) for one in members.brought.values()))

    def notes(self, members: Members) -> tuple[str, ...]:
        """What a reader should know of how this was run."""
        fewest, notes = self.fewest(members), []
        if "fewest" in self._known and fewest < FEWEST:
            notes.append(
                f"members judge by {fewest} rows at least; with fewer than {FEWEST} figures are coarse"
            )
        if parts.preset(self.preset)().evict.kind == "outlier" and len(members) < TELLING:
            notes.append(f"{len(members)} members are too few to tell an outlier: nobody is evicted")
        if self.protect is not None:
            notes.append("alone and pooled are trained without noise: they show what it costs too")
        return tuple(notes)

    @property
    def _known(self) -> Mapping[str, inspect.Parameter]:
        return inspect.signature(parts.preset(self.preset)).parameters

    def _given(self, members: Members) -> dict[str, Any]:
        known, many = self._known, len(members)
        given = {"size": many, "deposit": DEPOSIT, "fewest": self.fewest(members)}
        if "minimum" in known:
            # A third may turn out bad and one more may leave; below that a team of honest members ends early.
            given["minimum"] = max(known["minimum"].default, many - many // 3 - 1)
        return {**{name: value for name, value in given.items() if name in known}, **self.settings}


@dataclass(frozen=True)
class Presets:
    """The presets by name: `presets.mutual(mlp(64), rounds=30)`."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in parts.names():
            raise AttributeError(f"there is no preset {name!r}; there are {', '.join(parts.names())}")

        def chosen(learner: Learner, rounds: int = 10, **settings: Any) -> Scheme:
            return scheme(name, learner, rounds, **settings)

        chosen.__doc__ = parts.preset(name).__doc__
        return chosen

    def __dir__(self) -> list[str]:
        return list(parts.names())

    def __repr__(self) -> str:
        return f"presets: {', '.join(parts.names())}"


presets: Final = Presets()


def scheme(preset: str, learner: Learner, rounds: int = 10, **settings: Any) -> Scheme:
    """A preset with its settings; settings of training and of the request stand among them."""
    known = inspect.signature(parts.preset(preset)).parameters
    if "combine" in settings and "rule" in known:
        settings["rule"] = settings.pop("combine")
    own = ("epochs", "batch", "protect", "quality", "reward", "tolerance")
    ours = {name: settings.pop(name) for name in own if name in settings}
    strange = [name for name in settings if name not in known or name in OURS]
    if strange:
        choice = ", ".join((*own, *(name for name in known if name not in OURS)))
        raise Unfit(f"the preset {preset} has no setting {strange[0]!r}; choose among {choice}")
    if rounds < 1:
        raise Unfit(f"a request has at least one round, not {rounds}")
    return Scheme(preset, learner, rounds, settings=settings, **ours)
