"""Ways to meet what only several chains refuse: each says which chain is told what, and by whom."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from tallystick.ledger import rejections as no
from tallystick.ledger import state as st
from tallystick.ledger import transactions as tx
from tallystick.ledger.chains import departures
from tallystick.ledger.chains.messages import Opening
from tests.ledger.chains_world import NORTH, OPERATOR
from tests.ledger.model.two_chains import (
    FRESH,
    SETTLING,
    STRANGER,
    WAYS,
    Abroad,
    Way,
    abroad_of,
    contradiction,
    elsewhere,
    play,
    trust,
)
from tests.ledger.world import CHAIN


def way(kind: type[tx.Body], refusal: type[no.Refusal]) -> Callable[[Way], Way]:
    def keep(found: Way) -> Way:
        WAYS[kind.__name__, refusal.name] = found
        return found

    return keep


def openings(reader: Any) -> list[tuple[str, Opening]]:
    """The requests that the main chain has sent to the other, by name."""
    messages = sorted(reader.all(st.MESSAGES).items())
    return [(name, m.content) for (_, name), m in messages if isinstance(m.content, Opening)]


def trusted(found: Way) -> Way:
    return lambda a: None if a.frozen() else found(a)


@way(tx.Deliver, no.ChainNotProven)
@trusted
def _(a: Abroad) -> Any:
    """A forged value, a proof cut short, a header that nobody signed, one from the future."""
    kind = a.rng.randrange(4)
    honest = a.carried(CHAIN, "member", "ada")
    if kind == 0:
        return NORTH, OPERATOR, replace(honest, value=(honest.value or b"") + b"x")
    if kind == 1:
        return NORTH, OPERATOR, replace(honest, proof=honest.proof[:-40])
    if kind == 2:
        return CHAIN, "bob", replace(a.carried(NORTH), header=a.speakers[CHAIN].signed())
    return CHAIN, "bob", a.carried(NORTH, time=(a.worlds[CHAIN].time + 60_000) * 10**6)


@way(tx.Deliver, no.AlreadyDone)
@trusted
def _(a: Abroad) -> Any:
    same = a.carried(NORTH)
    a.send(CHAIN, "bob", same)
    return CHAIN, "cleo", same


@way(tx.Deliver, no.BadMessage)
@trusted
def _(a: Abroad) -> Any:
    return CHAIN, "bob", a.carried(NORTH, "member", OPERATOR)


@way(tx.Deliver, no.WrongStage)
@trusted
def _(a: Abroad) -> Any:
    """An outcome once more, or none before its time."""
    main, north = (a.worlds[name].reader for name in (CHAIN, NORTH))
    now = max(world.time for world in a.worlds.values())  # of the header that is shown
    for (name,), progress in sorted(main.all(st.PROGRESS).items()):
        told = north.find(st.MESSAGES, CHAIN, name) is not None
        away = progress.stage == "away" and not told and now + 10 < progress.final
        if main.all(st.REQUESTS)[(name,)].chain and (away or (told and progress.stage != "away")):
            return CHAIN, "bob", a.carried(NORTH, "message", name)
    return None


@way(tx.Deliver, no.UnknownMember)
def _(a: Abroad) -> Any:
    main, north = (a.worlds[name].reader for name in (CHAIN, NORTH))
    for name, opening in openings(main):
        team = [opening.request.member, *(one.member for one in opening.places)]
        open_ = a.worlds[NORTH].time + 10 < opening.final
        if (
            open_
            and north.find(st.REQUESTS, name) is None
            and any(not north.find(st.MEMBERS, m) for m in team)
        ):
            return NORTH, OPERATOR, a.carried(CHAIN, "message", name)
    return None


@way(tx.Deliver, no.KeyRefused)
def _(a: Abroad) -> Any:
    return NORTH, OPERATOR, a.carried(CHAIN, "member", STRANGER)


@way(tx.Deliver, no.StaleView)
def _(a: Abroad) -> Any:
    main, north = (a.worlds[name].reader for name in (CHAIN, NORTH))
    for name, opening in openings(main):
        team = [opening.request.member, *(one.member for one in opening.places)]
        known = all(north.find(st.MEMBERS, member) for member in team)
        fits = a.worlds[NORTH].time + 2 * FRESH < opening.final
        if known and fits and north.find(st.REQUESTS, name) is None:
            old = a.carried(CHAIN, "message", name)
            a.worlds[NORTH].time += FRESH + 1
            a.worlds[NORTH].block()
            return NORTH, OPERATOR, old
    return None


@way(tx.Freeze, no.ChainNotProven)
@trusted
def _(a: Abroad) -> Any:
    return CHAIN, "bob", contradiction(a, height=2 * a.speakers[NORTH].made + 4)


@way(tx.Freeze, no.WrongStage)
def _(a: Abroad) -> Any:
    if not a.frozen():
        if a.rng.random() < 0.8:
            return None
        a.send(CHAIN, "bob", contradiction(a))
    a.send(CHAIN, "cleo", contradiction(a), "WrongStage")
    a.decide(tx.RegisterChain(trust(NORTH)))
    return None


def _grown_old(a: Abroad, revealing: bool | None) -> tuple[str, str] | None:
    """A request with a phase open whose view of the main chain has grown old, and who owes in it."""
    players = a.players[NORTH]
    for name in players.live("opening", "rounds", "closing"):
        opened = players.open_phase(name)
        if opened is None or (revealing is not None and opened[0].revealing != revealing):
            continue
        owing = [member for member, _ in players.duties(name)] if revealing is not None else opened[0].owed
        if owing:
            main = a.worlds[NORTH].reader.find(st.OTHER_CHAINS, CHAIN)
            assert main is not None
            a.worlds[NORTH].time = max(a.worlds[NORTH].time, main.time + FRESH)
            a.worlds[NORTH].block()
            still = players.open_phase(name) if players.progress(name).phase >= 0 else None
            if still and still[0].deadline > a.worlds[NORTH].time + 5 and still[0].name == opened[0].name:
                return name, owing[0]
    return None


@way(tx.Post, no.StaleView)
def _(a: Abroad) -> Any:
    found = _grown_old(a, False)
    if found is None:
        return None
    opened = a.players[NORTH].open_phase(found[0])
    assert opened is not None
    return NORTH, found[1], a.players[NORTH].post(found[0], *opened, found[1])


@way(tx.Reveal, no.StaleView)
def _(a: Abroad) -> Any:
    found = _grown_old(a, True)
    if found is None:
        return None
    opened = a.players[NORTH].open_phase(found[0])
    assert opened is not None
    return NORTH, found[1], a.players[NORTH].reveal(found[0], opened[0], found[1])


@way(tx.Leave, no.StaleView)
def _(a: Abroad) -> Any:
    found = _grown_old(a, None)
    if found is None:
        return None
    team = a.worlds[NORTH].reader.find(st.TEAMS, found[0])
    return (NORTH, team.active[0], tx.Leave(found[0])) if team and team.active else None


@way(tx.PostRequest, no.OutOfRange)
@trusted
def _(a: Abroad) -> Any:
    other = a.worlds[CHAIN].reader.find(st.OTHER_CHAINS, NORTH)
    assert other is not None
    over = other.terms.escrow_cap - other.escrow + 1
    member, body = elsewhere(a, "ada", max(200, over))
    rich = a.worlds[CHAIN].reader.all(st.ACCOUNTS)[("ada",)].balance >= body.reward
    return (CHAIN, member, body) if rich and not departures.why_not_on_chain(body.rules, SETTLING) else None


def played(seed: int) -> Abroad:
    """A history of two chains, with all these ways at hand."""
    return play(abroad_of(seed))
