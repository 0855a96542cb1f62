"""Transactions whose fields are drawn from what there is, fit or not: one builder a kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tallystick.base.events import Gaussian, Pure, Unaccounted
from tallystick.base.ids import derived_id
from tallystick.ledger import state as st
from tallystick.ledger import transactions as tx
from tests.ledger.model import moves
from tests.ledger.model.actors import Players
from tests.ledger.model.agreements import PURPOSE, STANDING_TEAM, TOPICS, agreement
from tests.ledger.model.people import EVERYBODY, FULL, POOR
from tests.ledger.world import encryption_key_of, hashed, key_of, possession

NOWHERE = "nowhere"
EVENTS = (Gaussian(3_000, 1), Gaussian(9_999, 1), Pure(10**9, 1), Unaccounted("no noise"))


def an_id(p: Players, table: st.StateTable[Any]) -> str:
    """The id of a record there is, now and then of one there is not."""
    rows = sorted(p.rows(table))
    if not rows or p.rng.random() < 0.1:
        return derived_id(table.name, NOWHERE, p.rng.randrange(100))
    return p.rng.choice(rows)[0]


def somebody(p: Players) -> str:
    return p.rng.choice((*EVERYBODY, NOWHERE))


def request_of(p: Players) -> str:
    live = p.live()
    return p.rng.choice(live) if live and p.rng.random() < 0.8 else an_id(p, st.REQUESTS)


def when(p: Players) -> int:
    return p.world.time + p.rng.choice((-1, 0, 1, 1_000, 10**8))


def _use(p: Players) -> tx.UnitUse:
    events = tuple(("train", event) for event in (p.rng.choice(EVENTS),) if p.rng.random() < 0.5)
    grants = [g for _, g in sorted(p.rows(st.GRANTS).items())]
    if grants and p.rng.random() < 0.7:
        grant = p.rng.choice(grants)
        return tx.UnitUse(grant.unit, grant.grant, events)
    return tx.UnitUse(an_id(p, st.UNITS), an_id(p, st.GRANTS), events)


def _apply(p: Players) -> tx.Body:
    rng = p.rng
    units = tuple(_use(p) for _ in range(rng.choice((0, 1, 1, 2))))
    salt = hashed("commitment") if rng.random() < 0.4 else None
    return tx.Apply(
        request_of(p), rng.randrange(10**6), rng.choice((0, 10)), units, salt, rng.random() < 0.15
    )


def _phase_of(p: Players, name: str) -> tuple[int, str]:
    found = p.open_phase(name) if (name,) in p.rows(st.PROGRESS) else None
    if found and p.rng.random() < 0.9:
        return found[0].round, found[1].name
    return p.rng.randrange(3), p.rng.choice(("train", "judge", "draw", "combine"))


def _content(p: Players) -> tx.Content:
    values = tuple(tx.Score(p.rng.randrange(10**6)) for _ in range(p.rng.randrange(5)))
    payload = tx.Payload(1, hashed(p.rng.randrange(3)), hashed("c"), hashed("k"))
    options: tuple[tx.Content, ...] = (
        tx.Model(payload), tx.Scores(values), tx.Committed(hashed("x")), tx.Inline(b""),
        tx.SaltReveal(hashed("salt")), tx.Declined(0, hashed("log")),
    )  # fmt: skip
    return p.rng.choice(options)


def _post(p: Players) -> tx.Body:
    name = request_of(p)
    return tx.Post(name, *_phase_of(p, name), _content(p))


def _reveal(p: Players) -> tx.Body:
    name = request_of(p)
    values = tuple(tx.Score(p.rng.randrange(10**6)) for _ in range(p.rng.randrange(5)))
    return tx.Reveal(name, *_phase_of(p, name), values, hashed("salt"))


def _register_unit(p: Players) -> tx.Body:
    rng, units = p.rng, [u for _, u in sorted(p.rows(st.UNITS).items())]
    old = rng.choice(units) if units else None
    more: dict[str, Any] = {}
    if old and rng.random() < 0.5:
        more["training_root"] = old.training_root
    if old and rng.random() < 0.5:
        more["version_of"] = old.unit
    if rng.random() < 0.3:
        more["derived_from"] = (an_id(p, rng.choice((st.UNITS, st.RECORDS))),)
    if rng.random() < 0.3:
        more["cites"] = (an_id(p, st.UNITS),)
    name = old.name if old and rng.random() < 0.5 else f"unit-{rng.randrange(10**6)}"
    return moves.described(p, name, rng.random() < 0.5, **more)


def _post_request(p: Players) -> tx.Body:
    rng, plan, reward = p.rng, hashed(p.rng.getrandbits(64)), p.rng.choice((1, 50, 200, 10**8))
    parent = request_of(p) if rng.random() < 0.4 else ""
    rules = agreement(rng, plan, reward)
    return tx.PostRequest(rng.choice(TOPICS), PURPOSE, plan, reward, rules, hashed("key"), parent=parent)


def _key_body(p: Players, kind: Any) -> tx.Body:
    name = p.rng.choice((*FULL, f"key {p.rng.randrange(10**6)}"))
    proof = possession(p.rng.choice(FULL), name)
    if kind is tx.RotateKey:
        return tx.RotateKey(key_of(name).public, proof, encryption_key_of(name))
    if kind is tx.SetValidator:
        return tx.SetValidator(key_of(name).public, proof)
    return tx.AddDevice(key_of(name).public, proof, when(p))


WILD: dict[type[tx.Body], Callable[[Players], tx.Body]] = {
    tx.RotateKey: lambda p: _key_body(p, tx.RotateKey),
    tx.AddDevice: lambda p: _key_body(p, tx.AddDevice),
    tx.SetValidator: lambda p: _key_body(p, tx.SetValidator),
    tx.RemoveDevice: lambda p: tx.RemoveDevice(key_of(p.rng.choice(FULL)).public),
    tx.Report: lambda p: tx.Report(hashed("software")),
    tx.Propose: lambda p: moves.propose(p)[1],
    tx.Vote: lambda p: tx.Vote(an_id(p, st.PROPOSALS), p.rng.random() < 0.5),
    tx.Transfer: lambda p: tx.Transfer(somebody(p), p.rng.choice((1, 50, 10**9))),
    tx.RegisterUnit: _register_unit,
    tx.WithdrawUnit: lambda p: tx.WithdrawUnit(an_id(p, st.UNITS)),
    tx.TransferUnit: lambda p: tx.TransferUnit(an_id(p, st.UNITS), somebody(p)),
    tx.AskGrant: lambda p: tx.AskGrant(an_id(p, st.UNITS), p.rng.choice((PURPOSE, "study")), 1, when(p)),
    tx.GiveGrant: lambda p: tx.GiveGrant(
        an_id(p, st.UNITS), p.rng.choice(("*", somebody(p))), p.rng.choice((PURPOSE, "study")), 2, when(p),
        ask=an_id(p, st.ASKS) if p.rng.random() < 0.2 else "",
    ),
    tx.DeclineGrant: lambda p: tx.DeclineGrant(an_id(p, st.ASKS)),
    tx.RevokeGrant: lambda p: tx.RevokeGrant(an_id(p, st.GRANTS)),
    tx.PostRequest: _post_request,
    tx.WithdrawRequest: lambda p: tx.WithdrawRequest(request_of(p)),
    tx.ReuseRecord: lambda p: tx.ReuseRecord(an_id(p, st.REQUESTS), p.rng.choice((PURPOSE, "study"))),
    tx.ChooseTeam: lambda p: tx.ChooseTeam(request_of(p), tuple(somebody(p) for _ in range(3))),
    tx.OpenTest: lambda p: tx.OpenTest(request_of(p), hashed("test"), hashed("salt")),
    tx.Apply: _apply,
    tx.WithdrawApplication: lambda p: tx.WithdrawApplication(request_of(p)),
    tx.Grade: lambda p: tx.Grade(request_of(p), ((somebody(p), 10),)),
    tx.Leave: lambda p: tx.Leave(request_of(p)),
    tx.RegisterTeam: lambda p: tx.RegisterTeam(
        p.rng.choice((STANDING_TEAM, f"team-{p.rng.randrange(10**4)}")), (somebody(p), somebody(p))
    ),
    tx.JoinTeam: lambda p: tx.JoinTeam(p.rng.choice((STANDING_TEAM, NOWHERE))),
    tx.Post: _post,
    tx.Reveal: _reveal,
    tx.Nudge: lambda p: tx.Nudge(),
    tx.PostRecord: lambda p: tx.PostRecord(request_of(p), hashed("model"), 1),
    tx.Approve: lambda p: tx.Approve(request_of(p), p.rng.choice((None, 700_000))),
    tx.Certify: lambda p: tx.Certify(request_of(p), 700_000),
    tx.Deliver: lambda p: tx.Deliver(
        somebody(p), hashed("header"), p.rng.choice(("message", "member")), request_of(p), hashed("v"), b""
    ),
    tx.Freeze: lambda p: tx.Freeze(somebody(p), hashed("one"), hashed("other")),
}  # fmt: skip


def wild(p: Players) -> tuple[str, tx.Body]:
    """Anything by anybody."""
    kind = p.rng.choice(list(WILD))
    return p.rng.choice((*FULL, *FULL, POOR)), WILD[kind](p)
