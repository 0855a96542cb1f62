"""Units on offer, and what is left of the privacy budgets that they draw on."""

from msgspec.structs import fields

from ...base.codec import Record
from ...base.events import Protects
from ..records import Lineage
from ..state import LINEAGES, UNIT_NAMES, UNITS, Reader
from ..transactions import Profile, Terms
from .reading import every, find


class Spending(Record):
    """What some rows have spent, may spend in running requests at worst, and have left, in nano-epsilon."""

    spent: int
    at_worst: int
    left: int


class BudgetView(Record):
    """A lineage's privacy budget: without a formal guarantee where something unaccounted was published."""

    lineage: str
    owner: str
    epsilon_nano: int
    delta_e12: int
    protects: Protects
    training: Spending
    judging: Spending
    unaccounted: int
    units: tuple[str, ...]


def budget(reader: Reader, lineage: str) -> BudgetView | None:
    """What a lineage may still spend, or None where there is none."""
    known = find(reader, LINEAGES, lineage)
    if known is None:
        return None
    limit = known.budget
    return BudgetView(
        lineage,
        known.owner,
        limit.epsilon_nano,
        limit.delta_e12,
        limit.protects,
        _spending(known, "training"),
        _spending(known, "judging"),
        known.unaccounted,
        known.parts,
    )


def _spending(lineage: Lineage, rows: str) -> Spending:
    limit, delta = lineage.budget.epsilon_nano, lineage.budget.delta_e12
    at_worst = (lineage.spent + lineage.reserved).epsilon(rows, delta)
    return Spending(lineage.spent.epsilon(rows, delta), at_worst, max(0, limit - at_worst))


def budgets(reader: Reader, owner: str = "") -> tuple[BudgetView, ...]:
    """The budgets of all lineages, or of one owner's."""
    names = (known.lineage for known in every(reader, LINEAGES) if owner in ("", known.owner))
    views = (budget(reader, lineage) for lineage in names)
    return tuple(view for view in views if view is not None)


class UnitView(Record):
    """A unit and the budget that it draws on."""

    unit: str
    owner: str
    name: str
    version: int
    active: bool
    profile: Profile
    terms: Terms
    address: str
    training_root: bytes
    judging_root: bytes
    registered: int
    previous: str
    derived_from: tuple[str, ...]
    uses: int
    citations: int
    budget: BudgetView


def unit(reader: Reader, name: str) -> UnitView | None:
    """A unit by its id, or None."""
    known = find(reader, UNITS, name)
    left = None if known is None else budget(reader, known.lineage)
    if known is None or left is None:
        return None
    shared = (field.name for field in fields(UnitView) if field.name not in ("owner", "budget"))
    return UnitView(owner=left.owner, budget=left, **{field: getattr(known, field) for field in shared})


def unit_named(reader: Reader, owner: str, name: str) -> UnitView | None:
    """The newest version of an owner's unit by its name, or None."""
    newest = find(reader, UNIT_NAMES, owner, name)
    view = None if newest is None else unit(reader, newest.unit)
    return view if view is not None and view.owner == owner else None


def units(
    reader: Reader, owner: str = "", category: str = "", withdrawn: bool = False
) -> tuple[UnitView, ...]:
    """Units on offer, or withdrawn ones too; of one owner, of one category."""
    views = (unit(reader, known.unit) for known in every(reader, UNITS) if known.active or withdrawn)
    return tuple(
        view
        for view in views
        if view is not None and owner in ("", view.owner) and category in ("", view.profile.category)
    )
