"""From a plan to its protocol and its rules: the one way, for simulations, requests, commands and files."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from typing import Any, Final, cast

from ..base import task as tasks
from ..base import toml
from ..base.codec import Malformed, encode
from ..base.ids import digest
from ..base.measure import Measure
from ..base.task import Task
from ..learning.judge import FEWEST
from ..learning.learner import Learner
from ..learning.measure import figure
from ..ledger.rules import Rules, SealedTest, Stopping, flaw
from . import presets as there
from .composing import composed, read_settings, settings_of
from .noise import Protect
from .options import text
from .request_plan import RequestPlan, decode_plan
from .settings import LONGEST, SHARED, PlanSettings
from .vocabulary import Protocol, Unfit, ensure_fit, judged_by, rules_of

WHOLE = ("epochs", "batch", "seed", "reward")
APART = ("task", "preset", "learner", "settings")
READERS = ("requester", "team")
ENOUGH = 2**53 - 1  # a reward of which no fee is too large
MILLION = 10**6


@dataclass(frozen=True)
class Plan:
    """What is to be learnt, and how: every member does it alike.

    `settings` are the preset's (`tally presets NAME` lists them); what is said there counts before a field of
    the same meaning. What nobody says follows from the preset and from how many members there are.
    """

    task: Task | None = None  # in a simulation its members bring it
    preset: str = "mutual"
    learner: Learner | str = "mlp"
    rounds: int = 10
    quality: float | None = None  # stop when the team measures this
    readers: str = "requester"  # who may read the model; who can open the ledger's folder can read it too
    epsilon: float | None = None  # DP-SGD on the members' training rows; without it, no formal guarantee
    delta: float = 1e-5
    protects: str = "record"
    members: int | None = None
    minimum: int | None = None
    least_rows: int | None = None  # a member with fewer rows (or subjects) to train on does not apply
    epochs: int = 1
    batch: int = 32
    seed: int = 0
    judging: float = 0.2  # the share of its rows that a member keeps to judge by
    reward: int | None = None  # where a simulation offers one of its own
    settings: Mapping[str, object] = field(default_factory=dict)

    @property
    def asked(self) -> dict[str, object]:
        """Everything that is asked of the preset, by the names of its settings."""
        noise = {"protect": "dp_sgd", "epsilon": self.epsilon, "delta": self.delta, "protects": self.protects}
        given: dict[str, object] = {
            "rounds": self.rounds, "quality": self.quality, "size": self.members, "minimum": self.minimum,
            "least_rows": self.least_rows, **(noise if self.epsilon is not None else {}), **self.settings,
        }  # fmt: skip
        return {name: value for name, value in given.items() if value is not None}

    def having(self, **settings: object) -> Plan:
        """The same plan with these settings, where it does not say them itself."""
        return replace(self, settings={**settings, **self.asked})

    def written(self) -> str:
        """The plan in TOML, as `Plan.read` reads it; a learner is written by its name and version."""
        plain = {part.name: getattr(self, part.name) for part in fields(self) if part.name not in APART}
        usual, learner = Plan(), self.learner
        document = {
            "preset": self.preset,
            "learner": learner if isinstance(learner, str) else f"{learner.name}@{learner.version}",
            **{name: value for name, value in plain.items() if value != getattr(usual, name)},
            "settings": {name: value for name, value in self.settings.items() if value is not None},
            "task": {} if self.task is None else tasks.table_of(self.task),
        }
        return toml.write({name: value for name, value in document.items() if value != {}})

    @staticmethod
    def read(written: str) -> Plan:
        """The plan that a text in TOML describes, by the names of the fields above."""
        try:
            given = tomllib.loads(written, parse_float=Decimal)
        except tomllib.TOMLDecodeError as error:
            raise Unfit(f"this is not a plan in TOML: {error}") from None
        known = [part.name for part in fields(Plan)]
        strange = [name for name in given if name not in known]
        if strange:
            raise Unfit(f"a plan has no {strange[0]!r}; it has {', '.join(known)}")
        values: dict[str, Any] = {name: _plain(value) for name, value in given.items() if name != "task"}
        for name in WHOLE:
            if type(values.get(name, 0)) is not int:
                raise Unfit(f"{name} is a whole number, not {values[name]!r}")
        try:
            task = tasks.of_table(given["task"]) if "task" in given else None
        except tasks.BadTask as error:
            raise Unfit(f"the plan's task: {error}") from None
        return Plan(task, **values)

    def resolved(self, learner: Learner | None = None) -> ResolvedPlan:
        """The plan as members serve it and the ledger enforces it; refuses what contradicts itself."""
        chosen = self.learner if learner is None else learner
        if self.task is None or not isinstance(chosen, Learner):
            lack = "names no task: what is to be learnt?" if self.task is None else "needs the learner itself"
            raise Unfit(f"the plan {lack}")
        if not 0 < float(self.judging) < 1:
            raise Unfit(
                f"members keep a share of their rows to judge by, between 0 and 1, not {self.judging}"
            )
        if self.readers not in READERS:
            raise Unfit(f"the plan knows no readers {self.readers!r}; choose among {', '.join(READERS)}")
        made = composed(self.preset, self._with_fewest(), self.task, self.batch)
        ensure_fit(made.protocol, chosen)
        plan = RequestPlan(
            self.task, self.preset, made.protocol.version, chosen.name, chosen.version, source_of(chosen),
            tuple(sorted((name, text(value)) for name, value in made.values.items())),
            self.seed, self.batch, self.epochs, (self.readers,), chosen.needs,
        )  # fmt: skip
        try:
            decode_plan(encode(plan))
        except Malformed as error:
            raise Unfit(f"this plan cannot be posted: {error}") from None
        whole = ResolvedPlan(plan, made.protocol, made.asked)
        wrong = flaw(whole.rules(), self.reward or ENOUGH)
        if wrong:
            raise Unfit(f"{self.preset} cannot be had like this: {wrong}")
        return whole

    def _with_fewest(self) -> dict[str, object]:
        """Who has just enough rows to train on has enough to judge by, too."""
        asked = self.asked
        if "fewest" in asked or self.preset not in there.names() or "fewest" not in settings_of(self.preset):
            return asked
        least = read_settings(self.preset, {"least_rows": asked.get("least_rows", PlanSettings.least_rows)})
        kept = cast(int, least["least_rows"]) * self.judging / (1 - self.judging)
        return {**asked, "fewest": min(FEWEST, max(1, int(kept)))}


@dataclass(frozen=True, eq=False)
class ResolvedPlan:
    """A plan as it is served and enforced: the record that a request names, its protocol, its settings."""

    plan: RequestPlan
    protocol: Protocol
    asked: PlanSettings

    @property
    def stopping(self) -> Stopping:
        """When the rounds end."""
        asked, measure = self.asked, self._measure
        quality = None if asked.quality is None else figure(measure, asked.quality)
        least = round(Decimal(str(asked.improvement)) * MILLION / measure.scale)
        time = asked.time or time_enough(self.protocol, asked.rounds)
        return Stopping(asked.rounds, time, quality, asked.patience, least)

    @property
    def _measure(self) -> Measure:
        return judged_by(self.plan.task.measure, self.asked.loss_gain)

    def sealed_test(self, commitment: bytes) -> SealedTest:
        """A test set of the requester's, in the plan's time."""
        return SealedTest(commitment, self.asked.test_wait or self.protocol.phases[0].wait)

    def rules(self, test: SealedTest | None = None) -> Rules:
        """What a request of this plan asks the ledger to enforce."""
        measure, limit = self.plan.task.measure, self.asked.purchase_limit
        return rules_of(self.protocol, measure, self.stopping, test, limit)

    def agrees(self, rules: Rules) -> bool:
        """Whether a request's rules are those of the plan that it names; its test set is its own."""
        test = None if rules.test is None else self.sealed_test(rules.test.commitment)
        return self.rules(test) == rules


def _plain(value: object) -> object:
    """What TOML holds, in Python's own types."""
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return tuple(map(_plain, value))
    return float(value) if isinstance(value, Decimal) else value


def resolve(plan: RequestPlan) -> ResolvedPlan:
    """The plan that a request names, as whoever reads it serves it."""
    made = composed(plan.preset, dict(plan.settings), plan.task, plan.batch)
    if made.protocol.version != plan.preset_version:
        here = f"{plan.preset}@{made.protocol.version}"
        raise Unfit(f"{plan.preset}@{plan.preset_version} is not installed here, {here} is")
    return ResolvedPlan(plan, made.protocol, made.asked)


def time_enough(protocol: Protocol, rounds: int) -> int:
    """Milliseconds that end no request before its rounds do, however slow its members are."""
    phases = protocol.opening + protocol.phases + protocol.closing
    longest = max(phase.wait for phase in phases) * (rounds + 2) * len(phases) * 2
    return min(LONGEST, longest * protocol.form.size)


def source_of(learner: Learner) -> bytes:
    """The digest by which a plan names a learner: its name, version and settings, and its own source."""
    known = sorted((name, str(value)) for name, value in learner.settings.items())
    return digest(
        b"learner", learner.name.encode(), learner.version.encode(), repr(known).encode(), learner.source
    )


def plan_for(preset: str, learner: Learner, rounds: int | str = 10, **settings: Any) -> Plan:
    """A plan by its preset; what is said of training and of the reward stands among the settings."""
    count = SHARED["rounds"].read(rounds) if rounds not in (0, "0") else 0
    if not isinstance(count, int) or not count:
        raise Unfit(f"a request has at least one round, not {rounds}")
    own = ("epochs", "batch", "reward", "seed", "readers", "judging")
    ours = {name: settings.pop(name) for name in own if name in settings}
    protect = settings.pop("protect", None)
    asked = protect.asked if isinstance(protect, Protect) else {"protect": protect}
    made = Plan(preset=preset, learner=learner, rounds=count, settings={**asked, **settings}, **ours)
    try:
        read_settings(preset, made.asked)
    except Unfit as error:
        raise Unfit(str(error).replace("choose among ", f"choose among {', '.join(own)}, ")) from None
    return made


@dataclass(frozen=True)
class Presets:
    """The presets by name: `presets.mutual(mlp(64), rounds=30)`."""

    def __getattr__(self, name: str) -> Callable[..., Plan]:
        if name.startswith("_") or name not in there.names():
            raise AttributeError(f"there is no preset {name!r}; there are {', '.join(there.names())}")

        def chosen(learner: Learner, rounds: int = 10, **settings: Any) -> Plan:
            return plan_for(name, learner, rounds, **settings)

        chosen.__doc__ = there.preset(name).__doc__
        return chosen

    def __dir__(self) -> list[str]:
        return list(there.names())

    def __repr__(self) -> str:
        return f"presets: {', '.join(there.names())}"


presets: Final = Presets()
