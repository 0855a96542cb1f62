"""Ways to meet the refusals of units and grants."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from tallystick.ledger import rejections as no
from tallystick.ledger import state as st
from tallystick.ledger import transactions as tx
from tests.ledger.model import moves
from tests.ledger.model.actors import Players
from tests.ledger.model.agreements import PURPOSE
from tests.ledger.model.people import FULL, POOR
from tests.ledger.model.random_blocks import NOWHERE
from tests.ledger.model.refusals.ways import (
    WAYS,
    Way,
    another_way,
    any_of,
    other_than,
    owner_of,
    units,
    way,
)
from tests.ledger.world import hashed


@way(tx.RegisterUnit, no.WrongRole)
def _(p: Players) -> Any:
    return POOR, moves.described(p, "none")


@way(tx.RegisterUnit, no.AlreadyExists)
def _(p: Players) -> Any:
    unit = any_of(p, units(p))
    return unit and (unit.owner, moves.described(p, unit.name))


@way(tx.RegisterUnit, no.NotYours)
def _(p: Players) -> Any:
    unit = any_of(p, units(p))
    if unit is None:
        return None
    return other_than(p, unit.owner), moves.described(p, "theirs", False, derived_from=(unit.unit,))


@way(tx.RegisterUnit, no.WrongStage)
def _(p: Players) -> Any:
    fallen = [one for _, one in sorted(p.rows(st.RECORDS).items()) if not one.stands and one.contributions]
    newest = {row.unit for row in p.rows(st.UNIT_NAMES).values()}
    older = [u for u in units(p) if u.unit not in newest and (u.owner, u.name) in p.rows(st.UNIT_NAMES)]
    if older and (p.rng.random() < 0.5 or not fallen):
        unit = p.rng.choice(older)
        return unit.owner, moves.described(p, unit.name, False, version_of=unit.unit)
    if not fallen:
        return None
    record = p.rng.choice(fallen)
    return record.contributions[0][0], moves.described(p, "reborn", derived_from=(record.request,))


@way(tx.RegisterUnit, no.BadUnit)
def _(p: Players) -> Any:
    return other_than(p), moves.described(p, "odd", training_root=hashed("rows"), judging_root=hashed("rows"))


@another_way(tx.RegisterUnit, no.BadUnit)
def _(p: Players) -> Any:
    """One's own rows under another name with a budget of their own."""
    unit = any_of(p, [u for u in units(p) if owner_of(p, u) == u.owner])
    return unit and (
        unit.owner,
        moves.described(p, f"again-{p.rng.randrange(10**6)}", training_root=unit.training_root),
    )


@another_way(tx.RegisterUnit, no.AlreadyExists)
def _(p: Players) -> Any:
    """Another's rows."""
    unit = any_of(p, units(p))
    name = f"taken-{p.rng.randrange(10**6)}"
    return unit and (
        other_than(p, owner_of(p, unit)),
        moves.described(p, name, judging_root=unit.judging_root),
    )


def _on_a_unit(body: Callable[[Players, Any, str], tx.Body], active: bool, own: bool) -> Way:
    """A transaction about a unit on offer or withdrawn, by its owner or by another."""

    def found(p: Players) -> Any:
        unit = any_of(p, units(p, active))
        if unit is None:
            return None
        owner = owner_of(p, unit)
        member = owner if own else other_than(p, owner)
        return member, body(p, unit, member)

    return found


def _gives(p: Players, unit: Any, member: str) -> tx.Body:
    return tx.GiveGrant(unit.unit, "*", PURPOSE, 1, moves.FAR)


def _hands_over(p: Players, unit: Any, member: str) -> tx.Body:
    return tx.TransferUnit(unit.unit, p.rng.choice([m for m in FULL if m != member]))


for _name, _body in (
    ("WithdrawUnit", lambda p, unit, member: tx.WithdrawUnit(unit.unit)),
    ("TransferUnit", _hands_over),
    ("GiveGrant", _gives),
):
    WAYS[_name, "NotYours"] = _on_a_unit(_body, active=True, own=False)
    WAYS[_name, "WrongStage"] = _on_a_unit(_body, active=False, own=True)

WAYS["TransferUnit", "UnknownMember"] = _on_a_unit(
    lambda p, u, m: tx.TransferUnit(u.unit, NOWHERE), True, True
)
WAYS["TransferUnit", "WrongRole"] = _on_a_unit(lambda p, u, m: tx.TransferUnit(u.unit, POOR), True, True)
WAYS["TransferUnit", "SelfDealing"] = _on_a_unit(lambda p, u, m: tx.TransferUnit(u.unit, m), True, True)


def _asks(p: Players, unit: Any, member: str) -> tx.Body:
    return tx.AskGrant(unit.unit, PURPOSE, 1, moves.FAR)


WAYS["AskGrant", "WrongStage"] = _on_a_unit(_asks, active=False, own=False)
WAYS["AskGrant", "SelfDealing"] = _on_a_unit(_asks, active=True, own=True)


@way(tx.AskGrant, no.NotForYou)
def _(p: Players) -> Any:
    unit = any_of(p, [u for u in units(p) if u.terms.purposes])
    return unit and (other_than(p, owner_of(p, unit)), tx.AskGrant(unit.unit, "something-else", 1, moves.FAR))


@way(tx.AskGrant, no.OutOfRange)
def _(p: Players) -> Any:
    unit = any_of(p, [u for u in units(p) if "*" in u.terms.audience])
    return unit and (other_than(p, owner_of(p, unit)), tx.AskGrant(unit.unit, PURPOSE, 1, p.world.time))


@way(tx.GiveGrant, no.UnknownMember)
def _(p: Players) -> Any:
    unit = any_of(p, units(p))
    return unit and (unit.owner, tx.GiveGrant(unit.unit, NOWHERE, PURPOSE, 1, moves.FAR))


@way(tx.GiveGrant, no.OutOfRange)
def _(p: Players) -> Any:
    found = moves.grant(p)
    return found and (found[0], replace(found[1], until=p.world.time))


@way(tx.GiveGrant, no.NotForYou)
def _(p: Players) -> Any:
    unit = any_of(p, [u for u in units(p) if u.terms.purposes])
    return unit and (unit.owner, tx.GiveGrant(unit.unit, "*", "something-else", 1, moves.FAR))


@way(tx.DeclineGrant, no.NotYours)
def _(p: Players) -> Any:
    ask = any_of(p, [one for _, one in sorted(p.rows(st.ASKS).items())])
    return ask and (other_than(p, owner_of(p, p.rows(st.UNITS)[(ask.unit,)])), tx.DeclineGrant(ask.ask))


def _on_a_grant(revoked: bool, own: bool) -> Way:
    def found(p: Players) -> Any:
        grant = any_of(p, [g for _, g in sorted(p.rows(st.GRANTS).items()) if g.revoked == revoked])
        if grant is None:
            return None
        owner = owner_of(p, p.rows(st.UNITS)[(grant.unit,)])
        return owner if own else other_than(p, owner), tx.RevokeGrant(grant.grant)

    return found


WAYS["RevokeGrant", "NotYours"] = _on_a_grant(False, own=False)
WAYS["RevokeGrant", "WrongStage"] = _on_a_grant(True, own=True)
