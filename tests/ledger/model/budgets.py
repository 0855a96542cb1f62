"""The privacy books: what every lineage has spent and holds in reserve, and how often each grant is used."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from tallystick.base.events import Event, Unaccounted
from tallystick.base.merkle import EMPTY
from tallystick.ledger.budgets import curves as privacy_cost
from tallystick.ledger.records import Request
from tallystick.ledger.rules import PhaseRule, all_phases
from tallystick.ledger.state import GRANTS, LINEAGES, UNITS
from tallystick.ledger.transactions import UnitUse
from tests.ledger.memory import Memory
from tests.ledger.observed import Broken, ensure

Curve = tuple[int, ...]
NOTHING: Curve = (0,) * len(privacy_cost.ORDERS)
ROWS = ("training", "judging")


def plus(curve: Curve, other: Curve, sign: int = 1) -> Curve:
    return tuple(a + sign * b for a, b in zip(curve, other, strict=True))


@dataclass
class LineageModel:
    """The privacy budget of some rows."""

    owner: str
    limit: int
    delta: int
    protects: str
    spent: dict[str, Curve] = field(default_factory=lambda: dict.fromkeys(ROWS, NOTHING))
    held: dict[str, Curve] = field(default_factory=lambda: dict.fromkeys(ROWS, NOTHING))
    unaccounted: int = 0


@dataclass
class GrantModel:
    """What an owner lets somebody do with a unit."""

    unit: str
    owner: str
    to: str
    purpose: str
    until: int
    uses: int
    statistics_only: bool
    used: int = 0
    revoked: bool = False


@dataclass
class UnitModel:
    """A unit on offer."""

    owner: str
    lineage: str
    active: bool
    unaccounted: bool
    rows: int
    reuse: bool
    audience: tuple[str, ...]
    uses: int = 0


@dataclass
class HoldModel:
    """What a place holds in reserve of a lineage."""

    lineage: str
    grant: str
    left: dict[str, Curve]


def cost(rule: PhaseRule, use: UnitUse) -> Event | None:
    """The event that a phase costs a unit's rows."""
    if rule.rows == "none":
        return None
    if rule.event is None:
        return Unaccounted("no event is named")
    return dict(use.events).get(rule.name) or costliest(rule.event.least, rule.event.most)


def costliest(least: Any, most: Any) -> Event:
    """Of two bounds the smaller noise, and of all else the larger number."""
    names = type(most).__struct_fields__
    quiet = {"sigma_milli", "scale_milli"}
    event: Event = type(most)(*(getattr(least if name in quiet else most, name) for name in names))
    return event


def inside(event: Any, least: Any, most: Any) -> bool:
    """Whether an event is of the kind and within the range that the rules name."""
    if not type(event) is type(least) is type(most):
        return False
    names = type(event).__struct_fields__
    return all(getattr(least, name) <= getattr(event, name) <= getattr(most, name) for name in names)


@dataclass
class Budgets:
    """Lineages, units, grants and what live requests hold of them."""

    lineages: dict[str, LineageModel] = field(default_factory=dict)
    units: dict[str, UnitModel] = field(default_factory=dict)
    grants: dict[str, GrantModel] = field(default_factory=dict)
    holds: dict[tuple[str, str, str], HoldModel] = field(default_factory=dict)
    charged: set[tuple[str, int, str, str]] = field(default_factory=set)  # request, round, phase, member
    roots: dict[bytes, str] = field(default_factory=dict)  # of rows, and the lineage that they belong to

    def note_roots(self, roots: tuple[bytes, ...], lineage: str) -> None:
        """Rows belong for ever to the lineage that named them first."""
        for root in roots:
            if root != EMPTY:
                self.roots.setdefault(root, lineage)

    def worst(self, request: Request, use: UnitUse, rounds: int) -> dict[str, Curve]:
        """All that a unit could be charged in so many rounds."""
        total = dict.fromkeys(ROWS, NOTHING)
        for rule in all_phases(request.rules):
            event = cost(rule, use)
            if event is not None and not isinstance(event, Unaccounted):
                often = rounds if any(rule.name == each.name for each in request.rules.phases) else 1
                for _ in range(often):
                    total[rule.rows] = plus(total[rule.rows], privacy_cost.curve(event))
        return total

    def allowed(self, request: Request, member: str, use: UnitUse, time: int) -> bool:
        """Whether unit and grant let this member serve this request now, uses and budget aside."""
        grant, unit = self.grants.get(use.grant), self.units.get(use.unit)
        if grant is None or unit is None or grant.unit != use.unit or grant.owner != member:
            return False
        models = any(rule.content == "model" for rule in request.rules.phases)
        return (
            unit.active
            and unit.owner == member
            and not grant.revoked
            and time < grant.until
            and grant.to in ("*", request.member)
            and grant.purpose == request.purpose
            and not (grant.statistics_only and models)
        )

    def trouble(self, request: Request, member: str, use: UnitUse, rounds: int, time: int) -> str:
        """Why this unit may not join, or nothing."""
        if not self.allowed(request, member, use, time):
            return "no grant allows it"
        unit, grant = self.units[use.unit], self.grants[use.grant]
        if grant.used >= grant.uses:
            return "the grant is used up"
        lineage = self.lineages[unit.lineage]
        for rule in all_phases(request.rules):
            event = cost(rule, use)
            if isinstance(event, Unaccounted):
                if not unit.unaccounted:
                    return "the unit wants a formal guarantee"
            elif event is not None:
                assert rule.event is not None
                if not inside(event, rule.event.least, rule.event.most):
                    return "the event is out of range"
                if rule.event.protects != lineage.protects:
                    return "the event protects something else"
        for rows, more in self.worst(request, use, rounds).items():
            total = plus(plus(lineage.spent[rows], lineage.held[rows]), more)
            if any(more) and privacy_cost.epsilon(total, lineage.delta) > lineage.limit:
                return "the budget does not suffice"
        return ""

    def seat(self, request: Request, member: str, uses: tuple[UnitUse, ...], rounds: int, time: int) -> bool:
        """Hold all that a place may cost, or nothing; say which."""
        before = {use.unit: self.units.get(use.unit) for use in uses}
        for place, use in enumerate(uses):
            if self.trouble(request, member, use, rounds, time):
                for done in uses[:place]:
                    self.release(request.request, member, done, opened=False)
                return False
            unit = before[use.unit]
            assert unit is not None
            lineage, worst = self.lineages[unit.lineage], self.worst(request, use, rounds)
            for rows in ROWS:
                lineage.held[rows] = plus(lineage.held[rows], worst[rows])
            self.grants[use.grant].used += 1
            unit.uses += 1
            self.holds[request.request, member, use.unit] = HoldModel(unit.lineage, use.grant, worst)
        return True

    def release(self, request: str, member: str, use: UnitUse, opened: bool) -> None:
        """What never opened is free again; so is the grant's use where nothing opened."""
        hold = self.holds.pop((request, member, use.unit), None)
        if hold is None:
            return
        lineage = self.lineages[hold.lineage]
        for rows in ROWS:
            lineage.held[rows] = plus(lineage.held[rows], hold.left[rows], -1)
        if not opened:
            self.grants[hold.grant].used -= 1
            self.units[use.unit].uses -= 1

    def charge(
        self, request: Request, round_: int, rule: PhaseRule, member: str, uses: tuple[UnitUse, ...]
    ) -> None:
        """A phase has opened for a member: its cost is final."""
        self.charged.add((request.request, round_, rule.name, member))
        for use in uses:
            event = cost(rule, use)
            if event is None:
                continue
            hold = self.holds.get((request.request, member, use.unit))
            if hold is None:
                raise Broken(f"{rule.name} opened for {member}, which holds nothing of {use.unit}")
            lineage = self.lineages[hold.lineage]
            if isinstance(event, Unaccounted):
                lineage.unaccounted += 1
                continue
            curve = privacy_cost.curve(event)
            hold.left[rule.rows] = plus(hold.left[rule.rows], curve, -1)
            ensure(min(hold.left[rule.rows]) >= 0, member, "is charged more than it held for", rule.name)
            lineage.held[rule.rows] = plus(lineage.held[rule.rows], curve, -1)
            lineage.spent[rule.rows] = plus(lineage.spent[rule.rows], curve)

    def ensure_charged(self, request: str, round_: int, phase: str, member: str) -> None:
        """Nothing of private rows is posted before its cost is final."""
        ensure((request, round_, phase, member) in self.charged, member, "posts uncharged in", phase)

    def compare(self, reader: Memory) -> None:
        """The ledger's budgets and grants are the books'."""
        for (name,), kept in reader.all(LINEAGES).items():
            own = self.lineages[name]
            theirs = (kept.spent.training, kept.spent.judging, kept.reserved.training, kept.reserved.judging)
            ours = (own.spent["training"], own.spent["judging"], own.held["training"], own.held["judging"])
            ensure(theirs == ours, name, "has spent and holds", theirs, "by the books", ours)
            ensure((kept.unaccounted, kept.owner) == (own.unaccounted, own.owner), name, "differs", kept, own)
        for (name,), grant in reader.all(GRANTS).items():
            mine = self.grants[name]
            ensure((grant.used, grant.revoked) == (mine.used, mine.revoked), name, "is", grant, "not", mine)
        for (name,), unit in reader.all(UNITS).items():
            known = self.units[name]
            ensure(
                (unit.uses, unit.active) == (known.uses, known.active)
                and (not unit.active or unit.owner == known.owner),
                name, "is", unit, "not", known,
            )  # fmt: skip

    def twin(self) -> Budgets:
        """A copy that shares nothing that changes."""
        return Budgets(
            {
                name: replace(lineage, spent=dict(lineage.spent), held=dict(lineage.held))
                for name, lineage in self.lineages.items()
            },
            {name: replace(unit) for name, unit in self.units.items()},
            {name: replace(grant) for name, grant in self.grants.items()},
            {key: replace(hold, left=dict(hold.left)) for key, hold in self.holds.items()},
            set(self.charged),
            dict(self.roots),
        )
