"""Ways to meet the refusals of applications and teams."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from tallystick.base.events import Gaussian
from tallystick.ledger import rejections as no
from tallystick.ledger import rules as ru
from tallystick.ledger import state as st
from tallystick.ledger import transactions as tx
from tests.ledger.model import moves
from tests.ledger.model.actors import Players
from tests.ledger.model.agreements import STANDING_TEAM
from tests.ledger.model.people import FULL, POOR
from tests.ledger.model.random_blocks import NOWHERE
from tests.ledger.model.refusals.requests import LATER, request_where
from tests.ledger.model.refusals.ways import WAYS, Bent, another_way, any_of, other_than, units, way


def _open(p: Players, **more: Any) -> Any:
    """A forming request that asks for no credit that nobody has, nor for a stake."""
    where = more.pop("where", lambda r: True)
    return request_where(
        p, "forming",
        where=lambda r, _: r.rules.forming.minimum_credit == 0 and r.rules.forming.candidates != "team"
        and where(r),
    )  # fmt: skip


def _newcomer(p: Players, name: str) -> Any:
    taken = [m for of, m in p.rows(st.APPLICATIONS) if of == name]
    active = [m for m in FULL if p.rows(st.MEMBERS)[(m,)].active]
    return any_of(p, [m for m in active if m not in taken and m != p.request(name).member])


def _applies(
    change: Callable[[Players, str, tx.Apply], Any], where: Callable[[Any], Any] = lambda r: True
) -> Any:
    """An application that would do but for one thing."""

    def found(p: Players) -> Any:
        name = _open(p, where=where)
        member = name and _newcomer(p, name)
        if not member:
            return None
        body = change(p, member, p.application(name, member))
        return body and (member, body)

    return found


def _with_unit(p: Players, member: str, body: tx.Apply, **more: Any) -> Any:
    """The same with a unit and grant of the member's that would do, changed."""
    uses = p.unit_uses(p.request(body.request), member)
    return replace(body, units=(replace(uses[0], **more),)) if uses else None


def _of_another(p: Players, member: str, body: tx.Apply) -> Any:
    unit = any_of(p, [u for u in units(p) if u.owner != member])
    grant = any_of(p, sorted(key[0] for key in p.rows(st.GRANTS)))
    return unit and grant and replace(body, units=(tx.UnitUse(unit.unit, grant),))


def _ungranted(p: Players, member: str, body: tx.Apply) -> Any:
    unit = any_of(p, [u for u in units(p) if u.owner == member])
    grants = [g for _, g in sorted(p.rows(st.GRANTS).items())]
    grant = any_of(p, [g.grant for g in grants if unit and (g.unit != unit.unit or g.revoked)])
    return unit and grant and replace(body, units=(tx.UnitUse(unit.unit, grant),))


def _costly(p: Players, member: str, body: tx.Apply) -> Any:
    """A unit whose budget does not reach for all that the rules would charge it."""
    rules = p.request(body.request).rules
    for use in p.unit_uses(p.request(body.request), member):
        unit = p.rows(st.UNITS)[(use.unit,)]
        budget = p.rows(st.LINEAGES)[(unit.lineage,)].budget
        charged = [
            r for r in ru.all_phases(rules) if r.event and type(r.event.most).__name__ != "Unaccounted"
        ]
        if (
            budget.epsilon_nano == moves.TINY
            and budget.protects == "record"
            and charged
            and unit.terms.unaccounted
        ):
            return replace(body, units=(replace(use, events=()),))
    return None


@another_way(tx.Apply, no.NotGranted)
def _(p: Players) -> Any:
    """At the very moment in which a grant ends."""
    for name in p.live("forming"):
        request, form = p.request(name), p.request(name).rules.forming
        taken = [m for of, m in p.rows(st.APPLICATIONS) if of == name]
        for _, grant in sorted(p.rows(st.GRANTS).items()):
            unit, ends = p.rows(st.UNITS)[(grant.unit,)], grant.until
            fits = grant.to in ("*", request.member) and not grant.revoked and grant.used < grant.uses
            mine = unit.active and unit.owner == grant.owner and p.rows(st.MEMBERS)[(grant.owner,)].active
            free = grant.owner not in (*taken, request.member) and form.minimum_credit == 0
            alone = min((int(key[0]) for key in p.rows(st.DUE)), default=0) > ends > p.world.time
            if fits and mine and free and alone and form.candidates != "team":
                use = tx.UnitUse(unit.unit, grant.grant)
                return Bent(
                    grant.owner, replace(p.application(name, grant.owner), units=(use,), amount=10), at=ends
                )
    return None


WAYS["Apply", "NotYours"] = _applies(_of_another)
WAYS["Apply", "NotGranted"] = _applies(_ungranted)
WAYS["Apply", "EventRefused"] = _applies(
    lambda p, m, body: _with_unit(p, m, body, events=(("no-such-phase", Gaussian(3_000, 1)),))
)
WAYS["Apply", "OverBudget"] = _applies(_costly, lambda r: any(one.event for one in ru.all_phases(r.rules)))
WAYS["Apply", "BadApplication"] = _applies(
    lambda p, m, body: replace(body, analyst=True, units=(), amount=1), lambda r: True
)
WAYS["Apply", "NotEnoughTokens"] = _applies(
    lambda p, m, body: None if body.units else body, lambda r: r.rules.forming.deposit > 50_000
)


@way(tx.Apply, no.WrongRole)
def _(p: Players) -> Any:
    name = _open(p)
    return name and (POOR, tx.Apply(name))


@way(tx.Apply, no.WrongStage)
def _(p: Players) -> Any:
    name = request_where(p, "opening", "closing", *LATER)
    return name and (other_than(p), tx.Apply(name))


@way(tx.Apply, no.SelfDealing)
def _(p: Players) -> Any:
    name = _open(p)
    return name and (p.request(name).member, tx.Apply(name))


@way(tx.Apply, no.AlreadyDone)
def _(p: Players) -> Any:
    rows = [(of, m) for of, m in sorted(p.rows(st.APPLICATIONS)) if p.progress(of).stage == "forming"]
    rows = [(of, m) for of, m in rows if m != p.request(of).member]
    found = any_of(p, rows)
    return found and (found[1], tx.Apply(found[0]))


@way(tx.Apply, no.NotEligible)
def _(p: Players) -> Any:
    name = request_where(p, "forming", where=lambda r, _: r.rules.forming.candidates == "team")
    if name is None:
        return None
    there = p.rows(st.STANDING_TEAMS)[(STANDING_TEAM,)].members
    taken = [m for of, m in p.rows(st.APPLICATIONS) if of == name]
    return other_than(p, *there, *taken, p.request(name).member), tx.Apply(name)


@way(tx.Apply, no.NotEnoughCredit)
def _(p: Players) -> Any:
    name = request_where(
        p, "forming",
        where=lambda r, _: r.rules.forming.minimum_credit > 10**5 and r.rules.forming.candidates != "team",
    )  # fmt: skip
    member = name and _newcomer(p, name)
    return member and (member, p.application(name, member, p.request(name).rules.forming.leader == "analyst"))


@way(tx.Apply, no.BenchFull)
def _(p: Players) -> Any:
    def full(request: Any, progress: Any) -> bool:
        bench = p.rows(st.TEAMS)[(request.request,)].bench
        running: bool = progress.round < request.rules.stopping.rounds
        return running and len(bench) >= request.rules.forming.bench

    name = request_where(p, "rounds", where=full)
    return name and (other_than(p), tx.Apply(name))


# --- teams ------------------------------------------------------------------------------------------


@way(tx.WithdrawApplication, no.WrongStage)
def _(p: Players) -> Any:
    found = any_of(p, sorted(p.rows(st.PLACES)))
    return found and (found[1], tx.WithdrawApplication(found[0]))


@way(tx.Grade, no.NotYours)
def _(p: Players) -> Any:
    name = request_where(p)
    return name and (other_than(p, p.request(name).rules.forming.named), tx.Grade(name, ()))


@way(tx.Grade, no.WrongStage)
def _(p: Players) -> Any:
    rows = sorted(p.rows(st.PROGRESS).items())
    forms = {key[0]: p.request(key[0]).rules.forming for key, _ in rows}
    done = [k[0] for k, one in rows if forms[k[0]].named and one.stage != "forming"]
    name = any_of(p, done)
    return name and (forms[name].named, tx.Grade(name, ()))


@way(tx.Leave, no.WrongStage)
def _(p: Players) -> Any:
    name = request_where(p, *LATER)
    team = name and p.world.reader.find(st.TEAMS, name)
    return (team and team.active and (p.rng.choice(team.active), tx.Leave(name))) or None


@way(tx.RegisterTeam, no.UnknownMember)
def _(p: Players) -> Any:
    return other_than(p), tx.RegisterTeam("nobodies", (NOWHERE,))


@way(tx.RegisterTeam, no.BadTeam)
def _(p: Players) -> Any:
    return other_than(p), tx.RegisterTeam("doubles", ("bob", "bob"))


@way(tx.RegisterTeam, no.AlreadyExists)
def _(p: Players) -> Any:
    return other_than(p), tx.RegisterTeam(STANDING_TEAM, ("bob",))


@way(tx.JoinTeam, no.NotEligible)
def _(p: Players) -> Any:
    return POOR, tx.JoinTeam(STANDING_TEAM)


@way(tx.JoinTeam, no.AlreadyDone)
def _(p: Players) -> Any:
    return "ada", tx.JoinTeam(STANDING_TEAM)
