"""Privacy before use: joining reserves the worst case of all rounds, an opening phase makes a part final."""

from ...base.events import Event, Unaccounted, within
from ...base.ids import ANYONE
from .. import rejections as no
from ..notices import GrantUsed, PrivacyCharged, PrivacyReserved
from ..records import Grant, Lineage, Request, Reservation, Unit
from ..rejections import Refusal, ensure, refusing
from ..rules import PhaseRule, Rules, all_phases, dearest
from ..state import GRANTS, LINEAGES, RESERVATIONS, UNITS, Draft
from ..transactions import PrivacyBudget, UnitUse
from .costs import NOTHING, ROWS, Costs, cost_of, fits


def why_not_granted(draft: Draft, request: Request, owner: str, use: UnitUse) -> str | None:
    """Why this grant does not let the owner's unit serve this request now, or None."""
    grant, unit = draft.find(GRANTS, use.grant), draft.find(UNITS, use.unit)
    if grant is None or unit is None or grant.unit != use.unit or grant.owner != owner:
        return "it is no grant of this unit by its owner"
    if not unit.active or unit.owner != owner:
        return "the unit is withdrawn or has moved"
    return _lapsed(draft, request, grant) or _mismatch(request, grant)


def _lapsed(draft: Draft, request: Request, grant: Grant) -> str | None:
    if grant.revoked:
        return "it is revoked"
    if draft.time >= grant.until:
        return f"it ended at {grant.until}"
    return None


def _mismatch(request: Request, grant: Grant) -> str | None:
    if grant.to not in (ANYONE, request.member):
        return f"it is for {grant.to!r}, not for {request.member!r}"
    if grant.purpose != request.purpose:
        return f"it is for {grant.purpose!r}, not for {request.purpose!r}"
    if grant.statistics_only and any(rule.content == "model" for rule in request.rules.phases):
        return "it is for statistics only"
    return None


def event_for(rule: PhaseRule, use: UnitUse) -> Event | None:
    """What a unit is charged when this phase opens: the applicant's own event, else the dearest allowed."""
    if rule.rows == "none":
        return None
    if rule.event is None:
        return Unaccounted("the rules name no event for this phase")
    for phase, event in use.events:
        if phase == rule.name:
            return event
    return dearest(rule.event)


def check_events(rules: Rules, use: UnitUse, unit: Unit, budget: PrivacyBudget) -> None:
    """Refuse events that the rules, the unit's terms or its budget do not allow."""
    known = {rule.name: rule for rule in all_phases(rules) if rule.event is not None}
    for phase, _ in use.events:
        reason = "the rules name no event for it"
        ensure(phase in known, refusing(no.EventRefused, phase=phase, unit=unit.unit, reason=reason))
    for rule in all_phases(rules):
        event = event_for(rule, use)
        unfit = None if event is None else _unfit(rule, event, unit, budget)
        if unfit:
            raise no.EventRefused(phase=rule.name, unit=unit.unit, reason=unfit)


def _unfit(rule: PhaseRule, event: Event, unit: Unit, budget: PrivacyBudget) -> str | None:
    if isinstance(event, Unaccounted):
        return None if unit.terms.unaccounted else "its terms ask for a formal guarantee"
    if rule.event is None or not within(event, rule.event.least, rule.event.most):
        return "the event is outside the range that the rules allow"
    if rule.event.protects != budget.protects:
        return f"it protects a {rule.event.protects}, the budget protects a {budget.protects}"
    return None


def worst_case(rules: Rules, use: UnitUse, rounds: int) -> Costs:
    """What all phases of so many rounds cost a unit."""
    total = NOTHING
    for rule in all_phases(rules):
        event = event_for(rule, use)
        if event is not None and not isinstance(event, Unaccounted):
            total += cost_of(event, rule.rows, rounds if rule in rules.phases else 1)
    return total


def most_unaccounted(rules: Rules, use: UnitUse) -> int:
    """How many publications without a formal guarantee all rounds could make of a unit."""
    return sum(
        rules.stopping.rounds if rule in rules.phases else 1
        for rule in all_phases(rules)
        if isinstance(event_for(rule, use), Unaccounted)
    )


def ensure_affordable(lineage: Lineage, unit: str, more: Costs) -> None:
    """Refuse what, on top of all that is spent and reserved, would pass the lineage's budget."""
    limit, delta = lineage.budget.epsilon_nano, lineage.budget.delta_e12
    total = lineage.spent + lineage.reserved + more
    for rows in ROWS:
        if not fits(total, more, rows, limit, delta):
            raise no.OverBudget(unit=unit, needed=total.epsilon(rows, delta), limit=limit)


def ensure_possible(draft: Draft, request: Request, owner: str, use: UnitUse, rounds: int) -> None:
    """Refuse a unit that could not join this request as things stand."""
    unit = draft.find(UNITS, use.unit)
    if unit is None:
        raise no.UnknownRecord(table="unit", id=use.unit)
    ensure(unit.owner == owner, refusing(no.NotYours, table="unit", id=use.unit, member=owner))
    reason = why_not_granted(draft, request, owner, use)
    ensure(reason is None, refusing(no.NotGranted, grant=use.grant, reason=reason))
    grant = draft.get(GRANTS, use.grant)
    spent = refusing(no.NotGranted, grant=use.grant, reason=f"its {grant.uses} uses are used")
    ensure(grant.used < grant.uses, spent)
    lineage = draft.get(LINEAGES, unit.lineage)
    check_events(request.rules, use, unit, lineage.budget)
    ensure_affordable(lineage, use.unit, worst_case(request.rules, use, rounds))


def reserve(
    draft: Draft, request: Request, owner: str, uses: tuple[UnitUse, ...], rounds: int
) -> Refusal | None:
    """Reserve budgets and grant uses for a place; all of it, or the refusal and nothing."""
    done: list[UnitUse] = []
    before = len(draft.notices)
    for use in uses:
        try:
            ensure_possible(draft, request, owner, use, rounds)
        except Refusal as refusal:
            for held in done:
                _release_one(draft, request.request, owner, held.unit, used=False)
            del draft.notices[before:]
            return refusal
        _reserve_one(draft, request, owner, use, rounds)
        done.append(use)
    return None


def _reserve_one(draft: Draft, request: Request, owner: str, use: UnitUse, rounds: int) -> None:
    unit, grant = draft.get(UNITS, use.unit), draft.get(GRANTS, use.grant)
    costs = worst_case(request.rules, use, rounds)
    lineage = draft.get(LINEAGES, unit.lineage)
    lineage = draft.change(LINEAGES, unit.lineage, reserved=lineage.reserved + costs)
    draft.change(GRANTS, use.grant, used=grant.used + 1)
    draft.change(UNITS, use.unit, uses=unit.uses + 1)
    held = Reservation(use.unit, unit.lineage, use.grant, costs, use.events)
    draft.put(RESERVATIONS, held, request.request, owner, use.unit)
    worst = max(lineage.reserved.epsilon(rows, lineage.budget.delta_e12) for rows in ROWS)
    draft.emit(PrivacyReserved(unit.lineage, request.request, worst))
    draft.emit(GrantUsed(use.grant, request.request, grant.uses - grant.used - 1))


def charge(
    draft: Draft, request: str, rule: PhaseRule, round_: int, member: str, units: tuple[UnitUse, ...]
) -> None:
    """Make this phase's cost final for a member, whatever it does then: it could publish off the ledger."""
    for use in units:
        event = event_for(rule, use)
        held = draft.find(RESERVATIONS, request, member, use.unit)
        if event is None or held is None:
            continue
        lineage = draft.get(LINEAGES, held.lineage)
        if isinstance(event, Unaccounted):
            lineage = draft.change(LINEAGES, held.lineage, unaccounted=lineage.unaccounted + 1)
        else:
            cost = cost_of(event, rule.rows)
            lineage = spend(draft, held.lineage, cost)
            draft.change(RESERVATIONS, request, member, use.unit, left=held.left - cost)
        total = lineage.spent.epsilon(rule.rows, lineage.budget.delta_e12)
        draft.emit(PrivacyCharged(held.lineage, request, round_, rule.name, total))


def spend(draft: Draft, lineage: str, cost: Costs) -> Lineage:
    """Spend what a lineage has reserved."""
    known = draft.get(LINEAGES, lineage)
    return draft.change(LINEAGES, lineage, spent=known.spent + cost, reserved=known.reserved - cost)


def release(draft: Draft, request: str, member: str, units: tuple[UnitUse, ...], used: bool) -> None:
    """Give back what was reserved for phases that never opened, and the grant's use if none opened at all."""
    for use in units:
        _release_one(draft, request, member, use.unit, used)


def _release_one(draft: Draft, request: str, member: str, unit: str, used: bool) -> None:
    held = draft.find(RESERVATIONS, request, member, unit)
    if held is None:
        return
    reserved = draft.get(LINEAGES, held.lineage).reserved
    draft.change(LINEAGES, held.lineage, reserved=reserved - held.left)
    draft.delete(RESERVATIONS, request, member, unit)
    if not used:
        draft.change(GRANTS, held.grant, used=draft.get(GRANTS, held.grant).used - 1)
        draft.change(UNITS, unit, uses=draft.get(UNITS, unit).uses - 1)
