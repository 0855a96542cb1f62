"""What the ledger announces, entered into the books one notice at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tallystick.ledger import notices
from tallystick.ledger import transactions as tx
from tallystick.ledger.state import PROPOSALS, RECORDS, REQUESTS
from tests.ledger.memory import View
from tests.ledger.model import endings, phases, rounds, votes
from tests.ledger.model.books import Books, StandingTeamModel
from tests.ledger.model.budgets import GrantModel, LineageModel, UnitModel
from tests.ledger.model.request_model import MoneyModel, RequestModel, ResultModel
from tests.ledger.model.sums import shared
from tests.ledger.model.teams import depart, entered, entitled, form, give_back, in_its_role
from tests.ledger.observed import Broken, ensure


def request_of(books: Books, name: str) -> RequestModel:
    request = books.live.get(name)
    if request is None:
        raise Broken(f"something is announced of {name}, which does not live")
    return request


# --- members, votes, tokens -------------------------------------------------------------------------


def _moved(books: Books, notice: notices.TokensMoved, view: View) -> None:
    books.members[notice.payer].balance -= notice.amount
    books.members[notice.payee].balance += notice.amount


def _issued(books: Books, notice: notices.TokensIssued, view: View) -> None:
    change: Any = tx.Mint(notice.to, notice.amount) if notice.to else tx.FillPool(notice.amount)
    ensure(change in votes.passed(books), notice, "without a vote")
    books.issued += notice.amount
    ensure(books.issued <= books.limits.cap, books.issued, "are issued above the cap", books.limits.cap)
    if notice.to:
        books.members[notice.to].balance += notice.amount
    else:
        books.pool += notice.amount


def _admitted(books: Books, notice: notices.MemberAdmitted, view: View) -> None:
    admits = [c for c in votes.passed(books) if isinstance(c, tx.Admit) and c.member == notice.member]
    ensure(admits and notice.member not in books.members, notice, "without a vote")
    votes.admit(books, admits[0], notice.roles)


def _proposed(books: Books, notice: notices.ProposalMade, view: View) -> None:
    record = view.find(PROPOSALS, notice.proposal)
    assert record is not None
    votes.proposed(books, notice.proposal, record.change)


def _cast(books: Books, notice: notices.VoteCast, view: View) -> None:
    books.proposals[notice.proposal].votes[notice.member] = notice.approve


def _decided(books: Books, notice: notices.ProposalDecided, view: View) -> None:
    votes.decided(books, notice.proposal, notice.outcome)


def _suspended(books: Books, notice: notices.MemberSuspended, view: View) -> None:
    books.members[notice.member].active = False


def _reinstated(books: Books, notice: notices.MemberReinstated, view: View) -> None:
    books.members[notice.member].active = True


def _roles(books: Books, notice: notices.RolesSet, view: View) -> None:
    books.members[notice.member].roles = notice.roles


def _key(books: Books, notice: notices.KeyReplaced, view: View) -> None:
    own = books.members[notice.member]
    own.key = notice.key
    books.keys.add(notice.key)
    if notice.recovered:
        own.devices = {}


def _device(books: Books, notice: notices.DeviceAdded, view: View) -> None:
    books.members[notice.member].devices[notice.key] = books.now.body.until
    books.keys.add(notice.key)


def _no_device(books: Books, notice: notices.DeviceRemoved, view: View) -> None:
    del books.members[notice.member].devices[notice.key]


# --- units and grants -------------------------------------------------------------------------------


def _unit(books: Books, notice: notices.UnitRegistered, view: View) -> None:
    body, budgets = books.now.body, books.budgets
    if notice.lineage not in budgets.lineages:
        asked = body.budget
        budgets.lineages[notice.lineage] = LineageModel(
            notice.owner, asked.epsilon_nano, asked.delta_e12, asked.protects
        )
    roots = (body.training_root, body.judging_root)
    for root in roots:
        known = budgets.roots.get(root, notice.lineage)
        ensure(known == notice.lineage, notice, "refreshes", known)
    budgets.note_roots(roots, notice.lineage)
    terms = body.terms
    budgets.units[notice.unit] = UnitModel(
        notice.owner, notice.lineage, True, terms.unaccounted, body.profile.rows, terms.reuse, terms.audience
    )


def _unit_gone(books: Books, notice: notices.UnitWithdrawn, view: View) -> None:
    books.budgets.units[notice.unit].active = False


def _unit_moved(books: Books, notice: notices.UnitMoved, view: View) -> None:
    unit = books.budgets.units[notice.unit]
    unit.owner = books.budgets.lineages[unit.lineage].owner = notice.owner


def _given(books: Books, notice: notices.GrantGiven, view: View) -> None:
    body = books.now.body
    books.budgets.grants[notice.grant] = GrantModel(
        body.unit, books.now.sender, body.to, body.purpose, body.until, body.uses, body.statistics_only
    )


def _revoked(books: Books, notice: notices.GrantRevoked, view: View) -> None:
    books.budgets.grants[notice.grant].revoked = True


# --- requests and teams -----------------------------------------------------------------------------


def _requested(books: Books, notice: notices.RequestPosted, view: View) -> None:
    request = view.find(REQUESTS, notice.request)
    assert request is not None
    body = books.now.body
    same = (request.rules, request.reward, request.member, request.parent) == (
        body.rules, body.reward, books.now.sender, body.parent,
    )  # fmt: skip
    ensure(same and notice.reward == body.reward, notice, "was posted as", body)
    if body.parent:
        above = books.live[body.parent].money
        above.escrow, above.purchased = above.escrow - body.reward, above.purchased + body.reward
    else:
        books.members[books.now.sender].balance -= body.reward
    books.origins[notice.request] = (body.parent, books.now.sender)
    books.live[notice.request] = RequestModel(
        request, MoneyModel(body.reward), ResultModel(body.initial), books.now.time + body.rules.forming.wait
    )


def _applied(books: Books, notice: notices.Applied, view: View) -> None:
    request = request_of(books, notice.request)
    ensure(notice.bench == (request.stage != "forming"), notice, "when it is", request.stage)
    entered(books, request, notice.member, books.now.body)


def _withdrawn(books: Books, notice: notices.ApplicationWithdrawn, view: View) -> None:
    request = request_of(books, notice.request)
    team = request.team
    give_back(books, request, team.applications[notice.member])
    team.bench = [m for m in team.bench if m != notice.member]


def _listed(books: Books, notice: notices.TeamListed, view: View) -> None:
    request_of(books, notice.request).team.listed = books.now.body.members


def _graded(books: Books, notice: notices.AbilitiesGraded, view: View) -> None:
    for member, ability in books.now.body.grades:
        request_of(books, notice.request).team.applications[member].ability = ability


def _formed(books: Books, notice: notices.TeamFormed, view: View) -> None:
    request = request_of(books, notice.request)
    ensure(
        request.stage == "forming" and books.now.time >= request.deadline, notice, "when it is", request.stage
    )
    why = form(books, request)
    own = (request.team.leader, tuple(request.team.active))
    ensure(not why and (notice.leader, notice.members) == own, notice, "by the books", own, why)
    request.stage = "opening" if request.rules.opening else "rounds"
    request.round = int(not request.rules.opening)
    request.until = books.now.time + request.rules.stopping.time


def _left(books: Books, notice: notices.MemberLeft, view: View) -> None:
    request = request_of(books, notice.request)
    if notice.reason == "left":
        ensure(books.now.sender == notice.member, notice, "but", books.now.sender, "asked for it")
        rounds.left(books, request, notice.member)
    elif notice.reason in ("released", "withdrawn"):
        ensure(not entitled(books, request, notice.member), notice, "though it may go on")
        voted = not in_its_role(books, request, notice.member)
        ensure(voted == (notice.reason == "released"), notice, "by the books it was voted out:", voted)
        if not voted:
            rounds.taken_back(request, request.team.places[notice.member])
        depart(books, request, notice.member, notice.reason)
    else:
        ensure(
            request.announced("MemberLeft", notice.member, notice.reason), notice, "which nothing explains"
        )


def _joined(books: Books, notice: notices.MemberJoined, view: View) -> None:
    request = request_of(books, notice.request)
    ensure(
        request.announced("MemberJoined", notice.member, str(notice.round)), notice, "which nothing explains"
    )


def _founded(books: Books, notice: notices.TeamFounded, view: View) -> None:
    books.teams[notice.team] = StandingTeamModel(books.now.body.members, [notice.leader])


def _team_joined(books: Books, notice: notices.TeamJoined, view: View) -> None:
    books.teams[notice.team].joined.append(notice.member)


# --- rounds -----------------------------------------------------------------------------------------


def _phase(books: Books, notice: notices.PhaseOpened, view: View) -> None:
    phases.opened(books, request_of(books, notice.request), notice.round, notice.phase, notice.deadline)


def _reveals(books: Books, notice: notices.RevealsOpened, view: View) -> None:
    phases.reveals_open(books, request_of(books, notice.request), notice.phase, notice.deadline)


def _posted(books: Books, notice: notices.Posted, view: View) -> None:
    phases.posted(books, request_of(books, notice.request), notice.member, books.now.body)


def _revealed(books: Books, notice: notices.Revealed, view: View) -> None:
    phases.revealed(books, request_of(books, notice.request), notice.member, books.now.body)


def _missed(books: Books, notice: notices.TurnMissed, view: View) -> None:
    phases.missed(books, request_of(books, notice.request), notice.phase, notice.member, notice.reason)


def _closed(books: Books, notice: notices.PhaseClosed, view: View) -> None:
    request = request_of(books, notice.request)
    phases.closed(books, request, notice.phase, notice.counts)
    if request.stage == "opening" and phases.following(request) is None and books.now.time < request.until:
        rounds.end_opening(books, request)


def _round(books: Books, notice: notices.RoundEnded, view: View) -> None:
    rounds.round_ended(books, request_of(books, notice.request), notice.round, notice.complete, notice.figure)


def _stopped(books: Books, notice: notices.RoundsStopped, view: View) -> None:
    rounds.stopped(books, request_of(books, notice.request), notice.reason)


# --- endings ----------------------------------------------------------------------------------------


def _recorder(books: Books, notice: notices.RecorderElected, view: View) -> None:
    endings.recorder_elected(books, request_of(books, notice.request), notice.member, notice.attempt)


def _record(books: Books, notice: notices.RecordPosted, view: View) -> None:
    endings.record_posted(
        books, request_of(books, notice.request), notice.member, notice.model, notice.figure
    )


def _stated(books: Books, notice: notices.Approved, view: View) -> None:
    endings.stated(books, request_of(books, notice.request), notice.member, books.now.body.figure)


def _record_decided(books: Books, notice: notices.RecordDecided, view: View) -> None:
    request = request_of(books, notice.request)
    endings.decided(books, request, notice.stands, notice.approving, notice.electorate)


def _test(books: Books, notice: notices.TestOpened, view: View) -> None:
    endings.test_opened(books, request_of(books, notice.request))


def _paid(books: Books, notice: notices.Paid, view: View) -> None:
    if notice.why == "reuse":
        books.members[notice.member].balance += notice.amount
        books.now.reused.append((notice.member, notice.amount))
    else:
        request_of(books, notice.request).money.paid.append((notice.member, notice.amount, notice.why))


def _fined(books: Books, notice: notices.Fined, view: View) -> None:
    fined = request_of(books, notice.request).money.fined
    ensure(notice.member not in fined and notice.amount > 0, notice, "a second time")
    fined[notice.member] = notice.amount


def _ended(books: Books, notice: notices.RequestEnded, view: View) -> None:
    request = request_of(books, notice.request)
    endings.ended(books, request, notice.outcome, notice.reason, view)
    record = view.find(RECORDS, notice.request)
    ensure((record is not None) == (notice.outcome == "settled"), notice, "has the record", record)
    if record is not None:
        books.records[notice.request] = (record, request.posted.purpose)


def _reused(books: Books, notice: notices.RecordReused, view: View) -> None:
    record, _ = books.records[notice.request]
    makers = [member for member, _ in record.contributions]
    parts = shared(notice.fee, [part for _, part in record.contributions])
    ensure(
        books.now.reused == list(zip(makers, parts, strict=True)),
        notice,
        "paid",
        books.now.reused,
        "not",
        parts,
    )
    books.members[notice.member].balance -= notice.fee


def _alarm(books: Books, notice: notices.Alarm, view: View) -> None:
    raise Broken(f"an alarm: {notice.fault}")


ENTRIES: dict[type[notices.Said], Callable[[Books, Any, View], None]] = {
    notices.TokensMoved: _moved,
    notices.TokensIssued: _issued,
    notices.MemberAdmitted: _admitted,
    notices.ProposalMade: _proposed,
    notices.VoteCast: _cast,
    notices.ProposalDecided: _decided,
    notices.MemberSuspended: _suspended,
    notices.MemberReinstated: _reinstated,
    notices.RolesSet: _roles,
    notices.KeyReplaced: _key,
    notices.DeviceAdded: _device,
    notices.DeviceRemoved: _no_device,
    notices.UnitRegistered: _unit,
    notices.UnitWithdrawn: _unit_gone,
    notices.UnitMoved: _unit_moved,
    notices.GrantGiven: _given,
    notices.GrantRevoked: _revoked,
    notices.RequestPosted: _requested,
    notices.Applied: _applied,
    notices.ApplicationWithdrawn: _withdrawn,
    notices.TeamListed: _listed,
    notices.AbilitiesGraded: _graded,
    notices.TeamFormed: _formed,
    notices.MemberLeft: _left,
    notices.MemberJoined: _joined,
    notices.TeamFounded: _founded,
    notices.TeamJoined: _team_joined,
    notices.PhaseOpened: _phase,
    notices.RevealsOpened: _reveals,
    notices.Posted: _posted,
    notices.Revealed: _revealed,
    notices.TurnMissed: _missed,
    notices.PhaseClosed: _closed,
    notices.RoundEnded: _round,
    notices.RoundsStopped: _stopped,
    notices.RecorderElected: _recorder,
    notices.RecordPosted: _record,
    notices.Approved: _stated,
    notices.RecordDecided: _record_decided,
    notices.TestOpened: _test,
    notices.Paid: _paid,
    notices.Fined: _fined,
    notices.RequestEnded: _ended,
    notices.RecordReused: _reused,
    notices.Alarm: _alarm,
}
