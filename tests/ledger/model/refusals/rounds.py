"""Ways to meet the refusals of rounds and records, and of the envelope itself."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from tallystick.ledger import rejections as no
from tallystick.ledger import state as st
from tallystick.ledger import transactions as tx
from tests.ledger.model import moves
from tests.ledger.model.actors import Players
from tests.ledger.model.people import EVERYBODY, FULL
from tests.ledger.model.random_blocks import NOWHERE
from tests.ledger.model.refusals.requests import LATER, SERVING, request_where
from tests.ledger.model.refusals.ways import WAYS, Bent, any_of, other_than, way
from tests.ledger.world import hashed, key_of


def _phases(p: Players) -> list[tuple[str, Any, Any]]:
    """The open phases of all requests."""
    found = [(name, p.open_phase(name)) for name in p.live(*SERVING)]
    return [(name, *opened) for name, opened in found if opened is not None]


def _owing(p: Players, revealing: bool = False) -> list[tuple[str, Any, Any, str]]:
    """Who owes a post, or a reveal, in which open phase."""
    found = []
    for name, phase, rule in _phases(p):
        holders = phase.owed[phase.cursor : phase.cursor + 1] if rule.turn == "in_order" else phase.owed
        for member in holders if phase.revealing == revealing else ():
            posting = p.posting(name, member)
            hides = (
                posting is not None and posting.values is None and isinstance(posting.content, tx.Committed)
            )
            if (hides if revealing else posting is None) and p.rows(st.MEMBERS)[(member,)].active:
                found.append((name, phase, rule, member))
    return found


def _nonsense(name: str, phase: Any, **more: Any) -> tx.Post:
    return tx.Post(
        name, more.get("round", phase.round), phase.name, more.get("content", tx.Declined(1, hashed("l")))
    )


@way(tx.Post, no.WrongPhase)
def _(p: Players) -> Any:
    found = any_of(p, _owing(p))
    return found and (found[3], _nonsense(found[0], found[1], round=found[1].round + 1))


@way(tx.Post, no.NotYourTurn)
def _(p: Players) -> Any:
    rows = [row for row in _phases(p) if not row[1].revealing]
    found = any_of(p, rows)
    return (
        found and (other_than(p, *found[1].owed), _nonsense(*found[:2]))
        if found and len(found[1].owed) < 6
        else None
    )


@way(tx.Post, no.AlreadyDone)
def _(p: Players) -> Any:
    for name, phase, rule in _phases(p):
        posted = [m for m in phase.owed if p.posting(name, m) and p.rows(st.MEMBERS)[(m,)].active]
        if posted and not phase.revealing and rule.turn != "in_order":
            return p.rng.choice(posted), _nonsense(name, phase)
    return None


@way(tx.Post, no.WrongContent)
def _(p: Players) -> Any:
    found = any_of(p, _owing(p))
    if found is None:
        return None
    name, phase, rule, member = found
    content: Any = tx.Model(tx.Payload(1, hashed("m"), hashed("c"), hashed("k")))
    if rule.content == "model":
        content = tx.Inline(b"")
    elif rule.content == "scores" and not rule.sealed:
        content = tx.Scores((tx.Score(1),) * (len(phase.subjects) + 2))
    return member, _nonsense(name, phase, content=content)


@way(tx.Post, no.BadReveal)
def _(p: Players) -> Any:
    found = any_of(p, [row for row in _owing(p) if row[2].content == "salt"])
    return found and (found[3], _nonsense(found[0], found[1], content=tx.SaltReveal(hashed("another salt"))))


@way(tx.Reveal, no.WrongPhase)
def _(p: Players) -> Any:
    found = any_of(p, [row for row in _phases(p) if not row[1].revealing])
    if found is None:
        return None
    name, phase, _ = found
    return other_than(p), tx.Reveal(name, phase.round, phase.name, (), hashed("s"))


@way(tx.Reveal, no.NotYourTurn)
def _(p: Players) -> Any:
    found = any_of(p, [row for row in _phases(p) if row[1].revealing])
    if found is None:
        return None
    name, phase, _ = found
    posted = [m for m in FULL if p.posting(name, m)]
    return other_than(p, *posted), tx.Reveal(name, phase.round, phase.name, (), hashed("s"))


@way(tx.Reveal, no.AlreadyDone)
def _(p: Players) -> Any:
    for name, phase, _ in _phases(p):
        if phase.revealing:
            known = [m for m in phase.owed if (posting := p.posting(name, m)) and posting.values is not None]
            active = [m for m in known if p.rows(st.MEMBERS)[(m,)].active]
            if active:
                return active[0], tx.Reveal(name, phase.round, phase.name, (), hashed("s"))
    return None


@way(tx.Reveal, no.BadReveal)
def _(p: Players) -> Any:
    found = any_of(p, _owing(p, revealing=True))
    if found is None:
        return None
    body = p.reveal(found[0], found[1], found[3])
    return found[3], replace(body, salt=hashed("a wrong salt"))


@way(tx.Reveal, no.WrongContent)
def _(p: Players) -> Any:
    """A vector of the wrong length that was committed to."""
    for name, phase, _, member in _owing(p, revealing=True):
        if len(p.vectors.get((name, phase.round, phase.name, member), ())) > len(phase.subjects) + 1:
            return member, p.reveal(name, phase, member)
    return None


# --- records ----------------------------------------------------------------------------------------


def _electorate(p: Players, name: str) -> tuple[str, ...]:
    return p.progress(name).recorders


@way(tx.PostRecord, no.WrongStage)
def _(p: Players) -> Any:
    name = request_where(p, "forming", *SERVING, *LATER[1:])
    return name and (other_than(p), tx.PostRecord(name, hashed("m"), 1))


@way(tx.PostRecord, no.NotYourTurn)
def _(p: Players) -> Any:
    name = request_where(p, "recording")
    if name is None:
        return None
    progress = p.progress(name)
    recorder = progress.recorders[progress.attempt]
    return other_than(p, recorder), tx.PostRecord(name, progress.model, 1)


@way(tx.PostRecord, no.BadRecord)
def _(p: Players) -> Any:
    name = request_where(p, "recording")
    if name is None:
        return None
    progress = p.progress(name)
    recorder = progress.recorders[progress.attempt]
    return (recorder, tx.PostRecord(name, hashed("m"), 1)) if p.rows(st.MEMBERS)[(recorder,)].active else None


@way(tx.Approve, no.WrongStage)
def _(p: Players) -> Any:
    name = request_where(p, "forming", *SERVING, "recording", "sealed", "certifying")
    return name and (other_than(p), tx.Approve(name, 1))


@way(tx.Approve, no.NotYourTurn)
def _(p: Players) -> Any:
    name = request_where(p, "approving")
    return name and (other_than(p, *_electorate(p, name)), tx.Approve(name, 1))


@way(tx.Certify, no.WrongStage)
def _(p: Players) -> Any:
    name = request_where(p, "forming", *SERVING, "recording", "approving", "sealed")
    return name and (other_than(p), tx.Certify(name, 1))


@way(tx.Certify, no.NotYourTurn)
def _(p: Players) -> Any:
    name = request_where(p, "certifying")
    return name and (other_than(p, *_electorate(p, name)), tx.Certify(name, 1))


def _stated(p: Players, stage: str) -> Any:
    rows = [(of, m) for of, m in sorted(p.rows(st.STATEMENTS)) if p.progress(of).stage == stage]
    return any_of(p, [(of, m) for of, m in rows if p.rows(st.MEMBERS)[(m,)].active])


@way(tx.Approve, no.AlreadyDone)
def _(p: Players) -> Any:
    found = _stated(p, "approving")
    return found and (found[1], tx.Approve(found[0], 1))


@way(tx.Certify, no.AlreadyDone)
def _(p: Players) -> Any:
    found = _stated(p, "certifying")
    return found and (found[1], tx.Certify(found[0], 1))


# --- the envelope -----------------------------------------------------------------------------------


def _bent(**options: Any) -> Any:
    def found(p: Players) -> Any:
        member, body = moves.small_talk(p)
        given = {key: value(p, member) if callable(value) else value for key, value in options.items()}
        return Bent(member, body, given)

    return found


def _used_number(p: Players, member: str) -> int | None:
    account = p.rows(st.ACCOUNTS)[(member,)]
    used = [*account.ahead, *range(max(0, account.low - 3), account.low)]
    return p.rng.choice(used) if used else None


WAYS["Envelope", "WrongChain"] = _bent(chain="elsewhere")
WAYS["Envelope", "UnknownVersion"] = _bent(version=2)
WAYS["Envelope", "Expired"] = _bent(valid_until=lambda p, member: p.world.time - p.rng.choice((0, 0, 1, 5)))
WAYS["Envelope", "NotYourKey"] = _bent(key=lambda p, member: key_of(f"stolen {p.rng.randrange(9)}").public)
WAYS["Envelope", "BadSignature"] = _bent(honest=False)
WAYS["Envelope", "NumberTooFar"] = _bent(
    number=lambda p, member: p.rows(st.ACCOUNTS)[(member,)].low + 256 + p.rng.choice((0, 0, 1, 10**6))
)


@way(tx.Body, no.UnknownMember)
def _(p: Players) -> Any:
    return Bent(NOWHERE, tx.Nudge())


@way(tx.Body, no.NumberUsed)
def _(p: Players) -> Any:
    member = p.rng.choice(EVERYBODY)
    number = _used_number(p, member)
    return None if number is None else Bent(member, tx.Nudge(), {"number": number})


@way(tx.Body, no.MalformedTransaction)
def _(p: Players) -> Any:
    return Bent(*moves.small_talk(p), cut=True)


for _refusal in ("UnknownMember", "NumberUsed", "Malformed"):
    WAYS["Envelope", _refusal] = WAYS.pop(("Body", _refusal))
