"""What members do beside their duties: trade, ask, grant, revoke, leave, vote, buy on, reuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tallystick.ledger import records as r
from tallystick.ledger import state as st
from tallystick.ledger import transactions as tx
from tests.ledger.model.actors import Players
from tests.ledger.model.agreements import PURPOSE, TOPICS, agreement
from tests.ledger.model.people import BARRED, FULL, POOR
from tests.ledger.world import encryption_key_of, hashed, key_of, possession

Move = tuple[str, tx.Body]
FAR = 4_000_000_000_000
TINY, SMALL, USUAL, AMPLE = 10**6, 10**9, 12 * 10**9, 10**14  # nano-epsilon: the least reaches for nothing


def some(p: Players, rows: list[Any]) -> Any:
    return p.rng.choice(rows) if rows else None


def described(p: Players, name: str, budget: bool = True, **more: Any) -> tx.RegisterUnit:
    """A unit whose rows nobody has registered yet."""
    rng = p.rng
    terms = tx.Terms(
        audience=rng.choice((("*",), ("*",), ("*",), ("*", "bob"), ("bob", "cleo"))),
        purposes=rng.choice(((), (), (PURPOSE,), (PURPOSE, "study"))),
        reuse=rng.random() < 0.3,
        unaccounted=rng.random() < 0.8,
    )
    epsilon = rng.choice((TINY, SMALL, USUAL, USUAL, AMPLE, AMPLE))
    given = tx.PrivacyBudget(epsilon, 10**6, "record" if rng.random() < 0.9 else "member")
    salt = rng.getrandbits(64)
    kept: dict[str, Any] = {
        "profile": tx.Profile(rng.choice(TOPICS), "table", rng.choice((100, 5_000)), hashed("schema")),
        "training_root": hashed(salt, "training"),
        "judging_root": hashed(salt, "judging"),
        "address": f"https://data.example/{name}",
        "sketch": tx.Sketch(1, b"sketch"),
        "terms": terms,
        "budget": given if budget else None,
    }
    return tx.RegisterUnit(name, **{**kept, **more})


def register(p: Players) -> Move:
    return p.rng.choice(FULL), described(p, f"unit-{p.rng.randrange(10**6)}")


def new_version(p: Players) -> Move | None:
    """A new version of a unit that is its owner's newest of that name, with some of the old rows."""
    unit = some(p, [u for _, u in sorted(p.rows(st.UNITS).items()) if u.active])
    if unit is None:
        return None
    rows = {"training_root": unit.training_root} if p.rng.random() < 0.5 else {}
    return unit.owner, described(p, unit.name, budget=False, version_of=unit.unit, **rows)


def grant(p: Players, unit: r.Unit | None = None, **more: Any) -> Move | None:
    """Give a grant that the unit's terms allow."""
    unit = unit or some(p, [u for _, u in sorted(p.rows(st.UNITS).items()) if u.active])
    if unit is None:
        return None
    to = p.rng.choice(("*", "*", "*", *FULL[:2])) if "*" in unit.terms.audience else unit.terms.audience[0]
    until = FAR if p.rng.random() < 0.6 else p.world.time + p.rng.choice((3_000, 30_000, 90_000))
    kept = {"uses": p.rng.choice((1, 2, 100)), "until": until, "statistics_only": p.rng.random() < 0.05}
    return unit.owner, tx.GiveGrant(unit.unit, to, PURPOSE, **{**kept, **more})


def revoke(p: Players) -> Move | None:
    """Take back a grant; rather one that a running request lives by."""
    used = sorted({row.grant for row in p.rows(st.RESERVATIONS).values()})
    alive = used if used and p.rng.random() < 0.7 else [key[0] for key in sorted(p.rows(st.GRANTS))]
    grants = [p.rows(st.GRANTS)[(name,)] for name in alive]
    found = some(p, [g for g in grants if not g.revoked])
    if found is None:
        return None
    owner = p.rows(st.LINEAGES)[(p.rows(st.UNITS)[(found.unit,)].lineage,)].owner
    return owner, tx.RevokeGrant(found.grant)


def withdraw_or_hand_over(p: Players) -> Move | None:
    units = [u for _, u in sorted(p.rows(st.UNITS).items()) if u.active]
    serving = {row.unit for row in p.rows(st.RESERVATIONS).values()} if p.rng.random() < 0.6 else set()
    unit = some(p, [u for u in units if u.unit in serving] or units)
    if unit is None or len(units) < 3:
        return None
    if p.rng.random() < 0.4:
        return unit.owner, tx.WithdrawUnit(unit.unit)
    to = p.rng.choice([m for m in FULL if m != unit.owner])
    return unit.owner, tx.TransferUnit(unit.unit, to)


def ask(p: Players) -> Move | None:
    unit = some(p, [u for _, u in sorted(p.rows(st.UNITS).items()) if u.active])
    others = [m for m in FULL if unit and m != unit.owner and {"*", m} & {*unit.terms.audience}]
    if unit is None or not others:
        return None
    return p.rng.choice(others), tx.AskGrant(unit.unit, PURPOSE, 3, p.world.time + 10**6)


def answer_ask(p: Players) -> Move | None:
    found = some(p, [one for _, one in sorted(p.rows(st.ASKS).items())])
    if found is None:
        return None
    unit = p.rows(st.UNITS)[(found.unit,)]
    owner = p.rows(st.LINEAGES)[(unit.lineage,)].owner
    if p.rng.random() < 0.5 or not unit.active:
        return owner, tx.DeclineGrant(found.ask)
    return owner, tx.GiveGrant(found.unit, found.member, found.purpose, 3, FAR, ask=found.ask)


def request(p: Players, scheme: str = "", parent: str = "", reward: int = 0, member: str = "") -> Move:
    """A new request with rules of its own."""
    rng = p.rng
    reward = reward or rng.choice((97, 200, 300, 1_000))
    plan = hashed("plan", rng.getrandbits(64))
    body = tx.PostRequest(
        rng.choice(TOPICS),
        PURPOSE,
        plan,
        reward,
        agreement(rng, plan, reward, scheme),
        hashed("reuse"),
        parent=parent,
    )
    return member or rng.choice(FULL), body


def buy_on(p: Players) -> Move | None:
    """An analyst spends a part of its request's escrow on a request of its own."""
    for name in p.live("opening", "rounds", "closing"):
        progress, rules = p.progress(name), p.request(name).rules
        left = min(progress.escrow, rules.purchase_limit - progress.purchased)
        if progress.analyst and left >= 20:
            reward = p.rng.randint(20, left)
            return request(p, p.rng.choice(("", "boosting")), name, reward, progress.analyst)
    return None


def leave(p: Players) -> Move | None:
    name = some(p, p.live("opening", "rounds", "closing"))
    team = name and p.world.reader.find(st.TEAMS, name)
    return (p.rng.choice(team.active), tx.Leave(name)) if team and team.active else None


def join_bench(p: Players) -> Move | None:
    """Apply for the bench of a running request that has room."""
    for name in p.live("rounds"):
        progress, rules = p.progress(name), p.request(name).rules
        team = p.rows(st.TEAMS)[(name,)]
        if len(team.bench) < rules.forming.bench and progress.round < rules.stopping.rounds:
            free = [
                m for m in FULL if m not in (*team.active, *team.gone, *team.bench, p.request(name).member)
            ]
            analyst = rules.forming.leader == "analyst" and p.rng.random() < 0.5
            return (p.rng.choice(free), p.application(name, free[0], analyst)) if free else None
    return None


def withdraw(p: Players) -> Move | None:
    """Take an application or a whole request back."""
    rows = sorted(p.rows(st.APPLICATIONS))
    if rows and p.rng.random() < 0.7:
        name, member = p.rng.choice(rows)
        return member, tx.WithdrawApplication(name)
    name = some(p, p.live("forming"))
    return (p.request(name).member, tx.WithdrawRequest(name)) if name else None


def reuse(p: Players) -> Move | None:
    name = some(p, [key[0] for key in sorted(p.rows(st.RECORDS))])
    return (p.rng.choice(FULL), tx.ReuseRecord(name, PURPOSE)) if name else None


def transfer(p: Players) -> Move:
    payer = p.rng.choice(FULL)
    payee = p.rng.choice([m for m in (*FULL, POOR, BARRED) if m != payer])
    return payer, tx.Transfer(payee, p.rng.randint(1, 30))


def propose(p: Players) -> Move:
    """Something that can be decided as things stand."""
    rng, members = p.rng, p.rows(st.MEMBERS)
    asleep = [m for (m,), one in sorted(members.items()) if not one.active]
    serving = sorted({m for _, m in p.rows(st.PLACES)}) or list(FULL)
    fresh = f"new-{rng.randrange(10**4)}"
    key = f"{fresh} key {rng.randrange(10**4)}"
    changes: list[Any] = [
        tx.Mint(rng.choice(FULL), rng.randint(1, 500)),
        tx.FillPool(rng.randint(1, 50)),
        tx.SetRoles(POOR, rng.choice(((), ("worker",)))),
        tx.Suspend(rng.choice(serving)),
        tx.Admit(fresh, key_of(key).public, possession(fresh, key), encryption_key_of(key), ("worker",)),
        tx.Recover(POOR, key_of(key).public, possession(POOR, key), encryption_key_of(key)),
        tx.Upgrade(p.world.reader.chain.version + 1, p.world.height + 10**9),
    ]
    changes += [tx.Reinstate(rng.choice(asleep))] * 2 if asleep else []
    units = [u for _, u in sorted(p.rows(st.UNITS).items())]
    if units:
        unit = rng.choice(units)
        owner = p.rows(st.LINEAGES)[(unit.lineage,)].owner
        changes.append(tx.Dispute(unit.unit, rng.choice([m for m in FULL if m != owner])))
    return rng.choice(FULL), tx.Propose(rng.choice(changes))


def vote(p: Players) -> Move | None:
    """The next vote on an open proposal; most approve."""
    for (name,), proposal in sorted(p.rows(st.PROPOSALS).items()):
        if proposal.stage == "open" and p.world.time < proposal.deadline:
            names = p.rows(st.ELECTORATES)[(name,)].members
            voted = [m for of, m in p.rows(st.BALLOTS) if of == name]
            able = [m for m in names if m not in voted and p.rows(st.MEMBERS)[(m,)].active]
            if able:
                return able[0], tx.Vote(name, p.rng.random() < 0.9)
    return None


def new_key(p: Players) -> Move:
    """A new key of one's own, a device, a device less."""
    member, fresh = p.rng.choice(FULL), f"key {p.rng.getrandbits(24)}"
    devices = p.rows(st.MEMBERS)[(member,)].devices
    proof = possession(member, fresh)
    if devices and p.rng.random() < 0.3:
        return member, tx.RemoveDevice(p.rng.choice(devices).key)
    if p.rng.random() < 0.6:
        return member, tx.AddDevice(key_of(fresh).public, proof, p.world.time + p.rng.choice((5_000, 10**9)))
    return member, tx.RotateKey(key_of(fresh).public, proof, encryption_key_of(fresh))


def small_talk(p: Players) -> Move:
    member = p.rng.choice(FULL)
    return member, tx.Nudge() if p.rng.random() < 0.5 else tx.Report(hashed("software", member))


MOVES: tuple[tuple[int, Callable[[Players], Move | None]], ...] = (
    (3, request), (8, buy_on), (3, leave), (4, join_bench), (2, withdraw), (2, reuse), (2, transfer),
    (2, register), (1, new_version), (2, grant), (6, revoke), (6, withdraw_or_hand_over), (1, ask),
    (1, answer_ask), (3, propose), (12, vote), (1, new_key), (1, small_talk),
)  # fmt: skip


def move(p: Players) -> Move | None:
    """One move, chosen by weight."""
    kinds, weights = [kind for _, kind in MOVES], [weight for weight, _ in MOVES]
    return p.rng.choices(kinds, weights)[0](p)
