"""Members as others see them, and what they are asked to vote on."""

from ...base.codec import Record
from ...base.ids import Role
from .. import records as r
from ..changes import Change
from ..state import (
    ACCOUNTS,
    APPLICATIONS,
    BALLOTS,
    ELECTORATES,
    MEMBERS,
    PLACES,
    PROGRESS,
    PROPOSALS,
    REQUESTS,
    Reader,
)
from .reading import chain, every, find


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
    known, account = find(reader, MEMBERS, name), find(reader, ACCOUNTS, name)
    if known is None or account is None:
        return None
    return MemberView(
        name,
        known.key,
        known.encryption_key,
        known.roles,
        known.active,
        time >= account.seen + chain(reader).dormant_after,
        tuple(device for device in known.devices if time < device.until),
        known.software,
        account.balance,
        _in_escrow(reader, name),
        _staked(reader, name),
        account.credit,
        account.low,
        account.seen,
    )


def _in_escrow(reader: Reader, name: str) -> int:
    mine = (one.request for one in every(reader, REQUESTS) if one.member == name)
    held = (find(reader, PROGRESS, request) for request in mine)
    return sum(one.escrow for one in held if one is not None)


def _staked(reader: Reader, name: str) -> int:
    applied = sum(one.locked for one in every(reader, APPLICATIONS) if one.member == name)
    return applied + sum(one.deposit for one in every(reader, PLACES) if one.member == name)


def members(reader: Reader, time: int) -> tuple[MemberView, ...]:
    """All members."""
    found = (member(reader, known.member, time) for known in every(reader, MEMBERS))
    return tuple(view for view in found if view is not None)


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
    found, electorate = find(reader, PROPOSALS, name), find(reader, ELECTORATES, name)
    if found is None or electorate is None:
        return None
    ballots = ((one, find(reader, BALLOTS, name, one)) for one in electorate.members)
    return ProposalView(
        name,
        found.member,
        found.change,
        found.stage,
        found.deadline,
        found.approvals,
        found.refusals,
        electorate.members,
        tuple((one, ballot.approve) for one, ballot in ballots if ballot is not None),
    )


def proposals(reader: Reader, stage: str = "") -> tuple[ProposalView, ...]:
    """All proposals, or those of one stage: open, passed, effective, lapsed, void."""
    named = (one.proposal for one in every(reader, PROPOSALS) if stage in ("", one.stage))
    found = (proposal(reader, name) for name in named)
    return tuple(view for view in found if view is not None)
