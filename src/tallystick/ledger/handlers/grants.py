"""Grants: an owner permits a member, or anyone, to have its unit used; asked, given, declined, taken back."""

from ...base.ids import ANYONE
from .. import notices
from .. import rejections as no
from .. import transactions as tx
from ..records import Ask, Grant, Unit
from ..rejections import ensure, refusing
from ..state import ASKS, GRANTS, LINEAGES, MEMBERS, UNITS, Draft
from .units import own_unit


def ask_grant(draft: Draft, body: tx.AskGrant) -> None:
    """Ask a unit's owner for a grant that the unit's terms allow."""
    # CHECKS
    unit = draft.find(UNITS, body.unit)
    if unit is None:
        raise no.UnknownRecord(table="unit", id=body.unit)
    _ensure_offered(unit)
    owner = draft.get(LINEAGES, unit.lineage).owner
    itself = refusing(no.SelfDealing, member=draft.sender, deed="ask itself for a grant")
    ensure(draft.sender != owner, itself)
    _ensure_allowed(unit, draft.sender, body.purpose)
    _ensure_later(draft, body.until)

    # EFFECTS
    ask = draft.new_id("ask")
    draft.put(ASKS, Ask(ask, body.unit, draft.sender, body.purpose, body.uses, body.until), ask)
    draft.emit(notices.GrantAsked(ask, body.unit, draft.sender))


def give_grant(draft: Draft, body: tx.GiveGrant) -> None:
    """Permit a use within the unit's terms; where it answers an ask, the asker's unit and purpose."""
    # CHECKS
    unit = own_unit(draft, body.unit)
    _ensure_offered(unit)
    known = body.to == ANYONE or draft.find(MEMBERS, body.to)
    ensure(known, refusing(no.UnknownMember, member=body.to))
    _ensure_allowed(unit, body.to, body.purpose)
    _ensure_later(draft, body.until)
    _ensure_answers(draft, body)

    # EFFECTS
    grant = draft.new_id("grant")
    given = Grant(
        grant,
        body.unit,
        draft.sender,
        body.to,
        body.purpose,
        body.until,
        body.uses,
        statistics_only=body.statistics_only,
    )
    draft.put(GRANTS, given, grant)
    if body.ask:
        draft.delete(ASKS, body.ask)
    draft.emit(notices.GrantGiven(grant, body.unit, body.to))


def decline_grant(draft: Draft, body: tx.DeclineGrant) -> None:
    """Say no to an ask, which is gone then."""
    # CHECKS
    ask = _ask(draft, body.ask)
    owner = draft.get(LINEAGES, draft.get(UNITS, ask.unit).lineage).owner
    ensure(owner == draft.sender, refusing(no.NotYours, table="ask", id=body.ask, member=draft.sender))

    # EFFECTS
    draft.delete(ASKS, body.ask)
    draft.emit(notices.GrantDeclined(body.ask))


def revoke_grant(draft: Draft, body: tx.RevokeGrant) -> None:
    """Take a grant back, an expired one too: results made by it are then no longer reused."""
    # CHECKS
    grant = draft.find(GRANTS, body.grant)
    if grant is None:
        raise no.UnknownRecord(table="grant", id=body.grant)
    owner = draft.get(LINEAGES, draft.get(UNITS, grant.unit).lineage).owner
    ensure(owner == draft.sender, refusing(no.NotYours, table="grant", id=body.grant, member=draft.sender))
    ensure(not grant.revoked, refusing(no.WrongStage, table="grant", id=body.grant, stage="revoked"))

    # EFFECTS
    draft.change(GRANTS, body.grant, revoked=True)
    draft.emit(notices.GrantRevoked(body.grant))


def _ask(draft: Draft, ask: str) -> Ask:
    known = draft.find(ASKS, ask)
    if known is None:
        raise no.UnknownRecord(table="ask", id=ask)
    return known


def _ensure_offered(unit: Unit) -> None:
    ensure(unit.active, refusing(no.WrongStage, table="unit", id=unit.unit, stage="withdrawn"))


def _ensure_allowed(unit: Unit, to: str, purpose: str) -> None:
    """The terms name who may, where not anyone, and what for, where not anything."""
    audience, purposes = unit.terms.audience, unit.terms.purposes
    anybody = "use by anyone" if to == ANYONE else f"use by {to!r}"
    ensure(ANYONE in audience or to in audience, refusing(no.NotForYou, unit=unit.unit, use=anybody))
    allowed = not purposes or purpose in purposes
    ensure(allowed, refusing(no.NotForYou, unit=unit.unit, use=f"the purpose {purpose!r}"))


def _ensure_later(draft: Draft, until: int) -> None:
    bound = f"later than {draft.time}"
    ensure(draft.time < until, refusing(no.OutOfRange, field="until", value=until, bound=bound))


def _ensure_answers(draft: Draft, body: tx.GiveGrant) -> None:
    """A grant answers an ask only for the member, unit and purpose that were asked for."""
    if not body.ask:
        return
    ask = _ask(draft, body.ask)
    for field, value, asked in (
        ("unit", body.unit, ask.unit),
        ("to", body.to, ask.member),
        ("purpose", body.purpose, ask.purpose),
    ):
        bound = f"{asked!r}, as {body.ask!r} asked"
        ensure(value == asked, refusing(no.OutOfRange, field=field, value=value, bound=bound))
