"""Units: what owners offer, and the lineage whose one budget no copy, split, sale or return refreshes.

A lineage is joined, never chosen: a unit belongs to the lineage of the version it follows, of every unit of
its owner's that it or the record it came from was made of, and of every unit of its owner's that named one
of its roots. Where these are two lineages the unit is refused, since charging one would spare the other.
"""

from ...base.merkle import EMPTY
from .. import notices
from .. import rejections as no
from .. import transactions as tx
from ..records import Claim, Lineage, Unit
from ..rejections import ensure, refusing
from ..state import LINEAGES, MEMBERS, RECORDS, REQUESTS, ROOTS, UNIT_NAMES, UNITS, Draft

MAX_PARTS = 64  # units on offer in one lineage: what one transfer moves


def register_unit(draft: Draft, body: tx.RegisterUnit) -> None:
    """Register a data set under a new budget or, where its rows are already charged to one, under that."""
    # CHECKS
    roles = draft.get(MEMBERS, draft.sender).roles
    ensure("owner" in roles, refusing(no.WrongRole, member=draft.sender, role="owner"))
    _ensure_sound(body)
    previous = _previous(draft, body)
    joined = _joined_lineage(draft, body)
    _ensure_budget(draft, body, joined)
    for cited in body.cites:
        ensure(draft.find(UNITS, cited), refusing(no.UnknownRecord, table="unit", id=cited))

    # EFFECTS
    unit = draft.new_id("unit")
    lineage = joined or _open_lineage(draft, body)
    draft.change(LINEAGES, lineage, parts=(*draft.get(LINEAGES, lineage).parts, unit))
    draft.put(UNITS, _described(draft, body, unit, lineage, previous), unit)
    draft.put(UNIT_NAMES, Claim(unit), draft.sender, body.name)
    for root in _claimable(body):
        if draft.find(ROOTS, root.hex()) is None:
            draft.put(ROOTS, Claim(unit), root.hex())
    _count_citations(draft, body)
    draft.emit(notices.UnitRegistered(unit, draft.sender, lineage))


def withdraw_unit(draft: Draft, body: tx.WithdrawUnit) -> None:
    """Offer a unit no longer; its name, roots and lineage stay, so that coming back refreshes nothing."""
    # CHECKS
    unit = own_unit(draft, body.unit)
    ensure(unit.active, refusing(no.WrongStage, table="unit", id=body.unit, stage="withdrawn"))

    # EFFECTS
    parts = draft.get(LINEAGES, unit.lineage).parts
    draft.change(LINEAGES, unit.lineage, parts=tuple(part for part in parts if part != body.unit))
    draft.change(UNITS, body.unit, active=False)
    draft.emit(notices.UnitWithdrawn(body.unit))


def transfer_unit(draft: Draft, body: tx.TransferUnit) -> None:
    """Hand a unit over with all of its lineage; grants of the old owner end with its ownership."""
    # CHECKS
    unit = own_unit(draft, body.unit)
    ensure(unit.active, refusing(no.WrongStage, table="unit", id=body.unit, stage="withdrawn"))
    itself = refusing(no.SelfDealing, member=draft.sender, deed="hand a unit to itself")
    ensure(body.to != draft.sender, itself)
    to = draft.find(MEMBERS, body.to)
    if to is None:
        raise no.UnknownMember(member=body.to)
    ensure("owner" in to.roles, refusing(no.WrongRole, member=body.to, role="owner"))

    # EFFECTS
    move_lineage(draft, unit.lineage, body.to)


def own_unit(draft: Draft, unit: str) -> Unit:
    """The sender's unit of this id; who owns a lineage owns every unit of it, withdrawn ones too."""
    known = draft.find(UNITS, unit)
    if known is None:
        raise no.UnknownRecord(table="unit", id=unit)
    owner = draft.get(LINEAGES, known.lineage).owner
    ensure(owner == draft.sender, refusing(no.NotYours, table="unit", id=unit, member=draft.sender))
    return known


def move_lineage(draft: Draft, lineage: str, owner: str) -> None:
    """Give a lineage and every unit of it that is on offer to another owner."""
    before = draft.get(LINEAGES, lineage)
    draft.change(LINEAGES, lineage, owner=owner)
    for part in before.parts:
        unit = draft.get(UNITS, part)
        named = draft.find(UNIT_NAMES, before.owner, unit.name)
        newest = named is not None and named.unit == part
        name = _free_name(draft, owner, unit) if newest else unit.name
        if newest:
            draft.delete(UNIT_NAMES, before.owner, unit.name)
            draft.put(UNIT_NAMES, Claim(part), owner, name)
        draft.change(UNITS, part, owner=owner, name=name)
        draft.emit(notices.UnitMoved(part, owner))


def _free_name(draft: Draft, owner: str, unit: Unit) -> str:
    """The unit's name, told apart by its id where the new owner has a unit of that name already."""
    if draft.find(UNIT_NAMES, owner, unit.name) is None:
        return unit.name
    return f"{unit.name[:15]}-{unit.unit.removeprefix('unit-')}"


def _ensure_sound(body: tx.RegisterUnit) -> None:
    links = (("derived_from", body.derived_from), ("cites", body.cites))
    twice = next((name for name, ids in links if len(set(ids)) < len(ids)), None)
    ensure(twice is None, refusing(no.BadUnit, name=body.name, reason=f"{twice} names the same thing twice"))
    same = "its training rows and its judging rows are the same"
    ensure(body.training_root != body.judging_root, refusing(no.BadUnit, name=body.name, reason=same))


def _previous(draft: Draft, body: tx.RegisterUnit) -> Unit | None:
    """The version that this one follows: the newest of its name."""
    newest = _newest(draft, body.name)
    if not body.version_of:
        ensure(not newest, refusing(no.AlreadyExists, table="unit", id=body.name))
        return None
    previous = own_unit(draft, body.version_of)
    kept = f"a new version keeps the name {previous.name!r}"
    ensure(previous.name == body.name, refusing(no.BadUnit, name=body.name, reason=kept))
    stage = f"followed by {newest!r}"
    later = refusing(no.WrongStage, table="unit", id=body.version_of, stage=stage)
    ensure(newest in ("", body.version_of), later)
    return previous


def _newest(draft: Draft, name: str) -> str:
    """The sender's newest unit of this name; one that left with its lineage leaves the name free."""
    named = draft.find(UNIT_NAMES, draft.sender, name)
    if named is None:
        return ""
    lineage = draft.get(LINEAGES, draft.get(UNITS, named.unit).lineage)
    return named.unit if lineage.owner == draft.sender else ""


def _claimable(body: tx.RegisterUnit) -> tuple[bytes, ...]:
    """The roots by which rows are recognised; no rows at all are nobody's."""
    return tuple(root for root in (body.training_root, body.judging_root) if root != EMPTY)


def _joined_lineage(draft: Draft, body: tx.RegisterUnit) -> str:
    """The lineage that these rows are charged to already, or none."""
    lineages = [own_unit(draft, body.version_of).lineage] if body.version_of else []
    for source in body.derived_from:
        lineages.extend(_lineages_of_source(draft, source))
    for root in _claimable(body):
        holder = draft.find(ROOTS, root.hex())
        if holder is not None:
            lineage = draft.get(LINEAGES, draft.get(UNITS, holder.unit).lineage)
            ours = lineage.owner == draft.sender
            ensure(ours, refusing(no.AlreadyExists, table="root", id=root.hex()))
            lineages.append(lineage.lineage)
    different = sorted(set(lineages))
    reason = f"its rows belong to several lineages ({', '.join(different)}); a unit is charged to one"
    ensure(len(different) < 2, refusing(no.BadUnit, name=body.name, reason=reason))
    return different[0] if different else ""


def _lineages_of_source(draft: Draft, source: str) -> list[str]:
    """What a unit or a recorded model of the sender's was made of, as far as it is the sender's own."""
    if draft.find(UNITS, source) is not None:
        return [own_unit(draft, source).lineage]
    record, request = draft.find(RECORDS, source), draft.find(REQUESTS, source)
    if record is None or request is None:
        raise no.UnknownRecord(table="unit or record", id=source)
    takes_part = (request.member, *(member for member, _ in record.contributions))
    others = refusing(no.NotYours, table="record", id=source, member=draft.sender)
    ensure(draft.sender in takes_part, others)
    ensure(record.stands, refusing(no.WrongStage, table="record", id=source, stage="not standing"))
    lineages = [draft.get(LINEAGES, draft.get(UNITS, unit).lineage) for _, unit, _ in record.sources]
    return [lineage.lineage for lineage in lineages if lineage.owner == draft.sender]


def _ensure_budget(draft: Draft, body: tx.RegisterUnit, joined: str) -> None:
    kept = f"its rows are charged to {joined}; it cannot bring a budget of its own"
    ensure(not (joined and body.budget), refusing(no.BadUnit, name=body.name, reason=kept))
    needed = "a new lineage needs a privacy budget"
    ensure(joined or body.budget, refusing(no.BadUnit, name=body.name, reason=needed))
    parts = len(draft.get(LINEAGES, joined).parts) if joined else 0
    many = f"its lineage has {parts} units on offer; withdraw one"
    ensure(parts < MAX_PARTS, refusing(no.BadUnit, name=body.name, reason=many))


def _open_lineage(draft: Draft, body: tx.RegisterUnit) -> str:
    lineage = draft.new_id("lineage")
    if body.budget is None:
        raise ValueError("a new lineage without a budget")
    opened = Lineage(lineage, body.budget, owner=draft.sender)
    draft.put(LINEAGES, opened, lineage)
    return lineage


def _described(draft: Draft, body: tx.RegisterUnit, unit: str, lineage: str, previous: Unit | None) -> Unit:
    return Unit(
        unit,
        draft.sender,
        body.name,
        previous.version + 1 if previous else 1,
        lineage,
        body.profile,
        body.training_root,
        body.judging_root,
        body.address,
        body.sketch,
        body.terms,
        draft.time,
        previous=body.version_of,
        derived_from=body.derived_from,
    )


def _count_citations(draft: Draft, body: tx.RegisterUnit) -> None:
    """Citing oneself counts nothing."""
    for cited in body.cites:
        unit = draft.get(UNITS, cited)
        if draft.get(LINEAGES, unit.lineage).owner != draft.sender:
            draft.add(UNITS, cited, citations=1)
