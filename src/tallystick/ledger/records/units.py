"""Data sets on offer, and the lineages whose privacy budgets they share."""

from ...base.codec import Record
from ..budgets.costs import NOTHING, Costs
from ..transactions import PrivacyBudget, Profile, Sketch, Terms


class Unit(Record):
    """A registered description of a data set."""

    unit: str
    owner: str
    name: str
    version: int
    lineage: str
    profile: Profile
    training_root: bytes
    judging_root: bytes
    address: str
    sketch: Sketch
    terms: Terms
    registered: int
    active: bool = True
    previous: str = ""
    derived_from: tuple[str, ...] = ()
    uses: int = 0
    citations: int = 0


class Lineage(Record):
    """The privacy budget that all versions and parts of a unit share, what is spent and reserved of it."""

    lineage: str
    budget: PrivacyBudget
    spent: Costs = NOTHING
    reserved: Costs = NOTHING
    unaccounted: int = 0
    owner: str = ""
    parts: tuple[str, ...] = ()  # the units on offer that draw on it


class Claim(Record):
    """Which unit registered these rows first, or is the newest of this name."""

    unit: str
