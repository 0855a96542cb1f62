"""What of a plan follows from who takes part: in a simulation it is known, and stated as settings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from statistics import median

import numpy as np

from ..base.events import Unaccounted
from ..ledger import transactions as tx
from ..ledger.rules import all_phases
from ..protocols.composing import read_settings, settings_of
from ..protocols.parts.judge import FEWEST
from ..protocols.plans import Plan, ResolvedPlan
from ..protocols.request_plan import RequestPlan
from ..protocols.vocabulary import Unfit
from .members import Members


def among(plan: Plan, members: Members, seed: int = 0) -> Plan:
    """The plan among these members: their task, and settings that a requester would have to choose."""
    asked, many = read_settings(plan.preset, plan.asked), len(members)
    size = _whole(asked.get("size", many))
    # A third may turn out bad and one more may leave; below that a team of honest members ends early.
    least = max(_whole(settings_of(plan.preset)["minimum"].default), size - size // 3 - 1)
    subjects = (asked.get("protect"), asked.get("protects")) == ("dp_sgd", "subject")
    settings = {"size": many, "minimum": least, "least_rows": _smallest(members, subjects)}
    if "fewest" in settings_of(plan.preset):
        settings["fewest"] = fewest_rows(members)
    if "usual" in settings_of(plan.preset) and asked.get("protect") == "per_hop":
        # How many rows a unit has is on the ledger: what is usual among them is nobody's secret.
        settings["usual"] = round(median(len(share.training.y) for share in members.brought.values()))
    return replace(plan.having(**settings), task=members.task, seed=seed)


def fewest_rows(members: Members) -> int:
    """With how many judging rows a member judges: 200, or what the smallest here has."""
    return min(FEWEST, *(len(share.judging.y) for share in members.brought.values()))


def offered(plan: Plan, members: Members, rounds: int) -> int:
    """The reward that a request offers: where none is named, shares of a round are whole tokens."""
    return plan.reward or max(1_000, 10 * len(members) * rounds)


def budget_of(resolved: ResolvedPlan) -> tx.PrivacyBudget | None:
    """What every member's unit may spend on training: exactly what the plan asks for."""
    asked = resolved.asked
    events = [rule.event for rule in all_phases(resolved.rules()) if rule.rows == "training" and rule.event]
    if not events or asked.epsilon is None or isinstance(events[0].most, Unaccounted):
        return None
    return tx.PrivacyBudget(round(asked.epsilon * 10**9), round(asked.delta * 10**12), events[0].protects)


def notes(plan: RequestPlan) -> Iterable[str]:
    """What a reader should know of how this was run."""
    known, stated = settings_of(plan.preset), dict(plan.settings)
    fewest = int(stated.get("fewest", FEWEST))
    if fewest < FEWEST:
        yield f"members judge by {fewest} rows at least; with fewer than {FEWEST} figures are coarse"
    if "evict" in known and known["evict"].default == "outlier" and stated["evict"] == "none":
        yield f"{stated['size']} members are too few to tell an outlier: nobody is evicted"
    if stated.get("protect", "none") != "none":
        yield "alone and pooled are trained without noise: they show what it costs too"


def _whole(value: object) -> int:
    return value if isinstance(value, int) else int(str(value))


def _smallest(members: Members, subjects: bool) -> int:
    """How many rows, or subjects, the smallest member trains on."""
    counts = []
    for share in members.brought.values():
        if not subjects:
            counts.append(len(share.training.y))
        elif share.training.subject is None:
            raise Unfit("to protect subjects, say whose rows they are: members_of(…, subject=<column>)")
        else:
            counts.append(len(np.unique(share.training.subject)))
    return min(counts)
