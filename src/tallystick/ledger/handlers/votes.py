"""What members decide together: admission, suspension, recovery, roles, minting, disputes, upgrades."""

from typing import Final

from msgspec.structs import replace

from ...base.ids import Role
from .. import deadlines, notices
from .. import rejections as no
from .. import transactions as tx
from ..records import Account, Ballot, Member, Names, Proposal
from ..rejections import Refusal, ensure, refusing
from ..state import ACCOUNTS, BALLOTS, CHAIN, ELECTORATES, LINEAGES, MEMBERS, PROPOSALS, UNITS, Draft
from .chains import ensure_registrable, register
from .members import claim_key, ensure_encryption_key, ensure_key
from .tokens import ensure_below_cap, issue
from .units import move_lineage

PROPOSAL: Final = "proposal"


def propose(draft: Draft, body: tx.Propose) -> None:
    """Put a change to the vote of every active member that is neither dormant nor its subject."""
    # CHECKS
    ensure_possible(draft, body.change)
    electorate = _electorate(draft, body.change)
    nobody = "those who may decide on this, and nobody else is there to decide"
    ensure(electorate, refusing(no.NotEligible, member=draft.sender, of=nobody))

    # EFFECTS
    proposal = draft.new_id(PROPOSAL)
    deadline = draft.time + max(1, draft.get(CHAIN).vote_wait)
    made = Proposal(proposal, draft.sender, body.change, "open", deadline, len(electorate))
    draft.put(PROPOSALS, made, proposal)
    draft.put(ELECTORATES, Names(electorate), proposal)
    deadlines.schedule(draft, deadline, PROPOSAL, proposal)
    draft.emit(notices.ProposalMade(proposal, draft.sender, type(body.change).__name__.lower()))


def vote(draft: Draft, body: tx.Vote) -> None:
    """Cast a vote; a proposal passes above two thirds of its electorate and lapses when it no longer can."""
    # CHECKS
    proposal = draft.find(PROPOSALS, body.proposal)
    if proposal is None:
        raise no.UnknownRecord(table=PROPOSAL, id=body.proposal)
    stage = "past its deadline" if draft.time >= proposal.deadline else proposal.stage
    ensure(stage == "open", refusing(no.WrongStage, table=PROPOSAL, id=body.proposal, stage=stage))
    may = draft.sender in draft.get(ELECTORATES, body.proposal).members
    ensure(may, refusing(no.NotEligible, member=draft.sender, of=f"the electorate of {body.proposal!r}"))
    voted = draft.find(BALLOTS, body.proposal, draft.sender)
    ensure(voted is None, refusing(no.AlreadyDone, member=draft.sender, deed=f"voted on {body.proposal!r}"))

    # EFFECTS
    draft.put(BALLOTS, Ballot(body.approve), body.proposal, draft.sender)
    counted = draft.add(PROPOSALS, body.proposal, approvals=body.approve, refusals=not body.approve)
    draft.emit(notices.VoteCast(body.proposal, draft.sender, body.approve))
    if _suffice(counted.approvals, counted.electorate):
        _pass(draft, counted)
    elif not _suffice(counted.electorate - counted.refusals, counted.electorate):
        deadlines.cancel(draft, counted.deadline, PROPOSAL, counted.proposal)
        _decide(draft, counted, "lapsed")


def serve_proposal(draft: Draft, proposal: str) -> None:
    """At its deadline an open proposal lapses, and one that passed takes effect if it still can."""
    known = draft.get(PROPOSALS, proposal)
    if known.stage == "open":
        _decide(draft, known, "lapsed")
        return
    try:
        ensure_possible(draft, known.change)
    except Refusal:
        _decide(draft, known, "void")
        return
    _take_effect(draft, known.change)
    _decide(draft, known, "effective")


def void_proposal(draft: Draft, proposal: str) -> None:
    """End a proposal whose effect failed: nothing of it stands."""
    _decide(draft, draft.get(PROPOSALS, proposal), "void")


def ensure_possible(draft: Draft, change: tx.Change) -> None:
    """Refuse a change that could not take effect as things stand."""
    match change:
        case tx.Admit():
            known = draft.find(MEMBERS, change.member)
            ensure(known is None, refusing(no.AlreadyExists, table="member", id=change.member))
            _ensure_roles(change.roles)
            ensure_key(draft, change.member, change.key, change.possession)
            ensure_encryption_key(change.encryption_key)
        case tx.Suspend():
            _ensure_standing(_member(draft, change.member), active=True)
        case tx.Reinstate():
            _ensure_standing(_member(draft, change.member), active=False)
        case tx.Recover():
            _member(draft, change.member)
            ensure_key(draft, change.member, change.key, change.possession)
            ensure_encryption_key(change.encryption_key)
        case tx.SetRoles():
            _member(draft, change.member)
            _ensure_roles(change.roles)
        case tx.Mint():
            _member(draft, change.member)
            ensure_below_cap(draft, change.amount)
        case tx.FillPool():
            ensure_below_cap(draft, change.amount)
        case tx.Dispute():
            _member(draft, change.owner)
            _ensure_disputable(draft, change)
        case tx.Upgrade():
            _ensure_upgradable(draft, change)
        case tx.RegisterChain():
            ensure_registrable(draft, change)


def _member(draft: Draft, name: str) -> Member:
    member = draft.find(MEMBERS, name)
    if member is None:
        raise no.UnknownMember(member=name)
    return member


def _ensure_standing(member: Member, active: bool) -> None:
    stage = "active" if member.active else "suspended"
    ensure(member.active == active, refusing(no.WrongStage, table="member", id=member.member, stage=stage))


def _ensure_roles(roles: tuple[Role, ...]) -> None:
    once = len(set(roles)) == len(roles)
    ensure(once, refusing(no.OutOfRange, field="roles", value=", ".join(roles), bound="each named once"))


def _ensure_disputable(draft: Draft, change: tx.Dispute) -> None:
    unit = draft.find(UNITS, change.unit)
    if unit is None:
        raise no.UnknownRecord(table="unit", id=change.unit)
    owner = draft.get(LINEAGES, unit.lineage).owner
    stage = f"already owned by {owner!r}"
    ensure(owner != change.owner, refusing(no.WrongStage, table="unit", id=change.unit, stage=stage))


def _ensure_upgradable(draft: Draft, change: tx.Upgrade) -> None:
    # Whether this program knows the version is not asked here: programs of different age must agree.
    chain = draft.get(CHAIN)
    stage = f"to follow version {chain.next_version} of the rules at height {chain.upgrade_height}"
    waiting = refusing(no.WrongStage, table="chain", id=chain.chain, stage=stage)
    ensure(not chain.next_version, waiting)
    following = f"{chain.version + 1}, the next one"
    ensure(
        change.version == chain.version + 1,
        refusing(no.OutOfRange, field="version", value=change.version, bound=following),
    )
    above = f"above {draft.height}"
    passed = refusing(no.OutOfRange, field="height", value=change.height, bound=above)
    ensure(change.height > draft.height, passed)


def _electorate(draft: Draft, change: tx.Change) -> tuple[str, ...]:
    chain, concerned = draft.get(CHAIN), _concerned(draft, change)
    return tuple(
        member.member
        for _, member in draft.scan(MEMBERS)
        if member.active
        and member.member not in concerned
        and draft.time < draft.get(ACCOUNTS, member.member).seen + chain.dormant_after
    )


def _concerned(draft: Draft, change: tx.Change) -> tuple[str, ...]:
    """Who may not decide: the subject of the change; of a dispute, both sides."""
    match change:
        case tx.FillPool() | tx.Upgrade() | tx.RegisterChain():
            return ()
        case tx.Dispute():
            return change.owner, draft.get(LINEAGES, draft.get(UNITS, change.unit).lineage).owner
        case _:
            return (change.member,)


def _suffice(approvals: int, electorate: int) -> bool:
    return 3 * approvals > 2 * electorate


def _pass(draft: Draft, proposal: Proposal) -> None:
    deadlines.cancel(draft, proposal.deadline, PROPOSAL, proposal.proposal)
    effective = draft.time + max(1, draft.get(CHAIN).vote_delay)
    _decide(draft, replace(proposal, deadline=effective), "passed")
    deadlines.schedule(draft, effective, PROPOSAL, proposal.proposal)


def _decide(draft: Draft, proposal: Proposal, outcome: str) -> None:
    draft.put(PROPOSALS, replace(proposal, stage=outcome), proposal.proposal)
    draft.emit(notices.ProposalDecided(proposal.proposal, outcome))


def _take_effect(draft: Draft, change: tx.Change) -> None:
    match change:
        case tx.Admit():
            _admit(draft, change)
        case tx.Suspend():
            draft.change(MEMBERS, change.member, active=False)
            draft.emit(notices.MemberSuspended(change.member))
        case tx.Reinstate():
            draft.change(MEMBERS, change.member, active=True)
            draft.emit(notices.MemberReinstated(change.member))
        case tx.Recover():
            _recover(draft, change)
        case tx.SetRoles():
            roles = tuple(sorted(change.roles))
            draft.change(MEMBERS, change.member, roles=roles)
            draft.emit(notices.RolesSet(change.member, roles))
        case tx.Mint():
            issue(draft, change.member, change.amount)
        case tx.FillPool():
            issue(draft, "", change.amount)
        case tx.Dispute():
            unit = draft.get(UNITS, change.unit)
            move_lineage(draft, unit.lineage, change.owner)
            if not unit.active:
                draft.emit(notices.UnitMoved(change.unit, change.owner))
        case tx.Upgrade():
            draft.change(CHAIN, next_version=change.version, upgrade_height=change.height)
        case tx.RegisterChain():
            register(draft, change)


def _admit(draft: Draft, change: tx.Admit) -> None:
    roles = tuple(sorted(change.roles))
    member = Member(change.member, change.key, change.encryption_key, roles)
    claim_key(draft, change.member, change.key)
    draft.put(MEMBERS, member, change.member)
    draft.put(ACCOUNTS, Account(seen=draft.time), change.member)
    draft.add(CHAIN, members=1)
    draft.emit(notices.MemberAdmitted(change.member, roles))


def _recover(draft: Draft, change: tx.Recover) -> None:
    fresh = {"key": change.key, "encryption_key": change.encryption_key, "devices": ()}
    claim_key(draft, change.member, change.key)
    draft.change(MEMBERS, change.member, **fresh)
    draft.emit(notices.KeyReplaced(change.member, change.key, recovered=True))
