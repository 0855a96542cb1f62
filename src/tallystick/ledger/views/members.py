"""Members as others see them, and what they are asked to vote on."""

from collections import defaultdict

from ...base.codec import Record
from ...base.ids import Role
from .. import records as r
from ..state import (
    ACCOUNTS,
    APPLICATIONS,
    BALLOTS,
    ELECTORATES,
    LIVE_REQUESTS,
    MEMBERS,
    PLACES,
    PROGRESS,
    PROPOSALS,
    Reader,
)
from ..transactions.changes import Change
from ..transition import find_chain as chain
from .reading import every, find, keyed


class MemberView(Record):
    """A member with what it has and whether it is heard of."""

    member: str
    key: bytes
    encryption_key: bytes
    roles: tuple[Role, ...]
    active: bool
    dormant: bool
    devices: tuple[r.Device, ...]
    software: bytes
    balance: int
    in_escrow: int  # what its live requests hold
    staked: int  # what it has staked in teams and applications
    credit: int
    next_number: int
    seen: int


def member(reader: Reader, name: str, time: int) -> MemberView | None:
    """A member, or None."""
    known = find(reader, MEMBERS, name)
    return None if known is None else _seen(reader, known, time, _bound(reader))


def members(reader: Reader, time: int) -> tuple[MemberView, ...]:
    """All members."""
    bound = _bound(reader)
    return tuple(_seen(reader, known, time, bound) for known in every(reader, MEMBERS))


def _seen(reader: Reader, known: r.Member, time: int, bound: dict[str, list[int]]) -> MemberView:
    account = find(reader, ACCOUNTS, known.member) or r.Account()
    in_escrow, staked = bound.get(known.member, (0, 0))
    return MemberView(
        known.member,
        known.key,
        known.encryption_key,
        known.roles,
        known.active,
        time >= account.seen + chain(reader).dormant_after,
        tuple(device for device in known.devices if time < device.until),
        known.software,
        account.balance,
        in_escrow,
        staked,
        account.credit,
        account.low,
        account.seen,
    )


def _bound(reader: Reader) -> dict[str, list[int]]:
    """What live requests hold of each member: in their escrows, and as stakes."""
    bound: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for name, live in keyed(reader, LIVE_REQUESTS):
        now = find(reader, PROGRESS, name)
        bound[live.member][0] += now.escrow if now else 0
    for application in every(reader, APPLICATIONS):
        bound[application.member][1] += application.locked
    for place in every(reader, PLACES):
        bound[place.member][1] += place.deposit
    return bound


class ProposalView(Record):
    """A change that was put to the vote, and how it stands."""

    proposal: str
    member: str
    change: Change
    stage: str
    deadline: int
    approvals: int
    refusals: int
    electorate: tuple[str, ...]
    voted: tuple[tuple[str, bool], ...]


def proposal(reader: Reader, name: str) -> ProposalView | None:
    """A proposal, or None."""
    made, electorate = find(reader, PROPOSALS, name), find(reader, ELECTORATES, name)
    if made is None or electorate is None:
        return None
    ballots = ((voter, find(reader, BALLOTS, name, voter)) for voter in electorate.members)
    return ProposalView(
        name,
        made.member,
        made.change,
        made.stage,
        made.deadline,
        made.approvals,
        made.refusals,
        electorate.members,
        tuple((voter, ballot.approve) for voter, ballot in ballots if ballot is not None),
    )


def proposals(reader: Reader, stage: str = "") -> tuple[ProposalView, ...]:
    """All proposals, or those of one stage: open, passed, effective, lapsed, void."""
    named = (made.proposal for made in every(reader, PROPOSALS) if stage in ("", made.stage))
    views = (proposal(reader, name) for name in named)
    return tuple(view for view in views if view is not None)
