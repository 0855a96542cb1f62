"""A plan as a person writes it, and the protocol that everybody builds out of a plan alike."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from msgspec.structs import replace as record_with

from .. import __version__
from ..base.ids import digest
from ..base.task import Task, number
from ..learning.learner import Learner
from ..learning.measure import figure, spread_of
from ..ledger.rules import Rules, SealedTest, Stopping
from ..protocols import presets
from ..protocols.parts import protect
from ..protocols.request_plan import RequestPlan
from ..protocols.vocabulary import Protocol, Unfit, ensure_fit, rules_of
from .ledger import ClientError

TELLING = 5  # among fewer members no deviation from the middle says who is an outlier
TOLERANCE = 0.2  # how far figures on members' own few hundred rows may lie apart, as a share of the scale
READERS = ("requester", "team")


@dataclass(frozen=True)
class Plan:
    """What a requester wants to be learnt, and how: every member does it alike."""

    task: Task
    preset: str = "mutual"
    learner: Learner | str = "mlp"
    rounds: int = 10
    quality: float | None = None  # stop when the team measures this
    readers: str = "requester"  # who may read the model; who can open the ledger's folder can read it too
    epsilon: float | None = None  # DP-SGD on the members' training rows; without it, no formal guarantee
    delta: float = 1e-5
    protects: str = "record"
    members: int = 5
    minimum: int = 2
    least_rows: int = 100  # a member with fewer rows (or subjects) to train on does not apply
    epochs: int = 1
    batch: int = 32
    seed: int = 0
    settings: Mapping[str, int | float] = field(default_factory=dict)  # of the preset, such as deposit

    def frozen(self, learner: Learner, answer: int, wait: int) -> RequestPlan:
        """The plan that a request names by its hash; milliseconds to apply in, and for each phase."""
        known = inspect.signature(presets.preset(self.preset)).parameters
        strange = [name for name in self.settings if name not in known]
        if strange or self.readers not in READERS:
            what = f"no setting {strange[0]!r}" if strange else f"no readers {self.readers!r}"
            choice = ", ".join(known if strange else READERS)
            raise ClientError(f"the plan knows {what}; choose among {choice}")
        own: dict[str, Any] = {
            "rounds": self.rounds, "size": self.members, "minimum": self.minimum, "answer": answer,
            "wait": wait, "rows": self.least_rows, **self.settings,
        }  # fmt: skip
        if self.epsilon is not None:
            own |= {"epsilon": self.epsilon, "delta": self.delta, "subjects": int(self.protects == "subject")}
        written = tuple(sorted((name, number(str(value))) for name, value in own.items()))
        version = presets.preset(self.preset)().version
        return RequestPlan(
            self.task, self.preset, version, learner.name, learner.version, source_of(learner), written,
            self.seed, min(self.batch, self.least_rows), self.epochs, (self.readers,),
            learner.needs,
        )  # fmt: skip


def source_of(learner: Learner) -> bytes:
    """The digest by which a plan names a learner: its name, its settings and where they come from."""
    known = sorted((name, str(value)) for name, value in learner.settings.items())
    said = (learner.name, repr(known), __version__)
    return digest(b"learner", *(one.encode() for one in said), learner.source)


def protocol_of(plan: RequestPlan) -> Protocol:
    """The preset with the plan's settings: the same for whoever reads the plan."""
    said = {name: float(value) for name, value in plan.settings}
    known = inspect.signature(presets.preset(plan.preset)).parameters
    given: dict[str, Any] = {name: int(value) for name, value in said.items() if name in known}
    if "epsilon" in said:
        given["protect"] = protect.dp_sgd(
            said["epsilon"], said["delta"], rounds=int(said["rounds"]), smallest=int(said["rows"]),
            batch=plan.batch, protects="subject" if said["subjects"] else "record",
        )  # fmt: skip
    made = presets.preset(plan.preset)(**given)
    allowed = round(TOLERANCE * spread_of(plan.task) * 10**6)
    elect = record_with(made.elect, tolerance=max(made.elect.tolerance, allowed))
    form = record_with(made.form, wait=int(said["answer"]))
    few = made.evict.kind == "outlier" and said["size"] < TELLING
    evict = record_with(made.evict, kind="none") if few else made.evict
    return replace(made, form=form, elect=elect, evict=evict)


def rules_for(
    plan: RequestPlan,
    learner: Learner,
    time: int,
    quality: float | None = None,
    test: SealedTest | None = None,
) -> Rules:
    """What a request of this plan asks the ledger to enforce; `time` milliseconds are its rounds' limit."""
    protocol, measure = protocol_of(plan), plan.task.measure
    try:
        ensure_fit(protocol, learner)
    except Unfit as error:
        raise ClientError(str(error)) from None
    rounds = int(float(dict(plan.settings)["rounds"]))
    wanted = None if quality is None else figure(measure, quality)
    return rules_of(protocol, measure, Stopping(rounds, time, wanted), test)


def agreed(plan: RequestPlan, rules: Rules) -> bool:
    """Whether a request's rules are those of the plan that it names, its limits apart."""
    own = rules_of(protocol_of(plan), plan.task.measure, rules.stopping, rules.test)
    return own == rules and rules.stopping.rounds == int(float(dict(plan.settings)["rounds"]))
