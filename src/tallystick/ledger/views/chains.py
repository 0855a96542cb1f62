"""Other chains as they are known here, and what waits to be carried from one chain to another."""

from collections.abc import Iterator
from typing import Any

from ...base import light
from ...base.codec import Record
from ..chains.messages import Opening
from ..records import OtherChain
from ..state import (
    ALLOCATIONS,
    GRANTS,
    MEMBERS,
    MESSAGES,
    OTHER_CHAINS,
    REQUESTS,
    REVOKED,
    TEAMS,
    Reader,
    StateTable,
)
from ..transactions.chains import Shown
from ..transition import find_chain
from .reading import every, find

KEYS_OF: dict[str, StateTable[Any]] = {"request": REQUESTS, "member": MEMBERS, "grant": GRANTS}


class ChainView(Record):
    """Another chain: how far it is known, what is with it, whether it is still trusted."""

    chain: str
    main: bool
    height: int
    time: int
    validators: int
    escrow: int
    escrow_cap: int
    requests: int  # that are with it now
    stage: str  # trusted | lapsed | frozen


class Waiting(Record):
    """Something that one chain holds and the other does not know yet."""

    about: Shown
    of: str = ""


def other_chains(reader: Reader, time: int) -> tuple[ChainView, ...]:
    """Every other chain that is known here."""
    return tuple(_seen(reader, other, time) for other in every(reader, OTHER_CHAINS))


def _seen(reader: Reader, other: OtherChain, time: int) -> ChainView:
    there = (1 for _ in every(reader, MESSAGES, other.terms.chain))
    lapsed = time >= other.time + other.terms.trusting_period
    return ChainView(
        other.terms.chain,
        other.main,
        light.HEADER.decode(other.header).height,
        other.time,
        len(other.validators),
        other.escrow,
        other.terms.escrow_cap,
        _running(reader) if other.main else sum(there),
        "frozen" if other.frozen else "lapsed" if lapsed else "trusted",
    )


def key_of(about: Shown, of: str, to: str) -> str:
    """Under which key a chain holds what it shows to the chain `to`."""
    return MESSAGES.key(to, of) if about == "message" else KEYS_OF[about].key(of)


def to_carry(source: Reader, target: Reader, time: int) -> tuple[Waiting, ...]:
    """What the target should be shown of the source, in an order in which it is taken.

    `time` is that of the source's newest header: silence means nothing before a request's end.
    """
    here, there = find_chain(source).chain, find_chain(target).chain
    known = find(target, OTHER_CHAINS, here)
    if known is None or known.frozen:
        return ()
    waiting = _from_main(source, target, there) if known.main else _from_sub_chain(source, target, here, time)
    old = known.main and time >= known.time + known.terms.fresh // 4 and _running(target)
    return tuple(waiting) or ((Waiting("header"),) if old else ())


def _from_main(source: Reader, target: Reader, there: str) -> Iterator[Waiting]:
    """Members as they have changed, revocations, and teams whose rounds have not begun."""
    shown = (known.member for known in every(target, MEMBERS))
    members = dict.fromkeys(name for name in shown if find(source, MEMBERS, name) is not None)
    openings = []
    for message in every(source, MESSAGES, there):
        opening = message.content
        if isinstance(opening, Opening) and find(target, REQUESTS, opening.request.request) is None:
            openings.append(opening.request.request)
            members |= dict.fromkeys((opening.request.member, *(place.member for place in opening.places)))
    for member in members:
        if find(source, MEMBERS, member) != find(target, MEMBERS, member):
            yield Waiting("member", member)
    for grant in dict.fromkeys(allocated.grant for allocated in every(target, ALLOCATIONS)):
        given = find(source, GRANTS, grant)
        if given is not None and given.revoked and find(target, REVOKED, grant) is None:
            yield Waiting("grant", grant)
    for name in openings:
        yield Waiting("message", name)


def _from_sub_chain(source: Reader, target: Reader, here: str, time: int) -> Iterator[Waiting]:
    """Outcomes; and after its end, that a request has none, or that it never began."""
    main = find_chain(target).chain
    for message in every(target, MESSAGES, here):
        if not isinstance(message.content, Opening):
            continue
        name, late = message.content.request.request, time >= message.content.final
        if late and find(source, REQUESTS, name) is None:
            yield Waiting("request", name)
        elif late or find(source, MESSAGES, main, name) is not None:
            yield Waiting("message", name)


def _running(reader: Reader) -> int:
    """How many requests are under way on a sub-chain: only those have a team."""
    return sum(1 for _ in every(reader, TEAMS))
