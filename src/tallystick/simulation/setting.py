"""A request to be simulated: who takes part with which rows, under which rules, with which first state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..base.ids import Role, digest
from ..base.keys import SigningKey
from ..learning.cohort import Runner
from ..learning.learner import Learner, Memory, Model, Rows
from ..ledger import transactions as tx
from ..ledger.genesis import Founder, Genesis
from ..ledger.rules import Rules, Stopping
from ..node.loop import Alter
from ..node.worker import InstalledScheme
from ..protocols.plans import time_enough
from ..protocols.request_plan import RequestPlan
from ..protocols.vocabulary import Bench, Protocol, rules_of
from .behaviours import Behaviour

CHAIN = "simulation"
START = 1_700_000_000_000
BUDGET = tx.PrivacyBudget(10**12, 10**7, "record")  # of a unit where the setting names none
PURPOSE = "research"
REQUESTER = "requester"
ANALYST = "analyst"  # hired where the protocol's leader is one
LONGEST = 10**11  # milliseconds that the rounds of a request may take


@dataclass(frozen=True, eq=False)
class Brought:
    """What a simulated member brings: rows to train on and rows to judge by, fixed before any round."""

    training: Rows
    judging: Rows
    roots: tuple[bytes, bytes]  # of training and judging rows


@dataclass(frozen=True, eq=False)
class Setting:
    """One request to be simulated."""

    plan: RequestPlan
    protocol: Protocol
    learner: Learner
    runner: Runner
    members: Mapping[str, Brought]
    rounds: int
    reward: int = 1_000
    balance: int = 10_000
    quality: int | None = None
    seed: int = 7
    alter: Alter | None = None  # what anybody's transactions become
    unaccounted: bool = True
    behaviours: tuple[Behaviour, ...] = ()  # faults and attacks
    budget: tx.PrivacyBudget | None = None  # of each member's unit
    rules: Rules | None = None  # of the plan; without them what the protocol, rounds and quality come to
    test: Rows | None = None  # the requester's own rows: an analyst measures by them
    apart: bool = False  # every member is stepped by itself with tools of its own, as nodes are

    @property
    def analyst(self) -> bool:
        """Whether one who brings no data is hired to combine."""
        return self.protocol.form.leader == "analyst"

    @property
    def taking_part(self) -> tuple[str, ...]:
        """All who have keys: the members, the requester, and an analyst where one is hired."""
        return (*self.members, *([ANALYST] if self.analyst else []), REQUESTER)


def remembered(setting: Setting) -> Memory:
    """What a member's learner has in memory when it begins."""
    return setting.learner.remember(blank_of(setting))


def blank_of(setting: Setting) -> Model:
    """The model with which a request begins."""
    bench = Bench(setting.plan, setting.learner, setting.plan.task.measure, setting.runner)
    return InstalledScheme(setting.protocol, bench).blank


def keys_of(setting: Setting) -> dict[str, SigningKey]:
    """The keys of all who take part."""
    return {name: _key(setting.seed, name) for name in setting.taking_part}


def _key(seed: int, name: str) -> SigningKey:
    return SigningKey(digest(b"simulated key", str(seed).encode(), name.encode()))


def validator_of(setting: Setting) -> SigningKey:
    """The key that signs the blocks of a simulated ledger."""
    return _key(setting.seed, "validator")


def genesis_of(setting: Setting) -> Genesis:
    """The ledger's first state: everybody with tokens, the requester with the reward."""
    founders = []
    for name, key in keys_of(setting).items():
        balance = setting.reward if name == REQUESTER else setting.balance
        sealed = digest(b"encryption", key.public)
        roles: tuple[Role, ...] = ("analyst",) if name == ANALYST else ("owner", "requester", "worker")
        founders.append(Founder(name, key.public, sealed, roles, balance))
    return Genesis(CHAIN, START, 2**50, tuple(founders))


def rules_for(setting: Setting) -> Rules:
    """What the ledger enforces of this request."""
    if setting.rules is not None:
        return setting.rules
    stopping = Stopping(setting.rounds, time_enough(setting.protocol, setting.rounds), setting.quality)
    return rules_of(setting.protocol, setting.plan.task.measure, stopping)
