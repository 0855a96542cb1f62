"""Ways to meet each refusal on purpose: looks for a situation in the state in which it is certain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from benchmarks.histories import moves
from benchmarks.histories.agreements import PURPOSE
from benchmarks.histories.people import FULL, POOR, encryption_key_of, key_of, possession
from benchmarks.histories.players import Players, hashed
from benchmarks.histories.wild import NOWHERE, WILD
from tallystick.base.ids import derived_id
from tallystick.ledger import rejections as no
from tallystick.ledger import state as st
from tallystick.ledger import transactions as tx


@dataclass(frozen=True)
class Bent:
    """A transaction that is meant to be refused, and how its envelope is bent, if it is."""

    member: str
    body: tx.Body
    envelope: dict[str, Any] = field(default_factory=dict)
    cut: bool = False  # some of its bytes are missing
    at: int = 0  # when it is sent, where that matters


Way = Callable[[Players], Bent | tuple[str, tx.Body] | None]
WAYS: dict[tuple[str, str], Way] = {}
OTHER_WAYS: dict[tuple[str, str], list[Way]] = {}  # where one refusal has several reasons


def way(kind: type[tx.Body], refusal: type[no.Refusal]) -> Callable[[Way], Way]:
    def keep(found: Way) -> Way:
        WAYS[kind.__name__, refusal.__name__] = found
        return found

    return keep


def another_way(kind: type[tx.Body], refusal: type[no.Refusal]) -> Callable[[Way], Way]:
    def keep(found: Way) -> Way:
        OTHER_WAYS.setdefault((kind.__name__, refusal.__name__), []).append(found)
        return found

    return keep


def way_to(p: Players, pair: tuple[str, str]) -> Bent | tuple[str, tx.Body] | None:
    """The usual way to meet a refusal, as far as the state offers it."""
    return (WAYS[pair](p) or None) if pair in WAYS else None


def _unknown(table: str) -> str:
    return derived_id(table, NOWHERE, 7)


def any_of(p: Players, rows: list[Any]) -> Any:
    return p.rng.choice(rows) if rows else None


def units(p: Players, active: bool = True) -> list[Any]:
    return [u for _, u in sorted(p.rows(st.UNITS).items()) if u.active == active]


def owner_of(p: Players, unit: Any) -> str:
    return p.rows(st.LINEAGES)[(unit.lineage,)].owner  # type: ignore[no-any-return]


def other_than(p: Players, *members: str) -> str:
    return p.rng.choice([m for m in FULL if m not in members and p.rows(st.MEMBERS)[(m,)].active])


# --- by anybody who may not act ---------------------------------------------------------------------


def _by_the_barred(kind: type[tx.Body]) -> Way:
    def found(p: Players) -> Bent | None:
        asleep = [m for (m,), one in sorted(p.rows(st.MEMBERS).items()) if not one.active]
        return Bent(p.rng.choice(asleep), WILD[kind](p)) if asleep else None

    return found


def _by_a_device(kind: type[tx.Body]) -> Way:
    def found(p: Players) -> Bent | None:
        for (name,), one in sorted(p.rows(st.MEMBERS).items()):
            keys = [device.key for device in one.devices if p.world.time < device.until]
            if keys and one.active:
                return Bent(name, WILD[kind](p), {"key": keys[0]})
        return None

    return found


for _kind in WILD:
    WAYS[_kind.__name__, "Suspended"] = _by_the_barred(_kind)
    if _kind not in (tx.Post, tx.Reveal, tx.Report, tx.Nudge):
        WAYS[_kind.__name__, "DeviceMayNot"] = _by_a_device(_kind)

_LOST: dict[type[tx.Body], Callable[[Players], tx.Body]] = {
    tx.RemoveDevice: lambda p: tx.RemoveDevice(hashed("no device")),
    tx.Propose: lambda p: tx.Propose(tx.Dispute(_unknown("unit"), p.rng.choice(FULL))),
    tx.Vote: lambda p: tx.Vote(_unknown("proposal"), True),
    tx.RegisterUnit: lambda p: moves.described(p, "lost", version_of="", cites=(_unknown("unit"),)),
    tx.WithdrawUnit: lambda p: tx.WithdrawUnit(_unknown("unit")),
    tx.TransferUnit: lambda p: tx.TransferUnit(_unknown("unit"), "ada"),
    tx.AskGrant: lambda p: tx.AskGrant(_unknown("unit"), PURPOSE, 1, p.world.time + 9),
    tx.GiveGrant: lambda p: tx.GiveGrant(_unknown("unit"), "*", PURPOSE, 1, p.world.time + 9),
    tx.DeclineGrant: lambda p: tx.DeclineGrant(_unknown("ask")),
    tx.RevokeGrant: lambda p: tx.RevokeGrant(_unknown("grant")),
    tx.PostRequest: lambda p: replace(moves.request(p)[1], parent=_unknown("request")),  # type: ignore[type-var]
    tx.WithdrawRequest: lambda p: tx.WithdrawRequest(_unknown("request")),
    tx.ReuseRecord: lambda p: tx.ReuseRecord(_unknown("request"), PURPOSE),
    tx.ChooseTeam: lambda p: tx.ChooseTeam(_unknown("request"), ()),
    tx.OpenTest: lambda p: tx.OpenTest(_unknown("request"), hashed("t"), hashed("s")),
    tx.Apply: lambda p: tx.Apply(_unknown("request")),
    tx.WithdrawApplication: lambda p: tx.WithdrawApplication(_unknown("request")),
    tx.Grade: lambda p: tx.Grade(_unknown("request"), ()),
    tx.Leave: lambda p: tx.Leave(_unknown("request")),
    tx.JoinTeam: lambda p: tx.JoinTeam(NOWHERE),
    tx.Post: lambda p: tx.Post(_unknown("request"), 1, "train", tx.Inline(b"")),
    tx.Reveal: lambda p: tx.Reveal(_unknown("request"), 1, "judge", (), hashed("s")),
    tx.PostRecord: lambda p: tx.PostRecord(_unknown("request"), hashed("m"), 1),
    tx.Approve: lambda p: tx.Approve(_unknown("request"), 1),
    tx.Certify: lambda p: tx.Certify(_unknown("request"), 1),
}


def _of_the_unknown(kind: type[tx.Body]) -> Way:
    return lambda p: Bent(other_than(p), _LOST[kind](p))


for _kind in _LOST:
    WAYS[_kind.__name__, "UnknownRecord"] = _of_the_unknown(_kind)


# --- members, votes, tokens -------------------------------------------------------------------------


@way(tx.RotateKey, no.KeyRefused)
def _(p: Players) -> Any:
    member = other_than(p)
    old = key_of(member).public
    return member, tx.RotateKey(old, possession(member, member), encryption_key_of(member))


@way(tx.AddDevice, no.KeyRefused)
def _(p: Players) -> Any:
    return other_than(p, "bob"), tx.AddDevice(key_of("loose").public, possession("bob", "loose"), moves.FAR)


@way(tx.AddDevice, no.OutOfRange)
def _(p: Players) -> Any:
    member = other_than(p)
    return member, tx.AddDevice(key_of("late").public, possession(member, "late"), p.world.time)


@way(tx.AddDevice, no.AlreadyExists)
def _(p: Players) -> Any:
    rows = [(m, d) for (m,), one in sorted(p.rows(st.MEMBERS).items()) for d in one.devices if one.active]
    if not rows:
        return None
    member, device = p.rng.choice(rows)
    return member, tx.AddDevice(device.key, bytes(64), moves.FAR)


def _proposes(change: Callable[[Players], Any]) -> Way:
    def found(p: Players) -> Any:
        chosen = change(p)
        return chosen and (other_than(p), tx.Propose(chosen))

    return found


def _admit(member: str, key: str, proof: str) -> tx.Admit:
    return tx.Admit(member, key_of(key).public, possession(proof, key), encryption_key_of(key), ())


WAYS["Propose", "UnknownMember"] = _proposes(lambda p: tx.Suspend(NOWHERE))
WAYS["Propose", "AlreadyExists"] = _proposes(lambda p: _admit("ada", "fresh", "ada"))
WAYS["Propose", "KeyRefused"] = _proposes(lambda p: _admit(NOWHERE, "fresh", "ada"))
WAYS["Propose", "OverCap"] = _proposes(lambda p: tx.Mint("ada", p.world.records.chain.cap))
WAYS["Propose", "OutOfRange"] = _proposes(lambda p: tx.SetRoles("ada", ("owner", "owner")))
WAYS["Propose", "WrongStage"] = _proposes(lambda p: tx.Reinstate(other_than(p)))


@way(tx.Propose, no.NotEligible)
def _(p: Players) -> Any:
    chain, accounts = p.world.records.chain, p.rows(st.ACCOUNTS)
    awake = [
        m for (m,), one in sorted(p.rows(st.MEMBERS).items())
        if one.active and p.world.time < accounts[(m,)].seen + chain.dormant_after
    ]  # fmt: skip
    active = [m for (m,), one in sorted(p.rows(st.MEMBERS).items()) if one.active]
    member = awake[0] if awake else active[0]
    return (member, tx.Propose(tx.Mint(member, 1))) if len(awake) < 2 else None


def _proposals(p: Players, stage: bool) -> list[Any]:
    rows = [one for _, one in sorted(p.rows(st.PROPOSALS).items())]
    return [one for one in rows if (one.stage == "open" and p.world.time < one.deadline) == stage]


@way(tx.Vote, no.WrongStage)
def _(p: Players) -> Any:
    found = any_of(p, _proposals(p, False))
    return found and (other_than(p), tx.Vote(found.proposal, True))


@way(tx.Vote, no.NotEligible)
def _(p: Players) -> Any:
    for found in _proposals(p, True):
        names = p.rows(st.ELECTORATES)[(found.proposal,)].members
        out = [m for (m,), one in sorted(p.rows(st.MEMBERS).items()) if m not in names and one.active]
        if out:
            return out[0], tx.Vote(found.proposal, True)
    return None


@way(tx.Vote, no.AlreadyDone)
def _(p: Players) -> Any:
    for found in _proposals(p, True):
        for of, member in sorted(p.rows(st.BALLOTS)):
            if of == found.proposal and p.rows(st.MEMBERS)[(member,)].active:
                return member, tx.Vote(of, p.rng.random() < 0.5)
    return None


@way(tx.Transfer, no.UnknownMember)
def _(p: Players) -> Any:
    return other_than(p), tx.Transfer(NOWHERE, 1)


@way(tx.Transfer, no.SelfDealing)
def _(p: Players) -> Any:
    member = other_than(p)
    return member, tx.Transfer(member, 1)


@way(tx.Transfer, no.NotEnoughTokens)
def _(p: Players) -> Any:
    member = other_than(p)
    return member, tx.Transfer(POOR, p.rows(st.ACCOUNTS)[(member,)].balance + 1)


# --- units and grants -------------------------------------------------------------------------------


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
    return unit and (unit.owner, moves.described(p, f"again-{p.rng.randrange(10**6)}", training_root=unit.training_root))


@another_way(tx.RegisterUnit, no.AlreadyExists)
def _(p: Players) -> Any:
    """Another's rows."""
    unit = any_of(p, units(p))
    name = f"taken-{p.rng.randrange(10**6)}"
    return unit and (other_than(p, owner_of(p, unit)), moves.described(p, name, judging_root=unit.judging_root))


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
    return found and (found[0], replace(found[1], until=p.world.time))  # type: ignore[type-var]


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
