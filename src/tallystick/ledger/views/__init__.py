"""Questions to a state: typed answers out of any reader, nothing written; `plain` says them in JSON."""

from ..transition import find_chain as chain
from .chains import ChainView, Waiting, key_of, other_chains, to_carry
from .grants import GrantView, asks, grant, grants
from .members import MemberView, ProposalView, member, members, proposal, proposals
from .reading import every, find, keyed, may_read, plain, why_refused
from .requests import (
    OpenPhase,
    PlaceView,
    RecordView,
    RequestView,
    Turn,
    draft_of_record,
    open_phase,
    places,
    record,
    records,
    request,
    requests,
    turns,
)
from .units import BudgetView, Spending, UnitView, budget, budgets, unit, unit_named, units
from .violations import Violation, violations

__all__ = [
    "BudgetView", "ChainView", "GrantView", "MemberView", "OpenPhase", "PlaceView", "ProposalView",
    "RecordView", "RequestView", "Spending", "Turn", "UnitView", "Violation", "Waiting",
    "asks", "budget", "budgets", "chain", "draft_of_record", "every", "find", "grant", "grants", "key_of",
    "keyed", "may_read", "member", "members", "open_phase", "other_chains", "places", "plain", "proposal",
    "proposals", "record", "records", "request", "requests", "to_carry", "turns", "unit", "unit_named",
    "units", "violations", "why_refused",
]  # fmt: skip
