"""Ways to meet the refusals of requests, teams, rounds and records, and of the envelope itself."""

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
from tests.ledger.model.refusals.ways import WAYS, another_way, any_of, other_than, way
from tests.ledger.world import hashed

SERVING = ("opening", "rounds", "closing")
LATER = ("recording", "approving", "sealed", "certifying")
ENDED = ("settled", "refunded")


def request_where(
    p: Players, *stages: str, where: Callable[[Any, Any], Any] = lambda request, progress: True
) -> Any:
    """A request in one of these stages of which more holds."""
    found = [name for name in p.live(*stages) if where(p.request(name), p.progress(name))]
    return any_of(p, found)


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
    name = request_where(p)
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
    return request_where(p, "forming", where=lambda r, _: (r.rules.forming.candidates == "listed") == listed)


@way(tx.ChooseTeam, no.NotYours)
def _(p: Players) -> Any:
    name = request_where(p)
    return name and (other_than(p, p.request(name).member), tx.ChooseTeam(name, ()))


@way(tx.ChooseTeam, no.WrongStage)
def _(p: Players) -> Any:
    name = _listing(p, False) or request_where(p, *SERVING)
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
    name = request_where(p)
    return name and (other_than(p, p.request(name).member), tx.OpenTest(name, hashed("t"), hashed("s")))


@way(tx.OpenTest, no.WrongStage)
def _(p: Players) -> Any:
    name = request_where(p, "forming", *SERVING, "recording", "approving", "certifying")
    return name and (p.request(name).member, tx.OpenTest(name, hashed("t"), hashed("s")))


@way(tx.OpenTest, no.BadReveal)
def _(p: Players) -> Any:
    name = request_where(p, "sealed")
    return name and (p.request(name).member, tx.OpenTest(name, hashed("another"), hashed("s")))
