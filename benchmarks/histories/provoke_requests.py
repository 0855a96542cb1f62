"""Ways to meet the refusals of requests, teams, rounds and records, and of the envelope itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from benchmarks.histories import moves
from benchmarks.histories.agreements import PURPOSE, STANDING_TEAM
from benchmarks.histories.people import FULL, POOR
from benchmarks.histories.players import Players, hashed
from benchmarks.histories.provoke import WAYS, Bent, another_way, any_of, other_than, units, way
from benchmarks.histories.wild import NOWHERE
from tallystick.base.events import Gaussian
from tallystick.ledger import rejections as no
from tallystick.ledger import rules as ru
from tallystick.ledger import state as st
from tallystick.ledger import transactions as tx

SERVING = ("opening", "rounds", "closing")
LATER = ("recording", "approving", "sealed", "certifying")
ENDED = ("settled", "refunded")


def _name(p: Players, *stages: str, where: Callable[[Any, Any], Any] = lambda request, progress: True) -> Any:
    """A request in one of these stages of which more holds."""
    found = [name for name in p.live(*stages) if where(p.request(name), p.progress(name))]
    return any_of(p, found)


# --- requests ---------------------------------------------------------------------------------------


def _posts(change: Callable[[Players, tx.PostRequest], tx.PostRequest], member: str = "") -> Any:
    def found(p: Players) -> Any:
        body = moves.request(p)[1]
        return member or other_than(p), change(p, body)  # type: ignore[arg-type]

    return found


def _formed_by(p: Players, body: tx.PostRequest, **more: Any) -> tx.PostRequest:
    return replace(body, rules=replace(body.rules, forming=replace(body.rules.forming, **more)))


WAYS["PostRequest", "WrongRole"] = _posts(lambda p, body: body, POOR)
WAYS["PostRequest", "BadRules"] = _posts(lambda p, body: replace(body, rules=replace(body.rules, phases=())))
WAYS["PostRequest", "NotEnoughTokens"] = _posts(lambda p, body: replace(body, reward=10**9))
WAYS["PostRequest", "UnknownMember"] = _posts(
    lambda p, body: _formed_by(
        p, replace(body, rules=replace(body.rules, purchase_limit=0, paying=replace(body.rules.paying))),
        leader="named", named=NOWHERE, candidates="all", team="", order="value",
    )
)  # fmt: skip


@way(tx.PostRequest, no.NotYours)
def _(p: Players) -> Any:
    name = any_of(p, [key[0] for key in sorted(p.rows(st.PROGRESS))])
    if name is None:
        return None
    body = moves.request(p, parent=name)[1]
    return other_than(p, p.progress(name).analyst), body


@another_way(tx.PostRequest, no.NotEnoughTokens)
def _(p: Players) -> Any:
    """An analyst that buys for more than it may spend."""
    for name in p.live(*SERVING):
        progress, rules = p.progress(name), p.request(name).rules
        analyst = progress.analyst and p.rows(st.MEMBERS)[(progress.analyst,)]
        left = min(progress.escrow, rules.purchase_limit - progress.purchased)
        if analyst and analyst.active and "analyst" in analyst.roles and left < progress.escrow:
            reward = p.rng.randint(left + 1, progress.escrow) if p.rng.random() < 0.7 else left + 1
            return moves.request(p, "boosting", name, max(reward, 30), progress.analyst)
    return None


@way(tx.PostRequest, no.WrongStage)
def _(p: Players) -> Any:
    rows = sorted(p.rows(st.PROGRESS).items())
    done = [key[0] for key, one in rows if one.analyst and one.stage not in SERVING]
    name = any_of(p, done)
    return name and (p.progress(name).analyst, moves.request(p, parent=name)[1])


@way(tx.WithdrawRequest, no.NotYours)
def _(p: Players) -> Any:
    name = _name(p)
    return name and (other_than(p, p.request(name).member), tx.WithdrawRequest(name))


@way(tx.WithdrawRequest, no.WrongStage)
def _(p: Players) -> Any:
    rows = sorted(p.rows(st.PROGRESS).items())
    name = any_of(p, [key[0] for key, one in rows if one.stage != "forming"])
    return name and (p.request(name).member, tx.WithdrawRequest(name))


@way(tx.ReuseRecord, no.WrongRole)
def _(p: Players) -> Any:
    name = any_of(p, [key[0] for key in sorted(p.rows(st.REQUESTS))])
    return name and (POOR, tx.ReuseRecord(name, PURPOSE))


@way(tx.ReuseRecord, no.WrongStage)
def _(p: Players) -> Any:
    names = [key[0] for key in sorted(p.rows(st.REQUESTS)) if key not in p.rows(st.RECORDS)]
    return (names and (other_than(p), tx.ReuseRecord(p.rng.choice(names), PURPOSE))) or None


@way(tx.ReuseRecord, no.NotReusable)
def _(p: Players) -> Any:
    name = any_of(p, [key[0] for key in sorted(p.rows(st.RECORDS))])
    return name and (other_than(p), tx.ReuseRecord(name, "something-else"))


@another_way(tx.ReuseRecord, no.NotReusable)
def _(p: Players) -> Any:
    """A record whose sources have been taken back, or were given to another."""
    for (name,), record in sorted(p.rows(st.RECORDS).items()):
        for _, unit_id, grant_id in record.sources:
            unit, grant = p.rows(st.UNITS)[(unit_id,)], p.rows(st.GRANTS)[(grant_id,)]
            gone = grant.revoked or not unit.active or p.world.time >= grant.until
            others = [m for m in FULL if gone or grant.to not in ("*", m)]
            able = [m for m in others if p.rows(st.MEMBERS)[(m,)].active]
            if able and not unit.terms.reuse:
                return p.rng.choice(able), tx.ReuseRecord(name, PURPOSE)
    return None


@way(tx.ReuseRecord, no.NotEnoughTokens)
def _(p: Players) -> Any:
    for (name,), record in sorted(p.rows(st.RECORDS).items()):
        fee = p.request(name).rules.paying.reuse_fee
        free = record.stands and record.contributions and not record.sources
        poor = [
            m for m in FULL if p.rows(st.ACCOUNTS)[(m,)].balance < fee and p.rows(st.MEMBERS)[(m,)].active
        ]
        if free and poor:
            return p.rng.choice(poor), tx.ReuseRecord(name, PURPOSE)
    return None


def _listing(p: Players, listed: bool = True) -> Any:
    return _name(p, "forming", where=lambda r, _: (r.rules.forming.candidates == "listed") == listed)


@way(tx.ChooseTeam, no.NotYours)
def _(p: Players) -> Any:
    name = _name(p)
    return name and (other_than(p, p.request(name).member), tx.ChooseTeam(name, ()))


@way(tx.ChooseTeam, no.WrongStage)
def _(p: Players) -> Any:
    name = _listing(p, False) or _name(p, *SERVING)
    return name and (p.request(name).member, tx.ChooseTeam(name, ()))


@way(tx.ChooseTeam, no.UnknownMember)
def _(p: Players) -> Any:
    name = _listing(p)
    return name and (p.request(name).member, tx.ChooseTeam(name, (NOWHERE,)))


@way(tx.ChooseTeam, no.BadTeam)
def _(p: Players) -> Any:
    name = _listing(p)
    return name and (p.request(name).member, tx.ChooseTeam(name, ("bob", "bob")))


@way(tx.OpenTest, no.NotYours)
def _(p: Players) -> Any:
    name = _name(p)
    return name and (other_than(p, p.request(name).member), tx.OpenTest(name, hashed("t"), hashed("s")))


@way(tx.OpenTest, no.WrongStage)
def _(p: Players) -> Any:
    name = _name(p, "forming", *SERVING, "recording", "approving", "certifying")
    return name and (p.request(name).member, tx.OpenTest(name, hashed("t"), hashed("s")))


@way(tx.OpenTest, no.BadReveal)
def _(p: Players) -> Any:
    name = _name(p, "sealed")
    return name and (p.request(name).member, tx.OpenTest(name, hashed("another"), hashed("s")))


# --- applying ---------------------------------------------------------------------------------------


def _open(p: Players, **more: Any) -> Any:
    """A forming request that asks for no credit that nobody has, nor for a stake."""
    where = more.pop("where", lambda r: True)
    return _name(
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
                return Bent(grant.owner, replace(p.application(name, grant.owner), units=(use,), amount=10), at=ends)
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
    name = _name(p, "opening", "closing", *LATER)
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
    name = _name(p, "forming", where=lambda r, _: r.rules.forming.candidates == "team")
    if name is None:
        return None
    there = p.rows(st.STANDING_TEAMS)[(STANDING_TEAM,)].members
    taken = [m for of, m in p.rows(st.APPLICATIONS) if of == name]
    return other_than(p, *there, *taken, p.request(name).member), tx.Apply(name)


@way(tx.Apply, no.NotEnoughCredit)
def _(p: Players) -> Any:
    name = _name(
        p, "forming",
        where=lambda r, _: r.rules.forming.minimum_credit > 10**5 and r.rules.forming.candidates != "team",
    )  # fmt: skip
    member = name and _newcomer(p, name)
    return member and (member, p.application(name, member, p.request(name).rules.forming.leader == "analyst"))


@way(tx.Apply, no.BenchFull)
def _(p: Players) -> Any:
    def full(request: Any, progress: Any) -> bool:
        bench = p.rows(st.TEAMS)[(request.request,)].bench
        return len(bench) >= request.rules.forming.bench and progress.round < request.rules.stopping.rounds

    name = _name(p, "rounds", where=full)
    return name and (other_than(p), tx.Apply(name))


# --- teams ------------------------------------------------------------------------------------------


@way(tx.WithdrawApplication, no.WrongStage)
def _(p: Players) -> Any:
    found = any_of(p, sorted(p.rows(st.PLACES)))
    return found and (found[1], tx.WithdrawApplication(found[0]))


@way(tx.Grade, no.NotYours)
def _(p: Players) -> Any:
    name = _name(p)
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
    name = _name(p, *LATER)
    team = name and p.world.records.find(st.TEAMS, name)
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
