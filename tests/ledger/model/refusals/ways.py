"""Ways to meet each refusal on purpose: looks for a situation in the state in which it is certain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from tallystick.base.ids import derived_id
from tallystick.ledger import rejections as no
from tallystick.ledger import state as st
from tallystick.ledger import transactions as tx
from tallystick.ledger.handlers import DEVICE_KINDS
from tests.ledger.model import moves
from tests.ledger.model.actors import Players
from tests.ledger.model.agreements import PURPOSE
from tests.ledger.model.people import FULL, POOR
from tests.ledger.model.random_blocks import NOWHERE, WILD
from tests.ledger.world import encryption_key_of, hashed, key_of, possession


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
        WAYS[kind.__name__, refusal.name] = found
        return found

    return keep


def another_way(kind: type[tx.Body], refusal: type[no.Refusal]) -> Callable[[Way], Way]:
    def keep(found: Way) -> Way:
        OTHER_WAYS.setdefault((kind.__name__, refusal.name), []).append(found)
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
    return p.rows(st.LINEAGES)[(unit.lineage,)].owner


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
    if _kind not in DEVICE_KINDS:
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
    tx.PostRequest: lambda p: replace(moves.request(p)[1], parent=_unknown("request")),
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
    tx.Deliver: lambda p: tx.Deliver(NOWHERE, hashed("header")),
    tx.Freeze: lambda p: tx.Freeze(NOWHERE, hashed("one"), hashed("other")),
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


@way(tx.SetValidator, no.KeyRefused)
def _(p: Players) -> Any:
    return other_than(p, "bob"), tx.SetValidator(key_of("loose").public, possession("bob", "loose"))


@way(tx.SetValidator, no.WrongRole)
def _(p: Players) -> Any:
    member = other_than(p)
    return member, tx.SetValidator(key_of(f"{member}'s node").public, possession(member, f"{member}'s node"))


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
WAYS["Propose", "OverCap"] = _proposes(lambda p: tx.Mint("ada", p.world.reader.chain.cap))
WAYS["Propose", "OutOfRange"] = _proposes(lambda p: tx.SetRoles("ada", ("owner", "owner")))
WAYS["Propose", "WrongStage"] = _proposes(lambda p: tx.Reinstate(other_than(p)))


@way(tx.Propose, no.NotEligible)
def _(p: Players) -> Any:
    chain, accounts = p.world.reader.chain, p.rows(st.ACCOUNTS)
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
